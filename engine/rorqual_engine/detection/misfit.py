"""Engine configurations that do not fit the load, seen in what the replicas do."""

from collections.abc import Sequence

from rorqual_engine.plan import Advice, Evidence, Reason, Symptom, Verdict
from rorqual_engine.promise import read_promise
from rorqual_engine.snapshot import EngineMetrics, Service
from rorqual_engine.timing import Capability
from rorqual_engine.units import format_duration

THRASHING = 0.1
"""Preemptions a finished request from which on the cache is too small for so many sequences."""
FULL = 0.9
"""Share of the sequences, or of the cache, that counts as all of them."""
SETTLE_SECONDS = 20.0
CACHE_COUNTED_ON = 0.9
"""Share of the KV cache that twice as many sequences may fill."""


def find_misfits(
    service: Service, metrics: Sequence[EngineMetrics], sequences: int, capability: Capability | None
) -> list[Symptom]:
    """At most one: the first that shows."""
    if not metrics:
        return []
    return (
        _thrashing(metrics)
        or _too_few(service, metrics, sequences, capability)
        or _too_many(service, metrics, sequences, capability)
    )


def _made(reason: Reason, evidence: Evidence, strength: float) -> list[Symptom]:
    return [Symptom(Verdict.MISCONFIGURED, reason, evidence, strength, SETTLE_SECONDS, Advice.RETUNE)]


def _thrashing(metrics: Sequence[EngineMetrics]) -> list[Symptom]:
    """Sequences are thrown out of the cache and computed anew."""
    preempted = sum(one.preemptions_per_second or 0.0 for one in metrics)
    finished = sum(one.requests_per_second or 0.0 for one in metrics)
    fullest = max((one.kv_use or 0.0) for one in metrics)
    if preempted <= 0 or preempted < THRASHING * finished or fullest < FULL:
        return []
    share = preempted / finished if finished > 0 else 1.0
    evidence = Evidence(
        metric="preemptions",
        observed=f"{preempted:.2g} a second for {finished:.2g} finished requests, KV cache {fullest:.0%} full",
        expected=f"below {THRASHING:.0%} of the requests: fewer sequences at once, or more memory for the cache",
    )
    return _made(Reason.KV_CACHE_THRASHING, evidence, share / THRASHING)


def _too_few(
    service: Service, metrics: Sequence[EngineMetrics], sequences: int, capability: Capability | None
) -> list[Symptom]:
    """All sequences are in use and requests wait, while twice as many would fit and keep the objective of TPOT."""
    waiting = sum(one.waiting for one in metrics)
    busy = all(one.running >= FULL * sequences and one.waiting > 0 for one in metrics)
    if capability is None or not busy:
        return []
    tokens = service.spec.workload.input_tokens + service.spec.workload.output_tokens
    if 2 * sequences * tokens > CACHE_COUNTED_ON * capability.kv_tokens:
        return []
    if any((one.kv_use or 0.0) > CACHE_COUNTED_ON / 2 for one in metrics):
        return []
    promise = read_promise(service.spec)
    limit = promise.itl_seconds if promise else float("inf")
    then = capability.timing.decode_seconds(2 * sequences, 2 * sequences * tokens)
    if then > limit / 2:
        return []
    evidence = Evidence(
        metric="sequences at once",
        observed=f"all {sequences} in use, {waiting:.0f} requests waiting, KV cache "
        f"{max((one.kv_use or 0.0) for one in metrics):.0%} full",
        expected=f"{2 * sequences} or more: they would fit, with {format_duration(then)} a token",
    )
    return _made(Reason.TOO_FEW_SEQUENCES, evidence, 1.0 + waiting / (sequences * len(metrics)))


def _too_many(
    service: Service, metrics: Sequence[EngineMetrics], sequences: int, capability: Capability | None
) -> list[Symptom]:
    """More run at once than the objective of TPOT allows by the law, and it is missed."""
    promise = read_promise(service.spec)
    if capability is None or promise is None or promise.itl_seconds == float("inf"):
        return []
    tokens = service.spec.workload.input_tokens + service.spec.workload.output_tokens / 2.0
    timing = capability.timing
    each = timing.sequence_seconds + timing.context_seconds * tokens
    most = (promise.itl_seconds - timing.step_seconds) / each if each > 0 else float("inf")
    running = [one.running for one in metrics]
    means = [one.tpot_mean_seconds for one in metrics if one.tpot_mean_seconds]
    if most < 1 or sequences <= 1.25 * most or min(running) <= most or not means or min(means) <= promise.itl_seconds:
        return []
    evidence = Evidence(
        metric="sequences at once",
        observed=f"{min(running):.0f} to {max(running):.0f} of {sequences}, {format_duration(min(means))} a token",
        expected=f"at most {most:.0f} for {format_duration(promise.itl_seconds)} a token",
    )
    return _made(Reason.TOO_MANY_SEQUENCES, evidence, min(running) / most)
