"""Replicas that hold requests and do nothing with them, or memory for nobody."""

from rorqual_engine.detection.stuck import find_leaks, find_stuck
from rorqual_engine.timing import Capability, StepTiming

from ..builders import NOW, a_service, a_spec, pods_with, some_metrics

LAW = Capability(StepTiming(0.01), sequences=100, kv_tokens=100_000)
SPEC = a_spec(workload={"inputTokens": 900, "outputTokens": 100})


def stuck(*metrics):
    return [one.evidence.pod for one in find_stuck(a_service(pods=pods_with(*metrics)).heard(NOW))]


def leaking(*metrics, law=LAW):
    service = a_service(SPEC, pods_with(*metrics))
    return [one.evidence.pod for one in find_leaks(service, law, service.heard(NOW))]


def test_requests_without_a_token_for_a_while_are_stuck():
    assert stuck(some_metrics(3, stalled_seconds=20.0), some_metrics(3, stalled_seconds=0.0)) == ["pod-0"]


def test_nothing_in_hand_or_nothing_known_is_not():
    assert stuck(some_metrics(0, stalled_seconds=99.0), some_metrics(3), some_metrics(3, stalled_seconds=10.0)) == []


def test_a_cache_that_is_fuller_than_siblings_is_leaking():
    """By hand: siblings use 2 % for a request; 5 requests would be 10 %, and 45 % are in use."""
    siblings = [some_metrics(10, kv_use=0.2)] * 2
    assert leaking(some_metrics(5, kv_use=0.45), *siblings) == ["pod-0"]
    assert leaking(some_metrics(5, kv_use=0.25), *siblings) == []


def test_more_requests_explain_a_fuller_cache():
    assert leaking(some_metrics(40, kv_use=0.8), *[some_metrics(10, kv_use=0.2)] * 2) == []


def test_at_rest_nothing_is_explained():
    assert leaking(some_metrics(0, kv_use=0.3)) == ["pod-0"]
    assert leaking(some_metrics(0, kv_use=0.1)) == []


def test_a_single_one_is_compared_with_twice_what_the_law_says():
    """1,000 tokens a request are 1 % of the cache; twice that for ten is 20 %."""
    assert leaking(some_metrics(10, kv_use=0.45)) == ["pod-0"]
    assert leaking(some_metrics(10, kv_use=0.3)) == []
    assert leaking(some_metrics(10, kv_use=0.45), law=None) == []


def test_what_is_not_told_is_not_looked_at():
    assert leaking(some_metrics(10), some_metrics(0)) == []
    assert leaking(None) == []
