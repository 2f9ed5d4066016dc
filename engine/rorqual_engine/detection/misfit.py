"""Engine configurations that do not fit the load, seen in what the replicas do.

Too many sequences show as a cache that thrashes. Where they merely make tokens slow, fewer would not help: how many run
at once follows from the load (Little's law), and what does not run waits.
"""

from collections.abc import Sequence

from rorqual_engine.load_history import Window
from rorqual_engine.plan import Advice, Evidence, Reason, Symptom, Verdict
from rorqual_engine.promise import read_promise
from rorqual_engine.snapshot import EngineMetrics, Service
from rorqual_engine.timing import Capability

THRASHING = 0.1
"""Preemptions a finished request from which on the cache is too small for so many sequences."""
FULL = 0.9
"""Share of the sequences that counts as all of them."""
SETTLE_SECONDS = 20.0
RECENT_SECONDS = 60.0
LEAST_ARRIVALS = 20.0
"""In that time, or nothing is said of the load."""
NOW_SECONDS = 20.0
"""A load that just rose is in this window alone."""
CLEARING_SECONDS = 60.0
"""Within which the queue is to be worked off, besides; not the one that too few sequences have made themselves."""
OVERLOAD_SECONDS = 60.0
"""Within which too few sequences would have shown, had they been the cause."""
MORE = 1.5
"""Factor on the sequences that is worth a restart."""
SERVABLE = 0.9
"""Share of the replicas' time up to which a load counts as one that they can serve."""


def find_misfits(
    service: Service, metrics: Sequence[EngineMetrics], sequences: int, capability: Capability | None, now: float
) -> list[Symptom]:
    """At most one: the first that shows."""
    if not metrics:
        return []
    if _left_by_overload(service, now):
        return _thrashing(metrics)
    return _thrashing(metrics) or _too_few(service, metrics, sequences, capability)


def _made(reason: Reason, evidence: Evidence, strength: float) -> list[Symptom]:
    return [Symptom(Verdict.MISCONFIGURED, reason, evidence, strength, SETTLE_SECONDS, Advice.RETUNE)]


def _thrashing(metrics: Sequence[EngineMetrics]) -> list[Symptom]:
    """Sequences are thrown out of the cache and computed anew; that it was full then, needs no reading of its gauge."""
    preempted = sum(one.preemptions_per_second or 0.0 for one in metrics)
    finished = sum(one.requests_per_second or 0.0 for one in metrics)
    fullest = max((one.kv_use or 0.0) for one in metrics)
    if preempted <= 0 or preempted < THRASHING * finished:
        return []
    share = preempted / finished if finished > 0 else 1.0
    evidence = Evidence(
        metric="preemptions",
        observed=f"{preempted:.2g} a second for {finished:.2g} finished requests, KV cache now {fullest:.0%} full",
        expected=f"below {THRASHING:.0%} of the requests: fewer sequences at once, or more memory for the cache",
    )
    return _made(Reason.KV_CACHE_THRASHING, evidence, share / THRASHING)


def _too_few(
    service: Service, metrics: Sequence[EngineMetrics], sequences: int, capability: Capability | None
) -> list[Symptom]:
    """All sequences are in use and requests wait, while the load could be served with more: by law, in time, in memory.

    With more load than that, it is an overload, whatever the number of sequences.
    """
    waiting = sum(one.waiting for one in metrics)
    busy = all(one.running >= FULL * sequences and one.waiting > 0 for one in metrics)
    if capability is None or not busy:
        return []
    history = service.memory.experience.history
    recent = history.window(RECENT_SECONDS)
    if recent.counts["arrived"] < LEAST_ARRIVALS:
        return []
    arrivals = max(_rate(recent), _rate(history.window(NOW_SECONDS)))
    if not _believed(service):
        arrivals += waiting / CLEARING_SECONDS
    workload, promise = service.spec.workload, read_promise(service.spec)
    prompt = recent.mean("prompt_tokens", "answered", LEAST_ARRIVALS) or float(workload.input_tokens)
    answer = recent.mean("generated_tokens", "finished", LEAST_ARRIVALS) or float(workload.output_tokens)
    fitting = capability.sequences_that_fit(prompt + answer, promise.itl_seconds if promise else float("inf"))
    slowness = service.memory.watch.usual_pace or 1.0
    work = capability.request_seconds(prompt, answer, fitting) * slowness
    used = arrivals * work / len(metrics)
    if fitting < MORE * sequences or used > SERVABLE:
        return []
    fullest = max((one.kv_use or 0.0) for one in metrics)
    evidence = Evidence(
        metric="sequences at once",
        observed=f"all {sequences} in use, {waiting:.0f} requests waiting, KV cache {fullest:.0%} full",
        expected=f"up to {fitting:.0f}: with these load and queue would take {used:.0%} of the replicas",
    )
    return _made(Reason.TOO_FEW_SEQUENCES, evidence, 1.0 + waiting / (sequences * len(metrics)))


def _left_by_overload(service: Service, now: float) -> bool:
    """Whether there has been an overload for a while: its queue is not the configuration's."""
    memory = service.memory
    since = now if memory.verdict_since is None else memory.verdict_since
    return memory.verdict is Verdict.OVERLOAD and now - since > OVERLOAD_SECONDS and not _believed(service)


def _believed(service: Service) -> bool:
    suspicions = service.memory.watch.suspicions
    return any(one.settled and one.symptom.reason is Reason.TOO_FEW_SEQUENCES for one in suspicions)


def _rate(window: Window) -> float:
    """Arrivals a second."""
    return window.counts["arrived"] / window.seconds if window.seconds > 0 else 0.0
