"""Signs that a pod is broken, whatever the load."""

from collections.abc import Sequence

from rorqual_engine.plan import Advice, Evidence, Reason, Symptom, Verdict
from rorqual_engine.snapshot import Pod, Service
from rorqual_engine.units import format_duration

UNANSWERED_SECONDS = 20.0
"""A pod that is or was ready and silent for longer is at fault; two scrapes of the usual 15 s may miss it by chance."""
AT_ONCE_SECONDS = 2.0
"""Within one round: who listens found none of them."""
RESTART_SECONDS = 600.0
"""So long after its engine ended, a pod counts as restarting."""
CANNOT_START = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ImageInspectError",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)

Fault = tuple[Reason, Evidence]


def find_faults(service: Service, now: float) -> list[Fault]:
    """Every fault of a service's pods, at most one a pod, and of its rollout."""
    pods = [pod for pod in service.pods if not pod.terminating]
    deaf = _deaf(pods)
    found = [fault for pod in pods if (fault := _pod_fault(pod, deaf, now)) is not None]
    return found + _rollout_fault(service)


def unanswering(found: Sequence[Fault]) -> list[Symptom]:
    """Silent pods as symptoms, which count for a while after they were heard again: some answer now and then."""
    return [
        Symptom(Verdict.FAULT, reason, evidence, 2.0, 0.0, Advice.RESTART_POD)
        for reason, evidence in found
        if reason is Reason.NOT_ANSWERING
    ]


def _deaf(pods: Sequence[Pod]) -> bool:
    """Whether several pods fell silent at once, and all of them: then it is who listens, or the way there."""
    since = [pod.unanswered_since for pod in pods if pod.started]
    silent = [at for at in since if at is not None]
    return len(silent) == len(since) > 1 and max(silent) - min(silent) <= AT_ONCE_SECONDS


def _pod_fault(pod: Pod, deaf: bool, now: float) -> Fault | None:
    return (None if deaf else _unanswered(pod, now)) or _crashing(pod, now) or _cannot_start(pod)


def _unanswered(pod: Pod, now: float) -> Fault | None:
    if not pod.started or pod.unanswered_since is None:
        return None
    silent = now - pod.unanswered_since
    if silent <= UNANSWERED_SECONDS:
        return None
    expected = f"an answer within {format_duration(UNANSWERED_SECONDS)}"
    return Reason.NOT_ANSWERING, Evidence("answer", f"none for {format_duration(silent)}", expected, pod.name)


def _crashing(pod: Pod, now: float) -> Fault | None:
    recent = pod.restarts > 0 and pod.last_restart_at is not None and now - pod.last_restart_at <= RESTART_SECONDS
    if pod.waiting_reason != "CrashLoopBackOff" and not recent:
        return None
    observed = f"{pod.restarts}, {pod.waiting_reason}" if pod.waiting_reason else f"{pod.restarts}"
    expected = f"none in {format_duration(RESTART_SECONDS)}"
    return Reason.RESTARTING, Evidence("restarts", observed, expected, pod.name)


def _cannot_start(pod: Pod) -> Fault | None:
    if pod.waiting_reason not in CANNOT_START:
        return None
    observed = f"{pod.waiting_reason}: {pod.waiting_message}" if pod.waiting_message else pod.waiting_reason
    return Reason.CANNOT_START, Evidence("container", observed, "started", pod.name)


def _rollout_fault(service: Service) -> list[Fault]:
    """A rollout that came to a stop, unless it only waits for GPUs: then nothing is broken."""
    failure = service.workload.progress_failure if service.workload else None
    if failure is None or any(pod.unschedulable for pod in service.pods):
        return []
    return [(Reason.CANNOT_START, Evidence("rollout", failure, "progress"))]
