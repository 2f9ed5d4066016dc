import pytest

from rorqual_engine.simulation.rivals.wva import WVAv1, WVAv2, derived_capacity

from ..seeing import facts, history, view


def v1(*args, **kwargs):
    return WVAv1(facts()).decide(view(*args, **kwargs)).replicas


def v2(*args, **kwargs):
    return WVAv2(facts()).decide(view(*args, **kwargs)).replicas


def test_v1_one_more_when_the_spare_runs_low():
    assert v1([9, 9], kv_use=[0.75, 0.75]) == 3  # 0.05 < 0.1
    assert v1([9, 9], waiting=[3, 3], kv_use=[0.5, 0.5]) == 3  # 2 < 3


def test_v1_saturated_replicas_leave_nothing_to_spare():
    assert v1([9, 9], kv_use=[0.9, 0.9]) == 3
    assert v1([9, 9], waiting=[0, 9], kv_use=[0.5, 0.1]) == 2  # the one that is left spares 0.3 and 5


def test_v1_one_less_when_the_rest_can_carry_it():
    assert v1([9, 9], kv_use=[0.2, 0.2]) == 1  # 0.8 - 0.4
    assert v1([9, 9], kv_use=[0.4, 0.4]) == 2  # 0.8 - 0.8
    assert v1([9], kv_use=[0.0]) == 1


def test_v1_holds_in_transition():
    assert v1([9, 9], kv_use=[0.9, 0.9], starting=[3]) == 3
    assert v1([9, 9], kv_use=[0.1, 0.1], missing=1) == 3


def test_v1_turns_once_a_minute_and_looks_at_the_highest_of_it():
    policy = WVAv1(facts())
    uses = ((0, 0.75), (45, 0.75), (60, 0.3), (120, 0.3))
    found = [policy.decide(view([9, 9], kv_use=[use, use], now=now)).replicas for now, use in uses]
    assert found == [3, 2, 3, 1]


def test_v2_derives_capacity_from_the_engines_limits():
    assert derived_capacity(facts(), 1024, 256) == 64 * 1152
    assert derived_capacity(facts(sequences=256), 8000, 192) == 192 * 8096  # 8192 * 192 / 8192 sequences


def test_v2_adds_what_is_required():
    assert v2([9], kv_use=[0.7]) == 2  # 70,000 / 0.85 = 82,353 > 73,728
    assert v2([9], kv_use=[0.6]) == 1
    assert v2([9], kv_use=[0.6], waiting=[3]) == 2  # 63,840 / 0.85 = 75,106: a prompt and an answer each
    assert v2([9], kv_use=[0.6], held=100) == 3  # 188,000 / 0.85 = 221,176: 147,448 / 73,728 = 1.9999


def test_v2_counts_what_starts():
    assert v2([9], kv_use=[0.7], starting=[3]) == 2


def test_v2_removes_what_is_spare():
    assert v2([9] * 3, kv_use=[0.2] * 3) == 2  # (221,184 - 60,000 / 0.7) / 73,728 = 1.84
    assert v2([9] * 3, kv_use=[0.01] * 3) == 1


def test_v2_remembers_what_a_full_replica_held():
    policy = WVAv2(facts())
    assert policy.decide(view([9], kv_use=[0.6], waiting=[5], now=0)).replicas == 2
    assert policy.decide(view([9], kv_use=[0.6], now=100)).replicas == 2  # 70,588 > 60,000
    longer = history([{"at": 0}, {"at": 200, "finished": 10, "finished_output_tokens": 9000}])
    assert policy.decide(view([9], kv_use=[0.55], now=200, past=longer)).replicas == 1  # another bucket


def test_wakes_for_a_held_request():
    assert v1([], held=1) == 1
    assert v2([], held=1) == 1


def test_v2_refuses_bounds_that_cross():
    with pytest.raises(ValueError, match="scale_up_threshold"):
        WVAv2(facts(), scale_up_threshold=0.6)
