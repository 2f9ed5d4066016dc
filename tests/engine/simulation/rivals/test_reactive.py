import pytest

from rorqual_engine.simulation.rivals.reactive import Proportional, Reactive

from ..seeing import facts, view


def test_one_more_above_the_threshold_gateway_included():
    policy = Reactive(facts())
    assert policy.decide(view([9, 9], waiting=[2, 2])).replicas == 2
    assert policy.decide(view([9, 9], waiting=[2, 2], held=1)).replicas == 3


def test_a_step_up_waits_for_its_cooldown():
    policy = Reactive(facts(), up_cooldown_seconds=30)
    found = [policy.decide(view([9], waiting=[9], now=now)).replicas for now in (0, 15, 30)]
    assert found == [2, 1, 2]


def test_one_less_after_the_longer_cooldown():
    policy = Reactive(facts(), down_cooldown_seconds=120)
    found = [policy.decide(view([1] * 3, now=now)).replicas for now in (0, 60, 120)]
    assert found == [2, 3, 2]


def test_never_below_the_minimum():
    assert Reactive(facts()).decide(view([0])).replicas == 1


def test_thresholds_that_cross_are_refused():
    with pytest.raises(ValueError, match="low must be below high"):
        Reactive(facts(), high=1, low=1)


def test_proportional_rounds_up():
    assert Proportional(facts(), target=16).decide(view([16, 16], held=1)).replicas == 3


def test_proportional_goes_down_after_a_cooldown():
    policy = Proportional(facts(), target=10, down_cooldown_seconds=120)
    assert policy.decide(view([30], now=0)).replicas == 3
    assert policy.decide(view([5] * 3, now=60)).replicas == 3
    assert policy.decide(view([5] * 3, now=120)).replicas == 2
