import pytest

from rorqual_engine.api.spec import Behavior
from rorqual_engine.plan import ScaleEvent
from rorqual_engine.scaling.policies import down_limit, longest_period_seconds, up_limit

from ..builders import NOW

PODS = {"type": "Pods", "value": 2, "periodSeconds": 60}
PERCENT = {"type": "Percent", "value": 50, "periodSeconds": 60}


def behavior(**rules) -> Behavior:
    return Behavior.model_validate(rules)


def events(*changes, age=10):
    return tuple(ScaleEvent(NOW - age, change) for change in changes)


@pytest.mark.parametrize(("current", "most"), [(0, 4), (1, 5), (4, 8), (10, 20)])
def test_by_default_four_or_twice_as_many(current, most):
    assert up_limit(behavior(), (), current, NOW) == most


def test_by_default_all_may_go():
    assert down_limit(behavior(), (), 10, NOW) == 0


def test_what_was_added_in_the_period_counts():
    assert up_limit(behavior(scaleUp={"policies": [PODS]}), events(1), 5, NOW) == 6
    assert up_limit(behavior(scaleUp={"policies": [PODS]}), events(2), 6, NOW) == 6


def test_what_was_added_before_the_period_does_not():
    assert up_limit(behavior(scaleUp={"policies": [PODS]}), events(2, age=60), 6, NOW) == 8


def test_what_was_removed_in_between_may_come_back():
    assert up_limit(behavior(scaleUp={"policies": [PODS]}), events(-3), 4, NOW) == 9


@pytest.mark.parametrize(("select", "most", "fewest"), [("Max", 15, 5), ("Min", 12, 8), ("Disabled", 10, 10)])
def test_the_policy_that_counts_is_selected(select, most, fewest):
    rules = {"policies": [PODS, PERCENT], "selectPolicy": select}
    assert up_limit(behavior(scaleUp=rules), (), 10, NOW) == most
    assert down_limit(behavior(scaleDown=rules), (), 10, NOW) == fewest


def test_percent_rounds_as_hpa_does():
    rules = {"policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]}
    assert up_limit(behavior(scaleUp=rules), (), 11, NOW) == 13
    assert down_limit(behavior(scaleDown=rules), (), 11, NOW) == 9
    assert up_limit(behavior(scaleUp=rules), (), 10, NOW) == 11


def test_a_limit_never_turns_the_direction():
    assert up_limit(behavior(scaleUp={"policies": [PODS]}), events(5), 10, NOW) == 10
    assert down_limit(behavior(scaleDown={"policies": [PODS]}), events(-5), 3, NOW) == 3


def test_none_is_the_fewest():
    assert down_limit(behavior(scaleDown={"policies": [PODS]}), (), 1, NOW) == 0


def test_the_longest_period_is_looked_back_on():
    assert longest_period_seconds(behavior()) == 15
    assert longest_period_seconds(behavior(scaleDown={"policies": [{**PODS, "periodSeconds": 900}]})) == 900
