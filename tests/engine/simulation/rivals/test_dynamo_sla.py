import pytest

from rorqual_engine.simulation.rivals.dynamo_sla import DynamoSLA, DynamoSLALoad, DynamoThroughput
from rorqual_engine.timing import StepTiming

from ..seeing import facts, history, view

LINEAR = StepTiming(0.01, 0, 1e-7, 4e-5)
MINUTES = history(
    [
        {"at": 0},
        {
            "at": 180,
            "arrived": 4500,
            "arrived_input_tokens": 4.5e6,
            "finished": 4000,
            "finished_output_tokens": 4e5,
        },
    ]
)


def known(**given):
    return facts(timing=LINEAR, **given)


def load(seen, **given):
    return DynamoSLALoad(known(**given)).decide(seen).replicas


def test_up_when_every_engine_is_late():
    late = view([10, 10], waiting_tokens=[60_000, 60_000])  # 51,818 + 1024 tokens in steps of 8192: 2.18 s
    assert load(late, itl_seconds=1) == 3
    assert load(late, itl_seconds=1, ttft_seconds=3) == 2


def test_one_late_engine_is_not_enough():
    assert load(view([10, 10], waiting_tokens=[60_000, 0]), itl_seconds=1) == 2


def test_up_when_every_step_is_long():
    assert load(view([10, 10], kv_use=[0.5, 0.5]), itl_seconds=0.014) == 3  # 0.01 + 55,000 * 1e-7
    assert load(view([10, 10], kv_use=[0.5, 0.1]), itl_seconds=0.014) == 2


def test_down_when_the_rest_keeps_the_objectives():
    assert load(view([10, 10], kv_use=[0.2, 0.2])) == 1  # 0.01 + 42,000 * 1e-7 < 0.8 * 0.05
    assert load(view([10, 10], kv_use=[0.2, 0.2]), itl_seconds=0.0175) == 2  # 0.0142 > 0.014
    assert load(view([10], kv_use=[0.0])) == 1


def test_not_down_when_the_cache_would_overflow():
    assert load(view([10, 10], kv_use=[0.5, 0.2])) == 2


def test_observes_only_while_a_change_is_in_flight():
    late = view([10], waiting_tokens=[90_000], starting=[2])
    assert load(late, itl_seconds=1) == 2


def test_throughput_divides_by_an_engines_best_rate():
    policy = DynamoThroughput(known(itl_seconds=0.02), predictor="constant")
    assert policy.decide(view([9], now=175, past=MINUTES)).replicas == 1
    assert policy.decide(view([9], now=180, past=MINUTES)).replicas == 3  # 25 / 9.70
    assert policy.decide(view([9], now=185, past=MINUTES)).replicas == 1


def test_nothing_is_known_without_requests():
    policy = DynamoThroughput(known())
    assert policy.decide(view([9, 9], now=180, past=history([{"at": 0}, {"at": 180}]))).replicas == 2


def test_both_modes_load_above_the_floor_of_the_last_turn():
    policy = DynamoSLA(known(itl_seconds=0.02), predictor="constant")
    idle = {"kv_use": [0.01] * 2, "past": MINUTES}
    assert policy.decide(view([1, 1], now=180, **idle)).replicas == 1
    assert policy.decide(view([1, 1], now=185, **idle)).replicas == 3


def test_predictors_are_named():
    with pytest.raises(ValueError, match="found 'prophet'"):
        DynamoSLA(known(), predictor="prophet")
