"""Demand, windows, policies and bounds together, for one service."""

import pytest

from rorqual_engine.plan import Limiter, Proposal, Reason
from rorqual_engine.scaling import Bounds, Desire, desire, read_bounds, read_load

from ..builders import (
    H100,
    NOW,
    a_new_service,
    a_pod,
    a_service,
    a_spec,
    a_starting_pod,
    a_workload,
    busy,
    pods_with,
    scaled,
    settled,
    some_metrics,
)

QUICK = {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}


def desired(service, faulty=()) -> Desire:
    bounds = read_bounds(service.spec, H100, NOW)
    assert isinstance(bounds, Bounds)
    return desire(service, read_load(service, faulty, NOW), 100, bounds, None, NOW)


def test_more_load_asks_for_more():
    found = desired(a_service(scaled(), busy(2, running=100, waiting=20)))
    assert (found.current, found.replicas, found.reason) == (2, 3, Reason.DEMAND_ABOVE_CAPACITY)
    assert found.signal is not None and found.signal.name == "Queue"
    assert "Queue asks for 3.00 replicas (120 requests per replica, target 80)" in found.message


def test_less_load_asks_for_less_once_the_window_agrees():
    pods = busy(4, running=20)
    past = (Proposal(NOW - 299, 1),)
    assert desired(a_service(scaled(), pods, memory=settled(proposals=past))).replicas == 1
    held = desired(a_service(scaled(), pods))
    assert (held.replicas, held.limited_by) == (4, (Limiter.STABILIZATION,))


def test_starting_replicas_are_not_asked_for_twice():
    """One of three is ready with the load of 2.5: two more are on their way."""
    pods = (*busy(1, running=100, waiting=100), a_starting_pod("b"), a_starting_pod("c"))
    assert desired(a_service(scaled(), pods)).replicas == 3


def test_what_is_asked_for_counts_before_its_pods_exist():
    service = a_service(scaled(), busy(1, running=100, waiting=100), workload=a_workload(3))
    assert desired(service).replicas == 3


def test_the_policy_limits_the_step():
    found = desired(a_service(scaled(), busy(1, running=100, waiting=2000)))
    assert (found.replicas, found.limited_by) == (5, (Limiter.SCALE_UP_POLICY,))


def test_down_may_be_forbidden():
    spec = scaled(behavior={"scaleDown": {"selectPolicy": "Disabled", "stabilizationWindowSeconds": 0}})
    found = desired(a_service(spec, busy(4, running=1)))
    assert (found.replicas, found.limited_by) == (4, (Limiter.SCALE_DOWN_POLICY,))


@pytest.mark.parametrize(
    ("scaling", "running", "replicas", "limiter"),
    [
        ({"maxReplicas": 3}, 300, 3, Limiter.MAX_REPLICAS),
        ({"minReplicas": 2, **QUICK}, 1, 2, Limiter.MIN_REPLICAS),
        ({"minReplicas": 0, **QUICK}, 0, 1, Limiter.NO_ACTIVATOR),
        ({"schedules": [{"cron": "* * * * *", "maxReplicas": 4}]}, 300, 4, Limiter.SCHEDULE),
    ],
)
def test_bounds_limit_and_are_named(scaling, running, replicas, limiter):
    found = desired(a_service(scaled(**scaling), busy(3, running=running)))
    assert (found.replicas, found.limited_by) == (replicas, (limiter,))


@pytest.mark.parametrize(("replicas", "allowed", "reason"), [(1, 2, "BelowMinimum"), (9, 5, "AboveMaximum")])
def test_a_number_outside_the_bounds_moves_without_any_metrics(replicas, allowed, reason):
    spec = scaled(minReplicas=2, maxReplicas=5)
    found = desired(a_service(spec, pods_with(None), workload=a_workload(replicas)))
    assert (found.replicas, found.reason) == (allowed, reason)


def test_without_metrics_nothing_moves():
    found = desired(a_service(scaled(**QUICK), pods_with(None, None), metrics_problem="Prometheus refuses"))
    assert (found.replicas, found.reason) == (2, Reason.METRICS_UNAVAILABLE)
    assert "Prometheus refuses" in found.message


def test_without_a_ready_replica_nothing_moves():
    found = desired(a_service(scaled(**QUICK), (a_starting_pod("a"), a_starting_pod("b"))))
    assert (found.replicas, found.reason) == (2, Reason.NO_READY_REPLICAS)


def test_a_fault_everywhere_is_not_a_lack_of_metrics():
    found = desired(a_service(scaled(**QUICK), pods_with(None, None)), faulty={"pod-0", "pod-1"})
    assert (found.replicas, found.reason) == (2, Reason.FAULT_IS_NOT_LOAD)


def test_a_stuck_pods_queue_does_not_add_replicas():
    pods = pods_with(some_metrics(40), some_metrics(100, 5000))
    assert desired(a_service(scaled(), pods)).replicas > 2
    held = desired(a_service(scaled(), pods), faulty={"pod-1"})
    assert held.replicas == 2


def test_during_a_rollout_replicas_are_added_but_not_removed():
    rollout = a_workload(4, rolled_out=False)
    down = desired(a_service(scaled(**QUICK), busy(4, running=1), workload=rollout))
    assert (down.replicas, down.reason) == (4, Reason.ROLLOUT_IN_PROGRESS)
    up = desired(a_service(scaled(**QUICK), busy(4, running=100, waiting=100), workload=rollout))
    assert up.replicas > 4


def test_off_leaves_the_number_alone():
    found = desired(a_service(scaled(mode="Off", minReplicas=3), busy(2, running=100, waiting=500)))
    assert (found.replicas, found.reason) == (2, Reason.SCALING_OFF)


def test_external_passes_the_number_on():
    spec = a_spec(scaling={"mode": "External", "maxReplicas": 3}, replicas=7)
    found = desired(a_service(spec, busy(2, running=1)))
    assert (found.replicas, found.reason) == (7, Reason.EXTERNAL_REPLICAS)


def test_a_new_service_begins_with_its_minimum():
    assert desired(a_new_service(scaled(minReplicas=3))).replicas == 3
    assert desired(a_new_service(scaled(minReplicas=0))).limited_by == (Limiter.NO_ACTIVATOR,)


def test_proposals_survive_a_gap_in_the_metrics():
    past = (Proposal(NOW - 100, 6),)
    found = desired(a_service(scaled(), (a_pod(metrics=None),), memory=settled(proposals=past)))
    assert found.proposals == past
