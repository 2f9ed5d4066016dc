"""How fast each replica works beside what the performance law says for its load.

A high time between tokens under load is not what it is at rest: the law has both. What remains is the replica's own.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rorqual_engine.plan import Readiness
from rorqual_engine.snapshot import EngineMetrics, Heard, Pod, Service
from rorqual_engine.timing import Capability

LEAST_TOKENS_PER_SECOND = 5.0
"""Below it a mean is of too few tokens."""
WARM_UP_SECONDS = 30.0
"""Of a replica that has just become ready: what it does in them says nothing of its GPU. A vLLM compiles and fills its
caches with its first requests; over its first minute one was three times as slow as its sibling."""
MOST_PREFILL = 0.8
"""Share of the time that the law may give to prompts; beyond it, it says nothing of decoding."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Of one replica over its metrics' window."""

    pod: Pod
    observed_seconds: float
    """Mean time between tokens."""
    expected_seconds: float
    """By the law, for as many sequences and prompts."""
    filling: float
    """Share of the time that goes to prompts, by the law."""

    @property
    def residual(self) -> float:
        """1 is as the law says; 2 takes twice as long."""
        return self.observed_seconds / self.expected_seconds


def paces(
    service: Service, capability: Capability | None, readiness: Sequence[Readiness], heard: Sequence[Heard]
) -> list[Pace]:
    """Of the pods that are heard, make tokens and have warmed up; none where the law does not know the GPU."""
    sized = service.memory.sized
    if capability is None:
        return []
    began = {one.pod: one.since for one in readiness}
    found = []
    for pod, metrics in heard:
        if not _warm(metrics, began.get(pod.name, pod.ready_since)):
            continue
        if sized is not None and pod.gpu_product not in (None, sized.configuration.gpu):
            continue  # the law is of another GPU
        pace = _pace(pod, service, capability, metrics)
        if pace is not None:
            found.append(pace)
    return found


def _warm(metrics: EngineMetrics, ready_since: float | None) -> bool:
    """Whether all that the metrics tell of came after the pod's first seconds."""
    begins = metrics.observed_at - metrics.window_seconds
    return ready_since is None or begins >= ready_since + WARM_UP_SECONDS


def _pace(pod: Pod, service: Service, capability: Capability, metrics: EngineMetrics) -> Pace | None:
    """A step with the sequences that decoded on average, by Little's law, and the prompts' part of the time."""
    rate, prompts = metrics.generation_tokens_per_second or 0.0, metrics.prompt_tokens_per_second or 0.0
    mean = metrics.tpot_mean_seconds
    if not mean or rate < LEAST_TOKENS_PER_SECOND:
        return None
    sequences = max(1.0, rate * mean)
    expected = service.spec.workload
    timing = capability.timing
    prompt = float(expected.input_tokens)
    if metrics.requests_per_second:
        prompt = prompts / metrics.requests_per_second
    per_token = timing.prefill_seconds(prompt) / prompt if prompt > 0 else 0.0
    filling = prompts * (1.0 - (metrics.prefix_hit_rate or 0.0)) * per_token
    if filling > MOST_PREFILL:
        return None
    context = sequences * (prompt + expected.output_tokens / 2.0)
    return Pace(pod, mean, timing.decode_seconds(sequences, context) / (1.0 - filling), filling)


def middle(found: Mapping[str, float] | list[float]) -> float | None:
    """The median; None of nothing."""
    values = list(found.values()) if isinstance(found, Mapping) else found
    return statistics.median(values) if values else None
