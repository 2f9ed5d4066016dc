"""One verdict for a service: fault before misconfiguration before overload before drift before idle.

A fault explains a queue, and so does a configuration that does not fit; a queue explains neither.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from rorqual_engine.detection.cache import as_told
from rorqual_engine.detection.drift import find_drift
from rorqual_engine.detection.faults import Fault, find_faults, unanswering
from rorqual_engine.detection.hardware import find_hardware, surroundings
from rorqual_engine.detection.misfit import find_misfits
from rorqual_engine.detection.missing import missing_signals
from rorqual_engine.detection.overload import Overload, find_overload, missed_objectives
from rorqual_engine.detection.pace import paces
from rorqual_engine.detection.persistence import settle
from rorqual_engine.detection.readiness import find_flapping, follow
from rorqual_engine.detection.scope import advise, locate, nodes_of
from rorqual_engine.detection.slow import find_slow, learn_pace
from rorqual_engine.detection.stuck import find_leaks, find_stuck
from rorqual_engine.detection.unreached import find_unreached, follow_requests
from rorqual_engine.plan import Advice, Evidence, Health, Reason, Scope, Suspicion, Symptom, Verdict, Watch
from rorqual_engine.snapshot import EngineMetrics, Heard, Pod, Service
from rorqual_engine.timing import Capability
from rorqual_engine.units import duration_seconds, format_duration

CERTAIN = 0.99
"""Confidence in what the pod's own state says, such as a crash."""
LEAST_CONFIDENCE = 0.6
"""In a symptom that is just strong enough."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How a service does, which of its pods are at fault, and what is to be remembered."""

    health: Health
    faulty_pods: frozenset[str] = frozenset()
    watch: Watch = field(default_factory=Watch)


def diagnose(
    service: Service,
    sequences: int,
    capability: Capability | None,
    last_active_at: float,
    now: float,
    usual_with_others: float | None = None,
) -> Diagnosis:
    """The verdict; `sequences` is what one replica works on at once, `last_active_at` when a request was last seen.

    `capability` is what the performance law says of a replica, None where it does not know the GPU: then what needs a
    law is not looked for. `usual_with_others` is the time between tokens over that law that other services with the
    same model and GPUs have. With detection.mode Off nothing is looked for, and the verdict is Unknown.
    """
    if service.spec.detection.mode == "Off":
        return Diagnosis(Health(Verdict.UNKNOWN, Reason.NOTHING_KNOWN, "detection.mode is Off"))
    heard = service.heard(now)
    metrics = [one for _, one in heard]
    capability = as_told(capability, metrics)
    broken = find_faults(service, now)
    ailing = frozenset(evidence.pod for _, evidence in broken if evidence.pod is not None)
    readiness = follow(service.memory.watch.readiness, service.pods, now)
    reach = follow_requests(service.memory.watch.reach, heard, now)
    found = paces(service, capability, readiness, heard)
    overload = find_overload(service, metrics, sequences)
    symptoms = [
        *find_hardware(service),
        *(find_flapping(readiness) if not overload else ()),
        *find_unreached(reach),
        *find_slow(found, service.memory.watch, usual_with_others, service.spec.sharing.scheme == "HAMi"),
        *_symptoms(service, heard, sequences, capability, now),
    ]
    symptoms = _alive(symptoms, service, ailing)
    suspicions = settle((*unanswering(broken), *symptoms), service.memory.watch.suspicions, now)
    believed = [one.symptom for one in suspicions if one.settled and _there(one, service.pods)]
    health = _health(service, metrics, broken, believed, overload, last_active_at, now)
    health = replace(health, missing=missing_signals(service, capability))
    quiet = not broken and not symptoms and not any(one.settled for one in suspicions)
    learned = learn_pace(service.memory.watch, found, quiet)
    watch = replace(learned, suspicions=suspicions, readiness=readiness, reach=reach)
    return Diagnosis(health, ailing | _at_fault(believed), watch)


def _at_fault(believed: Sequence[Symptom]) -> frozenset[str]:
    """Pods whose load is not to be believed; one that answers again is heard, whatever is thought of it."""
    return frozenset(
        one.evidence.pod
        for one in believed
        if one.verdict is Verdict.FAULT and one.reason is not Reason.NOT_ANSWERING and one.evidence.pod is not None
    )


def _symptoms(
    service: Service, heard: Sequence[Heard], sequences: int, capability: Capability | None, now: float
) -> list[Symptom]:
    """Everything else that shows this round in what the pods do."""
    return [
        *find_stuck(heard),
        *find_leaks(service, capability, heard),
        *find_misfits(service, [one for _, one in heard], sequences, capability, now),
        *find_drift(service),
    ]


