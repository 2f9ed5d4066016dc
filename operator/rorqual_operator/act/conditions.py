"""What a plan means as metav1 conditions, in HPA's words where HPA has them, and such that kstatus can wait. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rorqual_engine.plan import Advice, Hold, Limiter, Reason, ScaleTo, ServicePlan, Verdict
from rorqual_engine.snapshot import Service

Status = Literal["True", "False", "Unknown"]

HOLDS_WITHOUT_METRICS = (Reason.METRICS_UNAVAILABLE, Reason.METRICS_INCOMPLETE, Reason.FAULT_IS_NOT_LOAD)
HARD_LIMITS = (
    Limiter.MIN_REPLICAS,
    Limiter.MAX_REPLICAS,
    Limiter.SCHEDULE,
    Limiter.HARDWARE_MAX_REPLICAS,
    Limiter.GPU_INVENTORY,
    Limiter.NO_ACTIVATOR,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A condition without its times."""

    type: str
    status: Status
    reason: str
    message: str


def _truth(value: bool) -> Status:
    return "True" if value else "False"


def claims(service: Service, plan: ServicePlan) -> list[Claim]:
    """Every condition of a service, always all of them, so that none is ever absent."""
    return [
        ready(service, plan),
        *rollout(service, plan),
        stalled(plan),
        metrics_available(service),
        scaling_active(service, plan),
        able_to_scale(service),
        scaling_limited(plan),
        capacity_available(plan),
        configuration_recommended(service, plan),
        anomaly_detected(plan),
        paused(service),
    ]


def invalid(message: str) -> list[Claim]:
    """The conditions of a service whose spec cannot be read; kstatus calls nothing failed that still reconciles."""
    return [
        Claim("Progressing", "False", "Stalled", "see Stalled"),
        Claim("Reconciling", "False", "Stalled", "see Stalled"),
        Claim("Stalled", "True", Reason.INVALID_SPEC, f"{message}. What runs is left as it is."),
        Claim("Ready", "False", Reason.INVALID_SPEC, message),
    ]


def ready(service: Service, plan: ServicePlan) -> Claim:
    """One serving replica makes a service ready, so that a scale step does not flap it."""
    serving = sum(pod.serving for pod in service.pods)
    if serving:
        return Claim("Ready", "True", "Serving", "at least one replica serves")
    if plan.stall and service.workload is None:
        return Claim("Ready", "False", plan.stall.reason, plan.stall.message)
    if service.workload is not None and service.workload.replicas == 0:
        return Claim("Ready", "False", "ScaledToZero", "no replica is asked for")
    return Claim(
        "Ready", "False", Reason.NO_READY_REPLICAS, f"none of {len(service.pods)} replicas is ready{_why(service)}"
    )


def _why(service: Service) -> str:
    """The most telling thing that keeps pods from being ready."""
    if service.workload is not None and service.workload.progress_failure:
        return f": {service.workload.progress_failure}"
    for pod in service.pods:
        if pod.unschedulable:
            return f": {pod.name} cannot be scheduled: {pod.unschedulable}"
        if pod.waiting_reason:
            return f": {pod.name} waits: {pod.waiting_reason} {pod.waiting_message}".rstrip()
    return ""


def rollout(service: Service, plan: ServicePlan) -> list[Claim]:
    """Progressing as a Deployment has it, and Reconciling, which kstatus reads."""
    workload = service.workload
    if workload is not None and workload.progress_failure:
        claim = ("False", "RolloutFailed", workload.progress_failure)
    elif workload is None or not workload.rolled_out:
        stopped = plan.stall is not None
        claim = ("False", "Stalled", "see Stalled") if stopped else ("True", "RollingOut", "pods are being replaced")
    else:
        claim = ("False", "RolledOut", "every replica runs the newest configuration")
    status, reason, message = claim
    moving: Status = _truth(status == "True")
    return [Claim("Progressing", moving, reason, message), Claim("Reconciling", moving, reason, message)]


def stalled(plan: ServicePlan) -> Claim:
    if plan.stall:
        return Claim("Stalled", "True", plan.stall.reason, f"{plan.stall.message}. What runs is left as it is.")
    return Claim("Stalled", "False", "Usable", "the spec can be carried out")


