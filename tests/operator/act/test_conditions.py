"""What a plan means as conditions."""

from typing import Any

import pytest

from rorqual_engine.plan import (
    Command,
    GPUShortage,
    Health,
    Limiter,
    Reason,
    Recommendation,
    ScaleTo,
    ServicePlan,
    Stall,
    Verdict,
)
from rorqual_engine.snapshot import Service
from rorqual_operator.act.conditions import Claim, claims, headline, invalid

from ..builders import CONFIGURATION, GPU, NOW, hold, plan, pod, service, spec, workload

STALL = Stall(Reason.MODEL_TOO_LARGE, "needs 141 GiB, the largest offers 79 GiB")
SCALE = ScaleTo(1, 2, Reason.DEMAND_ABOVE_CAPACITY, "")
TYPES = [
    "Ready", "Progressing", "Reconciling", "Stalled", "MetricsAvailable", "ScalingActive", "AbleToScale",
    "ScalingLimited", "CapacityAvailable", "ConfigurationRecommended", "AnomalyDetected", "Paused",
]  # fmt: skip
SERVING = service(pod())
NEW = service(workload=None)


def claim(kind: str, of: Service = SERVING, its: ServicePlan | None = None) -> Claim:
    (found,) = [claim for claim in claims(of, its or plan()) if claim.type == kind]
    return found


def said(kind: str, of: Service = SERVING, its: ServicePlan | None = None) -> tuple[str, str]:
    found = claim(kind, of, its)
    return found.status, str(found.reason)


@pytest.mark.parametrize("of", [SERVING, NEW, service(pod(ready=False), paused=True)])
@pytest.mark.parametrize("its", [plan(), plan(SCALE), plan(stall=STALL)])
def test_no_condition_is_ever_absent(of: Service, its: ServicePlan) -> None:
    assert [found.type for found in claims(of, its)] == TYPES


@pytest.mark.parametrize("of", [SERVING, NEW])
def test_every_condition_has_a_reason_and_a_message(of: Service) -> None:
    for found in claims(of, plan(stall=STALL)):
        assert found.reason[0].isupper() and found.reason.isalnum(), found
        assert found.message, found


# Ready


@pytest.mark.parametrize(
    ("of", "its", "expected"),
    [
        (SERVING, plan(), ("True", "Serving")),
        (service(pod(), pod("b", ready=False)), plan(SCALE), ("True", "Serving")),  # a scale step does not flap it
        (SERVING, plan(stall=STALL), ("True", "Serving")),  # what runs is left as it is
        (NEW, plan(stall=STALL), ("False", "ModelTooLarge")),
        (NEW, plan(), ("False", "NoReadyReplicas")),
        (service(pod(terminating=True)), plan(), ("False", "NoReadyReplicas")),
        (service(workload=workload(0)), plan(), ("False", "ScaledToZero")),
    ],
)
def test_ready(of: Service, its: ServicePlan, expected: tuple[str, str]) -> None:
    assert said("Ready", of, its) == expected


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"unschedulable": "0/3 nodes"}, "none of 1 replicas is ready: a cannot be scheduled: 0/3 nodes"),
        ({"waiting_reason": "ErrImagePull"}, "none of 1 replicas is ready: a waits: ErrImagePull"),
        ({"waiting_reason": "X", "waiting_message": "no"}, "none of 1 replicas is ready: a waits: X no"),
        ({}, "none of 1 replicas is ready"),
    ],
)
def test_not_ready_says_why(fields: dict[str, Any], told: str) -> None:
    assert claim("Ready", service(pod("a", ready=False, **fields))).message == told


def test_not_ready_tells_of_the_rollout_first() -> None:
    of = service(pod("a", ready=False, waiting_reason="X"), workload=workload(progress_failure="exceeded quota"))
    assert claim("Ready", of).message == "none of 1 replicas is ready: exceeded quota"


# Progressing, Reconciling


@pytest.mark.parametrize(
    ("of", "its", "expected"),
    [
        (SERVING, plan(), ("False", "RolledOut")),
        (NEW, plan(), ("True", "RollingOut")),
        (service(workload=workload(rolled_out=False)), plan(), ("True", "RollingOut")),
        (service(workload=workload(progress_failure="quota")), plan(), ("False", "RolloutFailed")),
        (NEW, plan(stall=STALL), ("False", "Stalled")),
    ],
)
def test_rollout(of: Service, its: ServicePlan, expected: tuple[str, str]) -> None:
    assert said("Progressing", of, its) == said("Reconciling", of, its) == expected


# Stalled


def test_stalled() -> None:
    assert said("Stalled") == ("False", "Usable")
    found = claim("Stalled", its=plan(stall=STALL))
    assert (found.status, found.reason) == ("True", "ModelTooLarge")
    assert found.message == "needs 141 GiB, the largest offers 79 GiB. What runs is left as it is."


# MetricsAvailable


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (SERVING, ("True", "Fresh")),
        (NEW, ("Unknown", "NoReadyReplicas")),
        (service(pod(), metrics_problem="Prometheus is down"), ("False", "MetricsUnavailable")),
        (service(pod(metrics=None)), ("False", "MetricsUnavailable")),
        (service(pod(), pod("b", metrics=None)), ("True", "MetricsIncomplete")),
        (service(pod(), pod("b", unanswered_since=NOW)), ("True", "MetricsIncomplete")),
        (service(pod(), pod("b", ready=False, metrics=None)), ("True", "Fresh")),  # nobody expects any of it
    ],
)
def test_metrics_available(of: Service, expected: tuple[str, str]) -> None:
    assert said("MetricsAvailable", of) == expected


