"""Targets of 10."""

import pytest

from rorqual_engine.simulation.rivals.kthena import SEARCH, Instances, Kthena, Line, Records, recommend

from ..seeing import facts, view


@pytest.mark.parametrize(
    ("total", "reporters", "instances", "expected"),
    [
        (40, 2, Instances(2), 4),
        (21, 2, Instances(2), 2),
        (8, 2, Instances(2), 1),
        (0, 0, Instances(2, missing=2), None),
        (60, 2, Instances(3, missing=1), 6),
        (30, 2, Instances(3, missing=1), 3),
        (8, 2, Instances(3, missing=1), 2),  # (8 + 10)/30 of 3
        (30, 2, Instances(4, unready=2), 4),  # 30/40 turns the direction
        (60, 2, Instances(4, unready=2), 6),
        (8, 2, Instances(4, unready=2), 1),
    ],
)
def test_recommendation(total, reporters, instances, expected):
    assert recommend(total, reporters, 10, instances, 0.1) == expected


def test_records_forget():
    records = Records(30, max)
    records.add(0, 5)
    records.add(20, 3)
    assert records.best(30) == 5
    assert records.best(31) == 3
    assert records.best(51) is None


def test_a_window_of_no_length_has_no_opinion():
    records = Records(0, max)
    records.add(0, 5)
    assert records.best(0) is None


def test_a_line_knows_a_number_until_it_ended_long_ago():
    line = Line(15, min)
    line.add(0, 2)
    line.add(10, 8)
    assert line.best(25, 9) == 2  # 2 held until 10
    assert line.best(26, 9) == 8
    assert line.best(41, 9) == 9  # nothing was added for twice the period


def kthena(**settings):
    return Kthena(facts(max_replicas=100), **{"target": 10, "panic_threshold_percent": 1000, **settings})


def test_a_stable_step_doubles_in_a_period():
    policy = kthena()
    assert policy.decide(view([50] * 2, now=0)).replicas == 4
    # the least of the last 15 s is the 4 of now
    assert policy.decide(view([50] * 4, now=15)).replicas == 8


def test_a_step_counts_from_the_least_of_the_period():
    policy = kthena()
    policy.decide(view([10] * 2, now=0))
    assert policy.decide(view([30] * 2, now=10)).replicas == 4
    assert policy.decide(view([30] * 4, now=20)).replicas == 4


def test_a_panic_may_take_a_large_step_and_does_not_shrink():
    policy = kthena(panic_threshold_percent=200)
    assert policy.decide(view([50] * 2, now=0)).replicas == 10
    assert policy.decide(view([1] * 10, now=60)).replicas == 10
    assert policy.decide(view([1] * 10, now=75)).replicas == 1


def test_a_decrease_is_not_delayed_by_default():
    assert kthena().decide(view([1] * 10)).replicas == 1


def test_a_window_delays_a_decrease():
    policy = kthena(down_window_seconds=60)
    found = [policy.decide(view([x] * 10, now=now)).replicas for now, x in ((0, 10), (30, 1), (60, 1), (75, 1))]
    assert found == [10, 10, 10, 1]


def test_a_window_delays_an_increase():
    policy = kthena(up_window_seconds=30)
    found = [policy.decide(view([x] * 4, now=now)).replicas for now, x in ((0, 10), (15, 14), (30, 14), (45, 14))]
    assert found == [4, 4, 4, 6]


def test_a_number_out_of_bounds_is_brought_back():
    assert Kthena(facts(min_replicas=2), target=10).decide(view([50])).replicas == 2


def test_without_figures_nothing_changes():
    assert kthena().decide(view(missing=3)).replicas == 3


def test_settings_to_search_begin_with_the_defaults():
    defaults = {**Kthena.__init__.__kwdefaults__, "target": 16}
    assert all(defaults[name] == values[0] for name, values in SEARCH.items())