def metrics_available(service: Service) -> Claim:
    if service.metrics_problem:
        return Claim("MetricsAvailable", "False", Reason.METRICS_UNAVAILABLE, service.metrics_problem)
    serving = [pod for pod in service.pods if pod.serving]
    if not serving:
        return Claim("MetricsAvailable", "Unknown", Reason.NO_READY_REPLICAS, "no replica serves yet")
    missing = [pod.name for pod in serving if pod.unanswered_since is not None or pod.metrics is None]
    if len(missing) == len(serving):
        names = _some(missing)
        return Claim("MetricsAvailable", "False", Reason.METRICS_UNAVAILABLE, f"no replica answers: {names}")
    if missing:
        return Claim("MetricsAvailable", "True", Reason.METRICS_INCOMPLETE, f"without those of {_some(missing)}")
    return Claim("MetricsAvailable", "True", "Fresh", "every serving replica answers")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def scaling_active(service: Service, plan: ServicePlan) -> Claim:
    mode = service.spec.scaling.mode
    if service.paused:
        return Claim("ScalingActive", "False", Reason.PAUSED, "annotation rorqual.io/paused is true")
    if plan.stall:
        return Claim("ScalingActive", "False", Reason.STALLED, "the spec cannot be carried out")
    if mode != "Internal":
        reason = {"External": Reason.EXTERNAL_REPLICAS, "Advisory": Reason.ADVISORY, "Off": Reason.SCALING_OFF}[mode]
        return Claim("ScalingActive", "False", reason, f"scaling.mode is {mode}")
    hold = next((command for command in plan.commands if isinstance(command, Hold)), None)
    if hold and hold.reason in HOLDS_WITHOUT_METRICS:
        return Claim("ScalingActive", "False", hold.reason, hold.message)
    return Claim("ScalingActive", "True", "ValidMetricFound", "replicas follow the demand")


def able_to_scale(service: Service) -> Claim:
    if service.foreign_autoscaler:
        message = f"{service.foreign_autoscaler} scales the same Deployment; Rorqual only advises until it is removed"
        return Claim("AbleToScale", "False", Reason.CONFLICTING_AUTOSCALER, message)
    return Claim("AbleToScale", "True", "ReadyForNewScale", "nothing else scales the Deployment")


def scaling_limited(plan: ServicePlan) -> Claim:
    limits = [limit for limit in plan.limited_by if limit in HARD_LIMITS]
    if not limits:
        return Claim("ScalingLimited", "False", "DesiredWithinRange", "the desired number is within its bounds")
    return Claim("ScalingLimited", "True", limits[0], f"demand asks for another number; bound by {', '.join(limits)}")


def capacity_available(plan: ServicePlan) -> Claim:
    if plan.shortage:
        return Claim("CapacityAvailable", "False", Reason.INSUFFICIENT_GPUS, plan.shortage.message)
    return Claim("CapacityAvailable", "True", "EnoughGPUs", "the cluster has the GPUs that are wanted")


def configuration_recommended(service: Service, plan: ServicePlan) -> Claim:
    mode = service.spec.configuration.mode
    if plan.recommendation:
        return Claim(
            "ConfigurationRecommended", "True", plan.recommendation.problem or mode, plan.recommendation.explanation
        )
    reason = plan.stall.reason if plan.stall else mode
    return Claim("ConfigurationRecommended", "False", reason, "no recommendation is made")


ANOMALIES = (Verdict.OVERLOAD, Verdict.FAULT, Verdict.MISCONFIGURED, Verdict.DRIFT)
ADVICE = {
    Advice.SCALE: "more replicas",
    Advice.RESTART_POD: "delete {}, another takes its place",
    Advice.CORDON_NODE: "cordon node {} and let its pods go elsewhere",
    Advice.ROLL_BACK: "go back to the version before",
    Advice.RETUNE: "another configuration, or a spec.workload that tells what the requests are like now",
    Advice.LOOK: "look at the pods' logs and events, and at their GPUs",
}
"""By what helps, with room for where."""


def anomaly_detected(plan: ServicePlan) -> Claim:
    health = plan.health
    if health.verdict in ANOMALIES:
        advice = ADVICE.get(health.advice)
        message = f"{health.message}; advice: {advice.format(', '.join(health.where))}" if advice else health.message
        return Claim("AnomalyDetected", "True", health.reason, message)
    if health.verdict is Verdict.UNKNOWN:
        return Claim("AnomalyDetected", "Unknown", health.reason, health.message)
    return Claim("AnomalyDetected", "False", health.reason, health.message)


def paused(service: Service) -> Claim:
    if service.paused:
        return Claim("Paused", "True", Reason.PAUSED, "annotation rorqual.io/paused is true")
    return Claim("Paused", "False", "Running", "not paused")


def headline(plan: ServicePlan) -> str:
    """The one reason that `kubectl get` shows."""
    if plan.stall:
        return plan.stall.reason
    for command in plan.commands:
        if isinstance(command, ScaleTo | Hold):
            return command.reason
    return plan.commands[0].reason if plan.commands else ""
