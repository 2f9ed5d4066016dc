from rorqual_engine.detection.overload import find_overload, missed_objectives
from rorqual_engine.plan import Memory, Reason, Verdict

from ..builders import a_service, a_spec, quantiles, some_metrics

SLOW = {"service_ttft": quantiles(3.0)}
WITH_OBJECTIVE = a_spec(objectives={"ttft": {"p95": "2s"}, "tpot": {"p50": "50ms", "p99": "100ms"}})


def reasons(*metrics, spec=None, **service):
    return [reason for reason, _ in find_overload(a_service(spec, **service), metrics, 100)]


def test_a_light_load_is_none():
    assert reasons(some_metrics(50)) == []


def test_a_queue_as_long_as_the_batch_is_one():
    assert reasons(some_metrics(100, 99)) == []
    assert reasons(some_metrics(100, 100)) == [Reason.QUEUE_GROWING]


def test_the_queue_is_counted_over_all_replicas():
    assert reasons(some_metrics(100, 150), some_metrics(100, 0)) == []
    assert reasons(some_metrics(100, 150), some_metrics(100, 50)) == [Reason.QUEUE_GROWING]


def test_a_full_cache_is_one_when_requests_wait():
    assert reasons(some_metrics(40, 0, kv_use=0.99)) == []
    assert reasons(some_metrics(40, 3, kv_use=0.99)) == [Reason.KV_CACHE_FULL]
    assert reasons(some_metrics(40, 3, kv_use=0.94)) == []


def test_a_missed_objective_is_one_only_with_load():
    assert reasons(some_metrics(10), spec=WITH_OBJECTIVE, **SLOW) == []
    assert reasons(some_metrics(10, 1), spec=WITH_OBJECTIVE, **SLOW) == [Reason.OBJECTIVE_MISSED]
    assert reasons(some_metrics(81), spec=WITH_OBJECTIVE, **SLOW) == [Reason.OBJECTIVE_MISSED]


def test_an_overload_lasts_until_the_objective_is_met_again():
    overloaded = {"spec": WITH_OBJECTIVE, "memory": Memory(verdict=Verdict.OVERLOAD)}
    assert reasons(some_metrics(10), **overloaded, **SLOW) == [Reason.OBJECTIVE_MISSED]
    assert reasons(some_metrics(10), **overloaded, service_ttft=quantiles(1.0)) == []


def test_every_percentile_that_is_missed_is_named():
    service = a_service(WITH_OBJECTIVE, service_ttft=quantiles(2.0), service_tpot=quantiles(0.12))
    found = [(one.metric, one.observed, one.expected) for one in missed_objectives(service)]
    assert found == [("TPOT p50", "120ms", "at most 50ms"), ("TPOT p99", "120ms", "at most 100ms")]


def test_what_was_not_observed_is_not_missed():
    assert missed_objectives(a_service(WITH_OBJECTIVE)) == []


def test_without_metrics_nothing_is_known():
    assert reasons() == []