def _alive(symptoms: Sequence[Symptom], service: Service, broken: frozenset[str]) -> list[Symptom]:
    """Without those of pods that are known to be broken, and of a service that is changing its pods."""
    changing = service.workload is not None and not service.workload.rolled_out
    return [
        one
        for one in symptoms
        if one.evidence.pod not in broken and not (changing and one.verdict is Verdict.MISCONFIGURED)
    ]


def _there(one: Suspicion, pods: Sequence[Pod]) -> bool:
    """A pod that is gone takes its symptoms with it."""
    pod = one.symptom.evidence.pod
    return pod is None or any(other.name == pod and other.started for other in pods)


def _health(
    service: Service,
    metrics: Sequence[EngineMetrics],
    broken: Sequence[Fault],
    believed: Sequence[Symptom],
    overload: Sequence[Overload],
    last_active_at: float,
    now: float,
) -> Health:
    faults, misfits, drifts = (
        [one for one in believed if one.verdict is verdict]
        for verdict in (Verdict.FAULT, Verdict.MISCONFIGURED, Verdict.DRIFT)
    )
    if broken:
        return _broken(service, broken, faults, overload)
    if faults:
        return _by_symptoms(service, faults, overload)
    if misfits:
        return _by_symptoms(service, misfits, overload)
    if overload:
        return _overload(overload)
    if not metrics:
        return _unknown(service)
    return _by_symptoms(service, drifts, ()) if drifts else _quiet(service, metrics, last_active_at, now)


def _broken(
    service: Service, broken: Sequence[Fault], faults: Sequence[Symptom], overload: Sequence[Overload]
) -> Health:
    """What the pods' own state says."""
    reason, first = broken[0]
    pods = {each.pod for _, each in broken if each.pod is not None}
    more = [one.evidence for one in faults if one.evidence.pod not in pods]
    evidence = [each for _, each in broken] + more + surroundings(service, pods) + [each for _, each in overload]
    scope, where = locate(service, pods)
    advice = advise(_ADVICE[reason], scope)
    return Health(Verdict.FAULT, reason, _told(first), tuple(evidence), scope, where, CERTAIN, advice)


_ADVICE = {
    Reason.NOT_ANSWERING: Advice.RESTART_POD,
    Reason.RESTARTING: Advice.LOOK,
    Reason.CANNOT_START: Advice.LOOK,
}


def _by_symptoms(service: Service, symptoms: Sequence[Symptom], overload: Sequence[Overload]) -> Health:
    ordered = sorted(symptoms, key=lambda one: -one.strength)
    first = ordered[0]
    pods = {one.evidence.pod for one in ordered if one.evidence.pod is not None}
    shown = [one.evidence for one in ordered]
    evidence = shown + _beside(shown, surroundings(service, pods)) + [each for _, each in overload]
    scope, where = _located(service, ordered, pods)
    confidence = min(CERTAIN, 1.0 - (1.0 - LEAST_CONFIDENCE) ** max(1.0, first.strength))
    return Health(
        *(first.verdict, first.reason, _told(first.evidence), tuple(evidence), scope, where),
        confidence,
        advise(first.advice, scope),
    )


def _located(
    service: Service, symptoms: Sequence[Symptom], pods: Collection[str]
) -> tuple[Scope, tuple[str, ...]]:  # fmt: skip
    """A GPU that fails is its node's, however many pods it has."""
    blamed = {one.evidence.pod for one in symptoms if one.advice is Advice.CORDON_NODE}
    if blamed and blamed >= set(pods):
        scope, where = nodes_of(pod for pod in service.pods if pod.name in pods)
        if where:
            return scope, where
    return locate(service, pods)


def _beside(shown: Sequence[Evidence], more: Sequence[Evidence]) -> list[Evidence]:
    """What is not shown yet."""
    known = {(one.metric, one.pod) for one in shown}
    return [one for one in more if (one.metric, one.pod) not in known]


def _overload(overload: Sequence[Overload]) -> Health:
    reason, first = overload[0]
    evidence = tuple(each for _, each in overload)
    return Health(Verdict.OVERLOAD, reason, _told(first), evidence, confidence=CERTAIN, advice=Advice.SCALE)


def _told(evidence: Evidence) -> str:
    where = f"pod {evidence.pod}: " if evidence.pod else ""
    return f"{where}{evidence.metric} {evidence.observed}, expected {evidence.expected}"


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