@pytest.mark.parametrize(("count", "named"), [(3, "pod-0, pod-1, pod-2"), (5, "pod-0, pod-1, pod-2 and 2 more")])
def test_silent_pods_are_named_but_not_all_of_them(count: int, named: str) -> None:
    pods = [pod(f"pod-{number}", metrics=None) for number in range(count)]
    assert claim("MetricsAvailable", service(*pods)).message == f"no replica answers: {named}"


# ScalingActive, AbleToScale, ScalingLimited


def of_mode(mode: str, **scaling: Any) -> Service:
    more = {"replicas": 1} if mode == "External" else {}
    return service(pod(), spec=spec(scaling={"mode": mode, **scaling}, **more))


@pytest.mark.parametrize(
    ("of", "commands", "expected"),
    [
        (SERVING, [SCALE], ("True", "ValidMetricFound")),
        (SERVING, [hold()], ("True", "ValidMetricFound")),
        (SERVING, [hold(Reason.METRICS_UNAVAILABLE)], ("False", "MetricsUnavailable")),
        (SERVING, [hold(Reason.METRICS_INCOMPLETE)], ("False", "MetricsIncomplete")),
        (SERVING, [hold(Reason.FAULT_IS_NOT_LOAD)], ("False", "FaultIsNotLoad")),
        (service(pod(), paused=True), [hold(Reason.PAUSED)], ("False", "Paused")),
        (of_mode("Off"), [hold(Reason.SCALING_OFF)], ("False", "ScalingOff")),
        (of_mode("Advisory"), [hold(Reason.ADVISORY)], ("False", "Advisory")),
        (of_mode("External"), [hold(Reason.EXTERNAL_REPLICAS)], ("False", "ExternalReplicas")),
    ],
)
def test_scaling_active(of: Service, commands: list[Command], expected: tuple[str, str]) -> None:
    assert said("ScalingActive", of, plan(*commands)) == expected


def test_nothing_scales_while_stalled() -> None:
    assert said("ScalingActive", its=plan(stall=STALL)) == ("False", "Stalled")


def test_foreign_autoscaler_is_named() -> None:
    found = claim("AbleToScale", service(pod(), foreign_autoscaler="HorizontalPodAutoscaler web"))
    assert (found.status, found.reason) == ("False", "ConflictingAutoscaler")
    assert "HorizontalPodAutoscaler web" in found.message
    assert said("AbleToScale") == ("True", "ReadyForNewScale")


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((), ("False", "DesiredWithinRange")),
        ((Limiter.MAX_REPLICAS,), ("True", "MaxReplicas")),
        ((Limiter.STABILIZATION, Limiter.GPU_INVENTORY), ("True", "GPUInventory")),
        ((Limiter.SCALE_UP_POLICY, Limiter.SCALE_DOWN_POLICY, Limiter.STABILIZATION), ("False", "DesiredWithinRange")),
    ],
)
def test_only_bounds_limit_scaling_not_its_speed(limits: tuple[Limiter, ...], expected: tuple[str, str]) -> None:
    assert said("ScalingLimited", its=plan(limited_by=limits)) == expected


# the others


def test_capacity() -> None:
    shortage = GPUShortage(GPU, wanted_replicas=4, possible_replicas=2, gpus_per_replica=1, gpus_free=0, gpus_total=8)
    found = claim("CapacityAvailable", its=plan(shortage=shortage))
    assert (found.status, found.reason, found.message) == ("False", "InsufficientGPUs", shortage.message)
    assert said("CapacityAvailable") == ("True", "EnoughGPUs")


def test_recommendation() -> None:
    made = Recommendation(CONFIGURATION, 400_000, explanation="79.0 GiB less 15.0 GiB of weights")
    found = claim("ConfigurationRecommended", its=plan(recommendation=made))
    assert (found.status, found.reason, found.message) == ("True", "Initial", made.explanation)
    assert said("ConfigurationRecommended", its=plan(stall=STALL)) == ("False", "ModelTooLarge")


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.OVERLOAD, "True"),
        (Verdict.FAULT, "True"),
        (Verdict.UNKNOWN, "Unknown"),
        (Verdict.HEALTHY, "False"),
        (Verdict.IDLE, "False"),
    ],
)
def test_anomaly(verdict: Verdict, status: str) -> None:
    its = plan(health=Health(verdict, Reason.QUEUE_GROWING, "12 wait"))
    found = claim("AnomalyDetected", its=its)
    assert (found.status, found.reason, found.message) == (status, "QueueGrowing", "12 wait")


def test_paused() -> None:
    assert said("Paused", service(pod(), paused=True)) == ("True", "Paused")
    assert said("Paused") == ("False", "Running")


def test_invalid_spec_stalls_and_stops_reconciling() -> None:
    found = {claim.type: claim.status for claim in invalid("spec.model: Field required")}
    assert found == {"Progressing": "False", "Reconciling": "False", "Stalled": "True", "Ready": "False"}


@pytest.mark.parametrize(
    ("its", "expected"),
    [
        (plan(SCALE), "DemandAboveCapacity"),
        (plan(hold(Reason.PAUSED)), "Paused"),
        (plan(SCALE, stall=STALL), "ModelTooLarge"),
    ],
)
def test_headline(its: ServicePlan, expected: str) -> None:
    assert headline(its) == expected
