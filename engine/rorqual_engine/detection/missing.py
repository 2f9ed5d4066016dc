"""Signals that a service does not have, and what is not looked for without them."""

from rorqual_engine.snapshot import Service
from rorqual_engine.timing import Capability


def missing_signals(service: Service, capability: Capability | None) -> tuple[str, ...]:
    """In words; nothing of a service of which no replica serves."""
    serving = [pod for pod in service.pods if pod.serving]
    if not serving:
        return ()
    objectives = service.spec.objectives
    gpu = service.memory.sized.configuration.gpu if service.memory.sized else "the GPU"
    absent = (
        (not any(pod.gpus for pod in serving), "GPU metrics (DCGM exporter): errors and clocks of GPUs"),
        (capability is None, f"speed of {gpu}: slow replicas, too few sequences"),
        (
            objectives.ttft is None and objectives.tpot is None,
            "objectives: their misses, other lengths, too few sequences",
        ),
        (len(serving) == 1, "a second replica: slowness beside siblings"),
    )
    return tuple(text for gone, text in absent if gone)
