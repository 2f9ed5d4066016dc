"""State in, plan out: what `decide` makes of whole services."""

from dataclasses import replace

import pytest

from rorqual_engine.decide import decide
from rorqual_engine.plan import (
    Advice,
    Apply,
    Configuration,
    Hold,
    Limiter,
    Memory,
    Proposal,
    Reason,
    ScaleEvent,
    ScaleTo,
    Scope,
    ServicePlan,
    Verdict,
)

from .builders import (
    H100,
    NOW,
    RUNNING,
    a_new_service,
    a_node,
    a_pod,
    a_service,
    a_snapshot,
    a_spec,
    a_workload,
    busy,
    pods_with,
    scaled,
    settled,
    some_metrics,
)

LOADED = busy(2, running=100, waiting=20)


def plan_of(service, nodes=None) -> ServicePlan:
    return decide(a_snapshot(service, nodes=nodes), NOW)[service.key]


def apply_of(plan) -> Apply:
    (found,) = [command for command in plan.commands if isinstance(command, Apply)]
    return found


def scale_of(plan) -> ScaleTo:
    (found,) = [command for command in plan.commands if isinstance(command, ScaleTo)]
    return found


def hold_of(plan) -> Hold:
    (found,) = [command for command in plan.commands if isinstance(command, Hold)]
    return found


# What is applied


def test_a_new_service_is_applied_with_its_first_replicas():
    plan = plan_of(a_new_service(scaled(minReplicas=2)))
    assert (apply_of(plan).replicas, apply_of(plan).reason) == (2, Reason.INITIAL_CONFIGURATION)
    assert apply_of(plan).configuration.gpu == H100
    assert hold_of(plan).reason is Reason.CREATING
    assert plan.desired_replicas == 2


def test_a_new_service_without_gpus_is_applied_without_replicas():
    plan = plan_of(a_new_service(), nodes=(a_node(gpus=2, used=2),))
    assert apply_of(plan).replicas == 0
    assert hold_of(plan).reason is Reason.INSUFFICIENT_GPUS
    assert plan.shortage is not None and plan.shortage.possible_replicas == 0


def test_a_settled_service_is_applied_as_it_is():
    plan = plan_of(a_service(pods=busy(2, running=70)))
    assert apply_of(plan).configuration == RUNNING
    assert hold_of(plan).reason is Reason.AT_TARGET


def test_a_scaled_service_is_applied_with_the_new_number():
    plan = plan_of(a_service(scaled(), LOADED))
    assert apply_of(plan).replicas == scale_of(plan).replicas == plan.desired_replicas == 3


def test_a_changed_spec_is_applied_and_remembered():
    plan = plan_of(a_service(pods=busy(1, 10), generation=2))
    assert apply_of(plan).reason is Reason.SPEC_CHANGED
    assert plan.memory.configured_generation == 2
    assert plan.memory.configured == apply_of(plan).configuration != RUNNING


# What stalls


def test_a_stalled_service_is_left_as_it_is():
    service = a_service(a_spec("no/such-model"), LOADED, generation=2)
    plan = plan_of(service)
    assert [type(command) for command in plan.commands] == [Hold]
    assert hold_of(plan).reason is Reason.STALLED
    assert plan.stall is not None and plan.stall.reason is Reason.UNKNOWN_MODEL
    assert plan.desired_replicas == 2
    assert plan.memory.configured_generation == 1


def test_an_unreadable_schedule_stalls():
    plan = plan_of(a_service(scaled(schedules=[{"cron": "every day"}]), LOADED))
    assert plan.stall is not None and plan.stall.reason is Reason.INVALID_SPEC
    assert hold_of(plan).reason is Reason.STALLED


def test_a_stalled_service_still_has_its_verdict():
    pods = (a_pod(metrics=None, unanswered_since=NOW - 60),)
    assert plan_of(a_service(a_spec("no/such-model"), pods)).health.verdict is Verdict.FAULT


# Who scales


def test_paused_does_nothing_at_all():
    plan = plan_of(a_service(scaled(), LOADED, paused=True, generation=2))
    assert [type(command) for command in plan.commands] == [Hold]
    assert (hold_of(plan).reason, plan.desired_replicas) == (Reason.PAUSED, 2)
    assert plan.memory.configured_generation == 1


def test_advisory_says_what_it_would_do():
    plan = plan_of(a_service(scaled(mode="Advisory"), LOADED))
    assert hold_of(plan).reason is Reason.ADVISORY
    assert "would have 3" in hold_of(plan).message
    assert (plan.desired_replicas, apply_of(plan).replicas, plan.memory.events) == (3, 2, ())


