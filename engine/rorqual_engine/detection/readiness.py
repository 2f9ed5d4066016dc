"""How steadily pods are ready: since when their engines have warmed up, and which ones come and go."""

from collections.abc import Iterable

from rorqual_engine.plan import Advice, Evidence, Readiness, Reason, Symptom, Verdict
from rorqual_engine.snapshot import Pod
from rorqual_engine.units import format_duration

KEPT_SECONDS = 600.0
"""So long a return counts."""
MOST_RETURNS = 2
"""Within KEPT_SECONDS; with more, the pod comes and goes."""


def follow(known: tuple[Readiness, ...], pods: Iterable[Pod], now: float) -> tuple[Readiness, ...]:
    """Of each pod that is ready, or was and still runs."""
    before = {one.pod: one for one in known}
    return tuple(found for pod in pods if (found := _followed(pod, before.get(pod.name), now)) is not None)


def _followed(pod: Pod, known: Readiness | None, now: float) -> Readiness | None:
    if known is not None and pod.last_restart_at is not None and pod.last_restart_at > known.since:
        known = None
    if pod.ready_since is None:
        return known if pod.started else None
    if known is None:
        return Readiness(pod.name, pod.ready_since, pod.ready_since)
    again = (pod.ready_since,) if pod.ready_since > known.last else ()
    returns = tuple(at for at in (*known.returns, *again) if now - at < KEPT_SECONDS)
    return Readiness(pod.name, known.since, pod.ready_since, returns)


def find_flapping(readiness: Iterable[Readiness]) -> list[Symptom]:
    """Pods that lost their readiness again and again, though nothing ended."""
    return [_flapping(one) for one in readiness if len(one.returns) > MOST_RETURNS]


def _flapping(one: Readiness) -> Symptom:
    evidence = Evidence(
        metric="readiness",
        observed=f"lost and regained {len(one.returns)} times in {format_duration(KEPT_SECONDS)}",
        expected=f"at most {MOST_RETURNS} times",
        pod=one.pod,
    )
    strength = len(one.returns) / (MOST_RETURNS + 1)
    return Symptom(Verdict.FAULT, Reason.FLAPPING, evidence, strength, 0.0, Advice.RESTART_POD)
