"""Signs that there is more work than the replicas can do."""

from collections.abc import Sequence

from rorqual_engine.api.spec import Percentiles
from rorqual_engine.plan import Evidence, Reason, Verdict
from rorqual_engine.promise import read_promise
from rorqual_engine.snapshot import EngineMetrics, Quantiles, Service
from rorqual_engine.units import duration_seconds, format_duration

KV_FULL = 0.95
"""Use of the KV cache from which requests that wait do so for want of it."""

LEAST_WAITING = 2.0
"""Requests of a replica from which on they count as a queue."""

Overload = tuple[Reason, Evidence]


def find_overload(service: Service, metrics: Sequence[EngineMetrics], sequences: int) -> list[Overload]:
    """Signs of overload, the strongest first; `sequences` is what one replica works on at once.

    A missed objective is one only with load behind it: requests waiting, or concurrency above the target. An overload
    lasts until the objectives are met again, since quantiles over a window fall later than the queue does.
    """
    found = _long_queue(metrics, sequences) + _long_wait(service, metrics) + _full_cache(metrics)
    if service.memory.verdict is Verdict.OVERLOAD or _loaded(service, metrics, sequences):
        found += [(Reason.OBJECTIVE_MISSED, evidence) for evidence in missed_objectives(service)]
    return found


def missed_objectives(service: Service) -> list[Evidence]:
    """Percentiles over the service's pods that are above the spec's bounds."""
    objectives = service.spec.objectives
    return [
        *_missed("TTFT", objectives.ttft, service.service_ttft),
        *_missed("TPOT", objectives.tpot, service.service_tpot),
    ]


def _long_queue(metrics: Sequence[EngineMetrics], sequences: int) -> list[Overload]:
    """As much waits as is worked on at most: every new request waits for a whole one to end."""
    waiting = sum(one.waiting for one in metrics)
    capacity = sequences * len(metrics)
    if waiting < capacity or not metrics:
        return []
    expected = f"below {capacity}, the sequences of all replicas"
    return [(Reason.QUEUE_GROWING, Evidence("waiting requests", f"{waiting:.0f}", expected))]


def _long_wait(service: Service, metrics: Sequence[EngineMetrics]) -> list[Overload]:
    """What waits takes longer than the objective of TTFT at the rate at which requests are finished, everywhere."""
    promise, finished = read_promise(service.spec), sum(one.requests_per_second or 0.0 for one in metrics)
    waiting = sum(one.waiting for one in metrics)
    if promise is None or finished <= 0 or not all(one.waiting >= LEAST_WAITING for one in metrics):
        return []
    wait = waiting / finished
    if wait <= promise.ttft_seconds:
        return []
    observed = f"{waiting:.0f}, {format_duration(wait)} of work"
    return [
        (
            Reason.QUEUE_GROWING,
            Evidence("waiting requests", observed, f"at most {format_duration(promise.ttft_seconds)} of work"),
        )
    ]


def _full_cache(metrics: Sequence[EngineMetrics]) -> list[Overload]:
    full = [
        one.kv_use
        for one in metrics
        if one.kv_use is not None and one.kv_use >= KV_FULL and one.waiting >= LEAST_WAITING
    ]
    if not full:
        return []
    observed = f"{max(full):.0%} with requests waiting"
    return [(Reason.KV_CACHE_FULL, Evidence("KV cache use", observed, f"below {KV_FULL:.0%}"))]


def _loaded(service: Service, metrics: Sequence[EngineMetrics], sequences: int) -> bool:
    target = sequences * service.spec.scaling.targets.concurrency_percent / 100
    running = sum(one.running for one in metrics)
    return any(one.waiting > 0 for one in metrics) or running > target * len(metrics) > 0


def _missed(name: str, bounds: Percentiles | None, observed: Quantiles) -> list[Evidence]:
    if bounds is None:
        return []
    found = []
    for percentile in ("p50", "p90", "p95", "p99"):
        bound, value = getattr(bounds, percentile), getattr(observed, f"{percentile}_seconds")
        if bound is not None and value is not None and value > duration_seconds(bound):
            found.append(Evidence(f"{name} {percentile}", format_duration(value), f"at most {bound}"))
    return found