@pytest.mark.parametrize("external", [False, True])
def test_a_foreign_autoscaler_makes_it_advisory(external):
    spec = a_spec(scaling={"mode": "External"}, replicas=5) if external else scaled()
    plan = plan_of(a_service(spec, LOADED, foreign_autoscaler="HorizontalPodAutoscaler chat"))
    assert hold_of(plan).reason is Reason.CONFLICTING_AUTOSCALER
    assert "HorizontalPodAutoscaler chat" in hold_of(plan).message
    assert apply_of(plan).replicas == 2


def test_external_takes_the_given_number_and_reports_what_is_short():
    spec = a_spec(scaling={"mode": "External"}, replicas=6)
    plan = plan_of(a_service(spec, busy(2, 1)), nodes=(a_node(gpus=4, used=2),))
    assert (scale_of(plan).replicas, scale_of(plan).reason) == (6, Reason.EXTERNAL_REPLICAS)
    assert plan.shortage is not None and plan.shortage.possible_replicas == 4


def test_off_keeps_the_number():
    plan = plan_of(a_service(scaled(mode="Off"), LOADED))
    assert (hold_of(plan).reason, plan.desired_replicas) == (Reason.SCALING_OFF, 2)


# GPUs


def test_growth_ends_at_the_gpus_that_are_there():
    plan = plan_of(a_service(scaled(), busy(2, 100, 100)), nodes=(a_node(gpus=4, used=3),))
    assert scale_of(plan).replicas == 3
    assert Limiter.GPU_INVENTORY in plan.limited_by
    assert plan.shortage is not None and plan.shortage.message in scale_of(plan).message


def test_growth_without_a_free_gpu_is_held():
    plan = plan_of(a_service(scaled(), busy(2, 100, 100)), nodes=(a_node(gpus=2, used=2),))
    assert hold_of(plan).reason is Reason.INSUFFICIENT_GPUS
    assert hold_of(plan).signal is not None


def test_shared_gpus_are_not_counted():
    spec = a_spec(scaling={"maxReplicas": 100}, sharing={"scheme": "HAMi"})
    plan = plan_of(a_service(spec, LOADED), nodes=(a_node(gpus=1, used=1),))
    assert scale_of(plan).replicas == 3
    assert plan.shortage is None


def test_two_services_are_not_promised_the_same_gpu():
    first = a_service(a_spec(scaling={"maxReplicas": 9}, priority=1), LOADED, name="z-first")
    second = a_service(scaled(), LOADED, name="a-second")
    plans = decide(a_snapshot(first, second, nodes=(a_node(gpus=5, used=4),)), NOW)
    assert scale_of(plans[first.key]).replicas == 3
    assert hold_of(plans[second.key]).reason is Reason.INSUFFICIENT_GPUS


def test_an_advisory_service_takes_no_gpu_from_one_that_acts():
    advisory = a_service(a_spec(scaling={"mode": "Advisory", "maxReplicas": 9}, priority=9), LOADED, name="a")
    acting = a_service(scaled(), LOADED, name="b")
    plans = decide(a_snapshot(advisory, acting, nodes=(a_node(gpus=5, used=4),)), NOW)
    assert scale_of(plans[acting.key]).replicas == 3
    assert plans[advisory.key].desired_replicas == 2


def test_a_paused_service_keeps_the_gpus_that_its_pods_wait_for():
    waiting = tuple(a_pod(f"w{i}", None, phase="Pending", ready=False, metrics=None) for i in range(2))
    paused = a_service(scaled(), waiting, name="a", paused=True)
    growing = a_service(scaled(), LOADED, name="b")
    plans = decide(a_snapshot(paused, growing, nodes=(a_node(gpus=4, used=2),)), NOW)
    assert hold_of(plans[growing.key]).reason is Reason.INSUFFICIENT_GPUS


def test_another_shape_uses_the_gpus_that_it_gives_back():
    """Two single-GPU replicas on a node of two become one replica of two."""
    spec = a_spec(configuration={"tensorParallel": 2}, scaling={"maxReplicas": 1})
    plan = plan_of(a_service(spec, busy(1, 10), generation=2), nodes=(a_node(gpus=2, used=1),))
    assert apply_of(plan).configuration.tensor_parallel == 2
    assert plan.shortage is None


