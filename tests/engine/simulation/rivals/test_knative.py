"""A target of 10: concurrency 10 at a utilization of 1."""

from rorqual_engine.simulation.rivals.knative import KPA, SEARCH

from ..seeing import facts, view


def kpa(**settings):
    return KPA(
        facts(**{"min_replicas": settings.pop("min_replicas", 1)}), **{"concurrency": 10, "utilization": 1, **settings}
    )


def test_the_default_target_is_70():
    policy = KPA(facts())
    assert policy.decide(view([70])).replicas == 1
    assert KPA(facts()).decide(view([71])).replicas == 2


def test_a_stable_mean_is_rounded_up():
    # (12 + 14 + 22)/3 is 16; 22 alone is no panic of one replica at a threshold of 4
    policy = kpa(panic_threshold=4.0)
    assert [policy.decide(view([x], now=now)).replicas for now, x in ((0, 12), (2, 14), (4, 22))] == [2, 2, 2]


def test_panic_takes_the_short_mean():
    policy = kpa()
    for now in range(0, 60, 2):
        assert policy.decide(view([5], now=now)).replicas == 1
    for now in (60, 62):
        policy.decide(view([50], now=now))
    # the last 6 s hold 50 three times; the last minute 5 27 times
    assert policy.decide(view([50], now=64)).replicas == 5


def test_panic_does_not_shrink_until_it_ends():
    policy = kpa()
    assert policy.decide(view([40], now=0)).replicas == 4
    assert policy.decide(view([2] * 4, now=20)).replicas == 4
    assert policy.decide(view([2] * 4, now=60)).replicas == 4
    # ended after 60 s: 8 in flight are of 1, a halving of 4 is the least
    assert policy.decide(view([2] * 4, now=62)).replicas == 2


def test_several_replicas_at_the_beginning_are_kept_for_a_stable_window():
    policy = kpa()
    assert policy.decide(view([1, 1, 1], now=0)).replicas == 3
    assert policy.decide(view([1, 1, 1], now=62)).replicas == 1


def test_rates_limit_a_step():
    assert kpa(max_scale_up_rate=2.0).decide(view([90], now=0)).replicas == 2


def test_the_last_replica_has_a_grace_period():
    policy = kpa(min_replicas=0)
    assert policy.decide(view([0], now=0)).replicas == 1
    assert policy.decide(view([0], now=28)).replicas == 1
    assert policy.decide(view([0], now=30)).replicas == 0


def test_a_minimum_keeps_the_last_replica():
    policy = kpa()
    policy.decide(view([0], now=0))
    assert policy.decide(view([0], now=30)).replicas == 1


def test_requests_at_the_gateway_wake_it():
    assert kpa(min_replicas=0).decide(view(asked=0, held=25)).replicas == 3


def test_a_delay_keeps_the_highest():
    policy = kpa(scale_down_delay_seconds=100, stable_window_seconds=10, panic_threshold=9)
    found = [policy.decide(view([x], now=now)).replicas for now, x in ((0, 30), (50, 5), (99, 5), (101, 5))]
    assert found == [3, 3, 3, 1]


def test_settings_to_search_begin_with_the_defaults():
    assert all(KPA.__init__.__kwdefaults__[name] == values[0] for name, values in SEARCH.items())
