import pytest

from rorqual_engine.simulation.rivals.dynamo_load import DynamoLoad

from ..seeing import facts, view


def decide(seen, **settings):
    return DynamoLoad(facts(), **settings).decide(seen).replicas


def test_throughput_up_when_any_engine_is_over_full():
    assert decide(view([9, 9], kv_use=[0.5, 0.2], waiting_tokens=[60_000, 0])) == 3  # 1.1
    assert decide(view([9, 9], kv_use=[1.0, 0.2])) == 2  # not above 1.0


def test_throughput_down_when_all_are_below():
    assert decide(view([9, 9], kv_use=[0.5, 0.55])) == 1
    assert decide(view([9, 9], kv_use=[0.5, 0.6])) == 2
    assert decide(view([9], kv_use=[0.0])) == 1


def test_latency_has_lower_thresholds():
    assert decide(view([9, 9], kv_use=[0.41, 0]), mode="latency") == 3
    assert decide(view([9, 9], kv_use=[0.09, 0]), mode="latency") == 1
    assert decide(view([9, 9], kv_use=[0.1, 0]), mode="latency") == 2


def test_load_includes_its_thresholds():
    assert decide(view([9, 9], kv_use=[0.5, 0]), mode="load", up=0.5) == 3
    assert decide(view([9, 9], kv_use=[0.25, 0]), mode="load", down=0.25) == 1


def test_one_change_in_flight():
    assert decide(view([9], kv_use=[1.1], starting=[2])) == 2
    assert decide(view([9, 9], kv_use=[0, 0], missing=1)) == 3


def test_fixed_thresholds_are_not_settings():
    with pytest.raises(ValueError, match="mode throughput has fixed thresholds"):
        DynamoLoad(facts(), up=0.5)
    with pytest.raises(ValueError, match="found 'sla'"):
        DynamoLoad(facts(), mode="sla")
