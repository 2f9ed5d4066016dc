import pytest

from rorqual_engine.api.spec import Targets
from rorqual_engine.scaling.load import Load
from rorqual_engine.scaling.signals import effective_capacity, read_signals, strongest

from ..builders import some_metrics


def signals(*metrics, faulty=()):
    """By name; one replica works on 100 sequences, and targets are 80 %."""
    load = Load(healthy=tuple(metrics), faulty=tuple(faulty), serving=len(metrics) + len(faulty))
    return {signal.name: signal for signal in read_signals(load, 100, Targets())}


def test_running_asks_for_as_many_as_work_at_the_target():
    signal = signals(some_metrics(120), some_metrics(40))["Running"]
    assert signal.replicas == pytest.approx(2)
    assert (signal.value, signal.target) == (80, 80)


def test_the_queue_counts_what_waits_too():
    assert signals(some_metrics(100, 60))["Queue"].replicas == pytest.approx(2)


def test_the_cache_is_a_signal_where_it_is_reported():
    assert "KVCache" not in signals(some_metrics(1))
    assert signals(some_metrics(kv_use=1.0), some_metrics(kv_use=0.6))["KVCache"].replicas == pytest.approx(2)


def test_a_replica_that_does_not_report_its_cache_is_like_the_others():
    assert signals(some_metrics(kv_use=0.8), some_metrics())["KVCache"].replicas == pytest.approx(2)


def test_a_replica_bound_by_its_cache_takes_what_it_runs():
    """It runs 40 of 100 sequences with the cache full and 40 waiting: 80 requests need 2.5 replicas that take 32."""
    assert signals(some_metrics(40, 40, kv_use=0.97))["Queue"].replicas == pytest.approx(2.5)


def test_a_request_that_has_just_come_does_not_bind():
    assert effective_capacity([some_metrics(5, 1, kv_use=0.1), some_metrics(0, 1)], 100, 0.8) == 100


def test_without_a_reported_cache_a_long_queue_binds():
    assert effective_capacity([some_metrics(30, 50), some_metrics(20, 50), some_metrics(90)], 100, 0.8) == 25


def test_a_full_batch_is_not_bound_by_the_cache():
    assert effective_capacity([some_metrics(100, 50, kv_use=0.99)], 100, 0.8) == 100


def test_a_faulty_replicas_load_counts_as_one_at_most():
    stuck = some_metrics(100, 900, kv_use=1.0)
    found = signals(some_metrics(8, kv_use=0.08), faulty=[stuck])
    assert found["Queue"].replicas == pytest.approx(1.1)
    assert found["KVCache"].replicas == pytest.approx(1.1)


def test_the_strongest_counts():
    found = signals(some_metrics(10, 0, kv_use=0.9))
    assert strongest(tuple(found.values())).name == "KVCache"
