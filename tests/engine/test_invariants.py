"""What holds of every plan, whatever the state."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from rorqual_engine.decide import decide
from rorqual_engine.plan import Apply, Hold, Limiter, Reason, ScaleTo
from rorqual_engine.snapshot import Snapshot

from .builders import NOW
from .strategies import snapshots

ALL_MODES = ("Internal", "Advisory", "Off")
more_examples = settings(max_examples=60, deadline=None, derandomize=True)


def scale_of(plan):
    return next((command for command in plan.commands if isinstance(command, ScaleTo)), None)


def bounds_of(service):
    scaling = service.spec.scaling
    return max(1, scaling.min_replicas), scaling.max_replicas


def after(snapshot, plans):
    """The state once the plans are carried out: numbers set, nothing else happened yet, memory kept."""
    carried = []
    for service in snapshot.services:
        plan = plans[service.key]
        scale = scale_of(plan)
        replicas = scale.replicas if scale else service.workload.replicas
        workload = replace(service.workload, replicas=replicas)
        carried.append(replace(service, workload=workload, memory=plan.memory))
    return Snapshot(tuple(carried), snapshot.nodes)


@more_examples
@given(snapshots())
def test_never_outside_the_bounds(snapshot):
    plans = decide(snapshot, NOW)
    for service in snapshot.services:
        scale = scale_of(plans[service.key])
        least, most = bounds_of(service)
        if scale is not None:
            assert scale.replicas <= most
            assert scale.replicas >= least or Limiter.GPU_INVENTORY in scale.limited_by


@more_examples
@given(snapshots())
def test_growth_never_asks_for_more_gpus_than_there_are(snapshot):
    plans = decide(snapshot, NOW)
    for node in snapshot.nodes:
        asked = 0
        for service in snapshot.services:
            shape, scale = service.workload.configuration, scale_of(plans[service.key])
            if shape.gpu == node.gpu and scale is not None and scale.replicas > scale.current:
                held = sum(pod.node is not None and not pod.terminating for pod in service.pods)
                asked += shape.gpus * max(0, scale.replicas - held)
        assert asked <= node.gpus_free


@more_examples
@given(snapshots())
def test_deciding_again_does_not_go_on(snapshot):
    plans = decide(snapshot, NOW)
    again = decide(after(snapshot, plans), NOW)
    for key, plan in plans.items():
        first, second = scale_of(plan), scale_of(again[key])
        if first is not None and second is not None:
            assert (first.replicas > first.current) != (second.replicas > second.current)


@more_examples
@given(snapshots(most_services=1))
def test_one_service_alone_comes_to_rest_at_once(snapshot):
    plans = decide(snapshot, NOW)
    again = decide(after(snapshot, plans), NOW)
    if any(scale_of(plan) for plan in plans.values()):
        assert not any(scale_of(plan) for plan in again.values())


@more_examples
@given(snapshots())
def test_without_metrics_only_bounds_move_anything(snapshot):
    blind = tuple(
        replace(service, pods=tuple(replace(pod, metrics=None) for pod in service.pods))
        for service in snapshot.services
    )
    for plan in decide(replace(snapshot, services=blind), NOW).values():
        scale = scale_of(plan)
        assert scale is None or scale.reason in (Reason.BELOW_MINIMUM, Reason.ABOVE_MAXIMUM)


@more_examples
@given(snapshots())
def test_with_a_fault_or_a_rollout_nothing_within_the_bounds_shrinks(snapshot):
    plans = decide(snapshot, NOW)
    for service in snapshot.services:
        plan = plans[service.key]
        scale = scale_of(plan)
        if scale is not None and scale.replicas < scale.current and scale.reason is not Reason.ABOVE_MAXIMUM:
            assert plan.health.verdict != "Fault"
            assert service.workload.rolled_out


@more_examples
@given(snapshots(modes=ALL_MODES))
def test_commands_have_their_order_and_number(snapshot):
    plans = decide(snapshot, NOW)
    for service in snapshot.services:
        plan = plans[service.key]
        kinds = [type(command) for command in plan.commands]
        assert kinds in ([Hold], [Apply, Hold], [Apply, ScaleTo])
        if service.paused or plan.stall is not None:
            assert kinds == [Hold]
        if service.spec.scaling.mode != "Internal":
            assert ScaleTo not in kinds


@more_examples
@given(snapshots(modes=ALL_MODES))
def test_the_same_state_gives_the_same_plan_in_any_order(snapshot):
    turned = Snapshot(tuple(reversed(snapshot.services)), tuple(reversed(snapshot.nodes)))
    assert decide(snapshot, NOW) == decide(turned, NOW)


@more_examples
@given(snapshots(), st.integers(1, 8))
def test_memory_does_not_grow_without_bound(snapshot, ticks):
    for tick in range(ticks):
        snapshot = after(snapshot, decide(snapshot, NOW + 15 * tick))
    for service in snapshot.services:
        proposed = [proposal.replicas for proposal in service.memory.proposals]
        assert len(proposed) == len(set(proposed))
        assert len(service.memory.events) <= 600 / 15 + 4
