"""One verdict for a service, by rule: fault before overload before idle."""

from collections.abc import Sequence
from dataclasses import dataclass

from rorqual_engine.detection.faults import Fault, find_faults
from rorqual_engine.detection.overload import Overload, find_overload, missed_objectives
from rorqual_engine.plan import Health, Reason, Verdict
from rorqual_engine.snapshot import EngineMetrics, Service
from rorqual_engine.units import duration_seconds, format_duration


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How a service does, and which of its pods are at fault."""

    health: Health
    faulty_pods: frozenset[str] = frozenset()


def diagnose(service: Service, sequences: int, last_active_at: float, now: float) -> Diagnosis:
    """The verdict; `sequences` is what one replica works on at once, `last_active_at` when a request was last seen.

    With detection.mode Off nothing is looked for, and the verdict is Unknown.
    """
    if service.spec.detection.mode == "Off":
        return Diagnosis(Health(Verdict.UNKNOWN, Reason.NOTHING_KNOWN, "detection.mode is Off"))
    metrics = [one for pod in service.pods if pod.serving and (one := pod.fresh_metrics(now)) is not None]
    faults = find_faults(service, now)
    overload = find_overload(service, metrics, sequences)
    faulty = frozenset(evidence.pod for _, evidence in faults if evidence.pod is not None)
    if faults:
        return Diagnosis(_fault(faults, overload), faulty)
    if overload:
        return Diagnosis(_overload(overload))
    if not metrics:
        return Diagnosis(_unknown(service))
    return Diagnosis(_quiet(service, metrics, last_active_at, now))


def _fault(faults: Sequence[Fault], overload: Sequence[Overload]) -> Health:
    reason, first = faults[0]
    where = f"pod {first.pod}: " if first.pod else ""
    message = f"{where}{first.metric} {first.observed}, expected {first.expected}"
    evidence = tuple(evidence for _, evidence in [*faults, *overload])
    return Health(Verdict.FAULT, reason, message, evidence)


def _overload(overload: Sequence[Overload]) -> Health:
    reason, first = overload[0]
    message = f"{first.metric} {first.observed}, expected {first.expected}"
    return Health(Verdict.OVERLOAD, reason, message, tuple(evidence for _, evidence in overload))


def _unknown(service: Service) -> Health:
    if not any(pod.serving for pod in service.pods):
        message = "starting: no replica is ready yet" if service.pods else "starting: there are no pods yet"
        return Health(Verdict.UNKNOWN, Reason.NO_READY_REPLICAS, message)
    message = service.metrics_problem or "no replica has fresh metrics"
    return Health(Verdict.UNKNOWN, Reason.METRICS_UNAVAILABLE, message)


def _quiet(service: Service, metrics: Sequence[EngineMetrics], last_active_at: float, now: float) -> Health:
    idle = now - last_active_at
    if idle >= duration_seconds(service.spec.scaling.idle_after) and not any(active(one) for one in metrics):
        return Health(Verdict.IDLE, Reason.NO_REQUESTS, f"no request for {format_duration(idle)}")
    missed = tuple(missed_objectives(service))
    message = f"{len(metrics)} of {len(service.pods)} replicas answer"
    if missed:
        message += f"; {missed[0].metric} {missed[0].observed}, {missed[0].expected}, without load to explain it"
    return Health(Verdict.HEALTHY, Reason.ANSWERING, message, missed)


def active(metrics: EngineMetrics) -> bool:
    """Whether the engine has, or just had, requests."""
    return metrics.running > 0 or metrics.waiting > 0 or (metrics.requests_per_second or 0) > 0
