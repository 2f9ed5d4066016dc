import pytest

from rorqual_engine.plan import Limiter, Stall
from rorqual_engine.scaling import Bounds, read_bounds

from ..builders import H100, NOW, a_spec


def bounds(**scaling) -> Bounds:
    found = read_bounds(a_spec(scaling=scaling), H100, NOW)
    assert isinstance(found, Bounds)
    return found


def test_bounds_are_those_of_the_spec():
    assert bounds(minReplicas=2, maxReplicas=5) == Bounds(2, 5)


def test_zero_is_held_at_one():
    assert bounds(minReplicas=0) == Bounds(1, 8, minimum_by=Limiter.NO_ACTIVATOR)


def test_a_schedule_sets_what_it_names():
    always = {"cron": "* * * * *"}
    assert bounds(schedules=[{**always, "minReplicas": 3}]) == Bounds(3, 8, minimum_by=Limiter.SCHEDULE)
    assert bounds(schedules=[{**always, "maxReplicas": 2}]) == Bounds(1, 2, maximum_by=Limiter.SCHEDULE)


def test_a_schedules_minimum_above_the_maximum_ends_at_it():
    found = bounds(maxReplicas=2, schedules=[{"cron": "* * * * *", "minReplicas": 5}])
    assert (found.minimum, found.maximum) == (2, 2)


def test_the_hardware_has_its_own_maximum():
    spec = a_spec(hardware=[{"gpu": H100, "maxReplicas": 3}], scaling={"minReplicas": 4, "maxReplicas": 8})
    assert read_bounds(spec, H100, NOW) == Bounds(3, 3, maximum_by=Limiter.HARDWARE_MAX_REPLICAS)


def test_an_unreadable_schedule_stalls():
    spec = a_spec(scaling={"schedules": [{"cron": "not a cron"}]})
    assert isinstance(read_bounds(spec, H100, NOW), Stall)


@pytest.mark.parametrize(
    ("replicas", "clamped"), [(1, (2, (Limiter.MIN_REPLICAS,))), (3, (3, ())), (9, (5, (Limiter.MAX_REPLICAS,)))]
)
def test_clamping_names_what_clamped(replicas, clamped):
    assert Bounds(2, 5).clamp(replicas) == clamped
