import pytest

from rorqual_engine.api.spec import Behavior
from rorqual_engine.plan import Reason
from rorqual_engine.scaling.load import Load
from rorqual_engine.scaling.proposal import propose

from ..builders import some_metrics


def proposed(current, demand, missing=0, faults=0, behavior=None):
    load = Load(healthy=(some_metrics(),), missing=missing, faults=faults)
    found = propose(current, demand, load, behavior or Behavior())
    return found.replicas, found.reason


@pytest.mark.parametrize(
    ("current", "demand", "replicas", "reason"),
    [
        (2, 2.3, 3, Reason.DEMAND_ABOVE_CAPACITY),
        (2, 2.1, 2, Reason.WITHIN_TOLERANCE),
        (10, 10.9, 10, Reason.WITHIN_TOLERANCE),
        (10, 11.1, 12, Reason.DEMAND_ABOVE_CAPACITY),
        (10, 9.1, 10, Reason.AT_TARGET),
        (20, 18.5, 20, Reason.WITHIN_TOLERANCE),
        (20, 17.5, 18, Reason.DEMAND_BELOW_CAPACITY),
        (4, 0.0, 0, Reason.DEMAND_BELOW_CAPACITY),
        (3, 3.0000000001, 3, Reason.AT_TARGET),
        (1, 0.2, 1, Reason.AT_TARGET),
    ],
)
def test_demand_outside_the_tolerance_moves(current, demand, replicas, reason):
    assert proposed(current, demand) == (replicas, reason)


def test_the_tolerance_can_be_set_for_each_direction():
    behavior = Behavior.model_validate({"scaleUp": {"tolerancePercent": 50}, "scaleDown": {"tolerancePercent": 0}})
    assert proposed(10, 14.9, behavior=behavior)[0] == 10
    assert proposed(10, 8.9, behavior=behavior)[0] == 9


def test_replicas_without_metrics_count_as_loaded_on_the_way_down():
    assert proposed(10, 2, missing=3) == (5, Reason.DEMAND_BELOW_CAPACITY)
    assert proposed(4, 1, missing=3) == (4, Reason.METRICS_INCOMPLETE)


def test_replicas_without_metrics_count_as_idle_on_the_way_up():
    assert proposed(4, 4.2, missing=3) == (4, Reason.WITHIN_TOLERANCE)
    assert proposed(4, 6, missing=3) == (6, Reason.DEMAND_ABOVE_CAPACITY)


def test_with_a_fault_nothing_is_removed():
    assert proposed(4, 1, faults=1) == (4, Reason.FAULT_IS_NOT_LOAD)


def test_with_a_fault_real_demand_still_adds():
    assert proposed(4, 6, faults=1) == (6, Reason.DEMAND_ABOVE_CAPACITY)
