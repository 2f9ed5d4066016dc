"""Operating points from the metrics of running engines."""

from collections.abc import Iterator
from dataclasses import replace

from rorqual_engine.observation import MeasurementError, Observation
from rorqual_engine.plan import Memory
from rorqual_engine.snapshot import EngineMetrics, Service

OBSERVE_SECONDS = 300.0
"""Between two observations of a service: loads differ little within less, and each costs a new search."""
KEPT_OBSERVATIONS = 32
LEAST_REQUESTS = 20
"""In the window, or its medians say little."""
STEADY = 1.5
"""The gauge of running requests and Little's law may differ by so much, or the load was changing."""


def observe(service: Service, memory: Memory, now: float) -> Memory:
    """The memory with this moment's operating points, where they are due and steady.

    Points of another configuration are forgotten: another number of GPUs is another law.
    """
    running = service.workload.configuration if service.workload and service.workload.rolled_out else None
    if running is None:
        return memory
    if memory.observed != running:
        memory = replace(memory, observed=running, observations=(), observed_at=None)
    if memory.observed_at is not None and now - memory.observed_at < OBSERVE_SECONDS:
        return memory
    fresh = tuple(_points(service, now))
    if not fresh:
        return memory
    kept = (*memory.observations, *fresh)[-KEPT_OBSERVATIONS:]
    return replace(memory, observations=kept, observed_at=now)


def _points(service: Service, now: float) -> Iterator[Observation]:
    for _, seen in service.heard(now):
        point = operating_point(seen)
        if point is not None:
            yield point


def operating_point(seen: EngineMetrics) -> Observation | None:
    """What one engine did over its window; None when that was too little, not steady, or not told."""
    rate, ttft, tpot = seen.requests_per_second, seen.ttft.p50_seconds, seen.tpot.p50_seconds
    prompts, answers = seen.prompt_tokens_per_second, seen.generation_tokens_per_second
    if not (rate and ttft and tpot and prompts and answers) or rate * seen.window_seconds < LEAST_REQUESTS:
        return None
    try:
        output = max(1.0, answers / rate)
        in_flight = rate * (ttft + tpot * (output - 1))
        point = Observation(in_flight, prompts / rate, output, ttft, tpot, rate, seen.prefix_hit_rate)
    except MeasurementError:
        return None
    queued = seen.waiting > 0
    steady = in_flight / STEADY <= max(seen.running, 1.0) <= max(in_flight, 1.0) * STEADY
    return point if steady and not queued else None
