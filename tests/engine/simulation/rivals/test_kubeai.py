from rorqual_engine.simulation.rivals.kubeai import SEARCH, KubeAI

from ..seeing import facts, view


def kubeai(**settings):
    """A window of two samples."""
    return KubeAI(facts(), **{"target_requests": 10, "window_seconds": 20, **settings})


def test_the_mean_begins_with_zeros():
    policy = kubeai()
    assert policy.decide(view([40], now=0)).replicas == 2  # (0 + 40)/2
    assert policy.decide(view([40], now=10)).replicas == 4
    assert KubeAI(facts(), target_requests=1).decide(view([60, 61])).replicas == 3  # 121/60


def test_requests_at_the_gateway_count():
    assert kubeai().decide(view([30], held=30)).replicas == 3


def test_a_decrease_waits_for_three_lower_results():
    policy = kubeai(window_seconds=10)
    found = [policy.decide(view([1] * 4, now=now)).replicas for now in (0, 10, 20, 30)]
    assert found == [4, 4, 4, 1]


def test_an_equal_result_begins_the_count_anew():
    policy = kubeai(window_seconds=10)
    loads = (1, 1, 10, 1, 1, 1, 1)
    found = [policy.decide(view([x] * 4, now=10 * turn)).replicas for turn, x in enumerate(loads)]
    assert found == [4, 4, 4, 4, 4, 4, 1]


def test_a_second_decrease_is_not_delayed():
    policy = kubeai(window_seconds=10)
    for now in (0, 10, 20):
        policy.decide(view([5] * 4, now=now))
    assert policy.decide(view([5] * 4, now=30)).replicas == 2
    assert policy.decide(view([1] * 2, now=40)).replicas == 1


def test_a_result_below_the_minimum_is_no_lower_result():
    policy = KubeAI(facts(min_replicas=2), target_requests=10, window_seconds=10)
    for now in range(0, 60, 10):
        assert policy.decide(view([1, 1], now=now)).replicas == 2
    assert policy._lower_results == 0


def test_a_held_request_wakes_it_within_a_second():
    policy = KubeAI(facts(min_replicas=0))
    assert policy.interval_seconds == 1
    assert policy.decide(view(asked=0, now=3)).replicas == 0
    assert policy.decide(view(asked=0, held=7, now=4)).replicas == 1


def test_nothing_is_decided_while_no_replica_has_an_address():
    assert kubeai().decide(view(starting=[1, 1], held=90)).replicas == 2


def test_settings_to_search_begin_with_the_defaults():
    assert all(KubeAI.__init__.__kwdefaults__[name] == values[0] for name, values in SEARCH.items())
