"""Cases are worked out by hand from the formulas of the Kubernetes documentation."""

import pytest

from rorqual_engine.simulation.rivals.hpa import (
    HPA,
    SEARCH,
    Governor,
    Pods,
    average_replicas,
    behavior_of,
    external_replicas,
    highest,
    percent_policy,
    pods_policy,
    pods_replicas,
)

from ..seeing import facts, view


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ([20, 20], 4),  # 2 * 20/10
        ([11, 11], 2),  # 10 % above is tolerated
        ([11, 11.2], 3),
        ([9, 9], 2),
        ([4, 4], 1),  # ceil(0.8)
        ([0, 0], 0),
        ([], None),
    ],
)
def test_a_pods_metric(figures, expected):
    assert pods_replicas(figures, 10, Pods(2)) == expected


def test_missing_pods_use_nothing_on_the_way_up():
    # 30 over 3 pods is the target itself, though 15 over 2 is above it
    assert pods_replicas([15, 15], 10, Pods(3, missing=1)) == 3
    assert pods_replicas([30, 30], 10, Pods(3, missing=1)) == 6


def test_missing_pods_use_their_target_on_the_way_down():
    # (4 + 4 + 10) / 30 = 0.6 of 3 pods
    assert pods_replicas([4, 4], 10, Pods(3, missing=1)) == 2


def test_a_turn_of_direction_changes_nothing():
    # 1.5 of the target over 2 pods, 0.6 over 5
    assert pods_replicas([15, 15], 10, Pods(5, missing=3)) == 5


def test_pending_pods_count_on_the_way_up_alone():
    assert pods_replicas([30, 30], 10, Pods(4, pending=2)) == 6
    assert pods_replicas([12, 12], 10, Pods(4, pending=2)) == 4
    assert pods_replicas([4, 4], 10, Pods(4, pending=2)) == 1


def test_rebalancing_never_goes_against_its_direction():
    # above the target even with the missing, yet fewer than there are: 24/20 of 2 pods is 3 of 6
    assert pods_replicas([24], 10, Pods(6, missing=1)) == 6


def test_an_external_value_scales_the_ready():
    assert external_replicas(30, 10, current=4, ready=2) == 6
    assert external_replicas(10.5, 10, current=4, ready=2) == 4
    assert external_replicas(25, 10, current=0, ready=0) == 3


def test_an_external_average_is_shared():
    assert average_replicas(55, 10, current=3) == 6
    assert average_replicas(32, 10, current=3) == 3
    assert average_replicas(0, 10, current=0) == 0


def test_an_unknown_metric_forbids_a_decrease():
    assert highest([2, None], current=3) is None
    assert highest([4, None], current=3) == 4
    assert highest([2, 5], current=3) == 5


def governed(governor, steps):
    """What comes of proposals, each at its time, applied at once."""
    current = steps[0][1]
    found = []
    for now, proposed in steps:
        current = governor.govern(current, proposed, now)
        found.append(current)
    return found


def test_default_policies_double_or_add_four():
    governor = Governor(behavior_of(), 1, 100)
    assert governed(governor, [(0, 1), (15, 100), (30, 100), (45, 100), (60, 100)]) == [1, 5, 10, 20, 40]


def test_the_default_window_delays_a_decrease():
    governor = Governor(behavior_of(), 1, 100)
    assert governed(governor, [(0, 10), (15, 2), (299, 2), (300, 2)]) == [10, 10, 10, 2]


def test_a_policy_counts_what_its_period_saw():
    governor = Governor(behavior_of(up=[pods_policy(1, 180)]), 1, 10)
    assert governed(governor, [(0, 1), (15, 9), (30, 9), (195, 9)]) == [1, 2, 2, 3]


def test_a_window_on_the_way_up_takes_the_least():
    governor = Governor(behavior_of(60, 300, [percent_policy(100, 15)]), 1, 10)
    assert governed(governor, [(0, 2), (15, 4), (30, 3), (59, 4), (60, 4)]) == [2, 2, 2, 2, 3]


def test_a_number_out_of_bounds_is_brought_back():
    governor = Governor(behavior_of(), 2, 4)
    assert governor.govern(9, 9, 0) == 4
    assert governor.govern(1, 9, 15) == 2


def test_the_policy_takes_starting_replicas_as_missing():
    hpa = HPA(facts(), target=10)
    assert hpa.decide(view([15, 15], starting=[5])).replicas == 3
    assert hpa.decide(view([40, 40], starting=[5])).replicas == 7  # 80/10 are 8; 3 + 4 pods are the most


def test_the_policy_holds_without_figures():
    assert HPA(facts()).decide(view(missing=2)).replicas == 2


def test_the_policy_is_off_at_zero():
    assert HPA(facts(min_replicas=0)).decide(view(asked=0, held=5)).replicas == 0


def test_the_policy_never_asks_for_zero():
    hpa = HPA(facts(min_replicas=0), down_window_seconds=0)
    assert hpa.decide(view([0])).replicas == 1


def test_the_metric_is_a_setting():
    assert HPA(facts(), metric="waiting").decide(view([9, 9], [3, 3])).replicas == 6
    assert HPA(facts(), metric="kv_use").decide(view([9, 9], kv_use=[1, 1])).replicas == 3


def test_settings_to_search_begin_with_the_defaults():
    searched = {name: values[0] for name, values in SEARCH.items()}
    assert searched == {"target": 16, "tolerance": 0.1, "up_window_seconds": 0, "down_window_seconds": 300}
    HPA(facts(), **searched)
