from rorqual_engine.simulation.rivals.static import Static

from ..seeing import facts, view


def test_the_same_at_any_load():
    policy = Static(facts(), replicas=3)
    assert {policy.decide(view(load)).replicas for load in ([], [60, 60], [0] * 5)} == {3}


def test_the_minimum_by_default():
    assert Static(facts(min_replicas=2)).decide(view([1])).replicas == 2