def test_a_replica_in_stages_takes_the_gpus_of_all_of_them():
    """Four GPUs a replica: one more fits on ten of which four are in use, and not two."""
    spec = a_spec(configuration={"tensorParallel": 2, "pipelineParallel": 2}, scaling={"maxReplicas": 100})
    staged = replace(RUNNING, tensor_parallel=2, pipeline_parallel=2)
    running = {"workload": a_workload(1, staged), "memory": settled(staged)}
    plan = plan_of(a_service(spec, busy(1, 100, 200), **running), nodes=(a_node(gpus=10, used=4),))
    assert scale_of(plan).replicas == 2
    assert plan.shortage is not None and plan.shortage.gpus_per_replica == 4


def test_other_stages_use_the_gpus_that_are_given_back():
    spec = a_spec(configuration={"tensorParallel": 1, "pipelineParallel": 2}, scaling={"maxReplicas": 1})
    plan = plan_of(a_service(spec, busy(1, 10), generation=2), nodes=(a_node(gpus=2, used=1),))
    assert apply_of(plan).configuration.gpus == 2
    assert plan.shortage is None


# Faults are not load


def test_a_silent_pod_holds_scale_down_and_adds_nothing():
    silent = a_pod("b", metrics=None, unanswered_since=NOW - 60)
    service = a_service(scaled(), (a_pod("a"), silent), memory=settled(proposals=(Proposal(NOW - 299, 1),)))
    plan = plan_of(service)
    assert plan.health.verdict is Verdict.FAULT
    assert (hold_of(plan).reason, plan.desired_replicas) == (Reason.FAULT_IS_NOT_LOAD, 2)


# Memory


def test_a_scale_is_remembered_for_the_policies():
    old = ScaleEvent(NOW - 3600, 2)
    plan = plan_of(a_service(scaled(), LOADED, memory=settled(events=(old,))))
    assert plan.memory.events == (ScaleEvent(NOW, 1),)


def test_activity_is_remembered():
    assert plan_of(a_service(pods=busy(1, 1))).memory.last_active_at == NOW
    quiet = a_service(pods=busy(1, 0), memory=settled(last_active_at=NOW - 50))
    assert plan_of(quiet).memory.last_active_at == NOW - 50


def test_a_restarted_operator_does_not_take_silence_for_idleness():
    plan = plan_of(a_service(pods=busy(1, 0), memory=Memory()))
    assert plan.memory.known_since == NOW
    assert plan.health.verdict is Verdict.HEALTHY


def test_a_service_that_never_had_a_request_becomes_idle():
    quiet = a_service(pods=busy(1, 0), memory=settled(known_since=NOW - 900))
    assert plan_of(quiet).health.verdict is Verdict.IDLE


def test_a_restarted_operator_removes_nothing_within_the_window():
    plan = plan_of(a_service(scaled(), busy(5, 1), memory=Memory()))
    assert (plan.desired_replicas, plan.limited_by) == (5, (Limiter.STABILIZATION,))
    assert Proposal(NOW, 5) in plan.memory.proposals


def test_a_verdict_keeps_its_begin():
    same = settled(verdict=Verdict.HEALTHY, verdict_since=NOW - 500)
    assert plan_of(a_service(pods=busy(1, 1), memory=same)).memory.verdict_since == NOW - 500
    other = replace(same, verdict=Verdict.FAULT)
    assert plan_of(a_service(pods=busy(1, 1), memory=other)).memory.verdict_since == NOW


def test_unread_configuration_is_written_anew():
    service = a_service(pods=busy(1, 1), workload=a_workload(1, configuration=None))
    assert apply_of(plan_of(service)).configuration != Configuration(H100, 1)


def test_stale_metrics_hold():
    pods = pods_with(some_metrics(100, 500, age=61))
    assert hold_of(plan_of(a_service(scaled(), pods))).reason is Reason.METRICS_UNAVAILABLE


def test_every_service_gets_a_plan():
    services = [a_service(name=f"s{i}") for i in range(3)]
    assert set(decide(a_snapshot(*services), NOW)) == {service.key for service in services}
    assert decide(a_snapshot(), NOW) == {}


def test_silent_pods_of_two_services_on_one_node_are_the_nodes_fault():
    def service(name):
        silent = a_pod(f"{name}-a", "bad", metrics=None, unanswered_since=NOW - 60)
        return a_service(pods=(silent, a_pod(f"{name}-b", "good", metrics=some_metrics(5))), name=name)

    chat, code = service("chat"), service("code")
    for of in (chat, code):
        health = decide(a_snapshot(chat, code), NOW)[of.key].health
        assert (health.scope, health.where, health.advice) == (Scope.NODE, ("bad",), Advice.CORDON_NODE)
    alone = decide(a_snapshot(chat), NOW)[chat.key].health
    assert (alone.scope, alone.where) == (Scope.POD, ("chat-a",))
