import numpy as np
import pytest

from rorqual_engine.simulation.rivals.mpc import MPC, arrival_rates, capacity, holt
from rorqual_engine.timing import StepTiming

from ..seeing import facts, history, view

KNOWN = facts(timing=StepTiming(0.02, prompt_seconds=1e-4), input_tokens=1000, output_tokens=100)
CAPACITY = 1 / (0.1 + 100 * 0.02 / 64)  # 7.62 requests a second


def steady(rate, seconds=60):
    return history(
        {"at": at, "arrived": rate * at, "arrived_input_tokens": 1000 * rate * at} for at in range(0, seconds + 1, 5)
    )


def test_capacity_at_the_most_sequences():
    assert capacity(KNOWN, 1000, 100) == pytest.approx(CAPACITY)


def test_capacity_where_the_cache_is_the_limit():
    assert capacity(KNOWN, 8900, 100) == pytest.approx(1 / (0.89 + 100 * 0.02 / 10))  # 0.9 * 100,000 / 9000 = 10


def test_holt_follows_half_of_an_error():
    trend = holt(np.array([1.0, 3.0]), level=0.5, trend=0.1)
    assert (trend.level, trend.slope, trend.deviation) == pytest.approx((2.0, 0.1, 2.0))
    assert trend.at(10) == pytest.approx(3.0)


def test_no_arrivals_are_no_trend():
    assert holt(np.zeros(0), 0.5, 0.1).at(6) == 0


def test_arrivals_a_step():
    past = history([{"at": 0}, {"at": 5, "arrived": 10}, {"at": 10, "arrived": 30}])
    assert arrival_rates(past, 60, 5) == pytest.approx([2, 4])
    assert arrival_rates(past, 5, 5) == pytest.approx([4])


def test_up_at_once_and_replicas_that_start_count():
    assert MPC(KNOWN).decide(view([9], past=steady(10))).replicas == 2  # 10 / 7.62
    assert MPC(KNOWN).decide(view([9], starting=[5], past=steady(10))).replicas == 2


def test_down_only_after_one_startup_below_three_quarters():
    policy = MPC(KNOWN)
    found = [policy.decide(view([9] * 4, now=now, past=steady(10))).replicas for now in range(0, 35, 5)]
    assert found == [4] * 6 + [2]  # 10 / (7.62 * 0.75) = 1.75


def test_a_high_forecast_within_the_startup_holds():
    policy = MPC(KNOWN)
    for now in range(0, 35, 5):
        past = steady(17) if now == 15 else steady(10)  # 17 / (7.62 * 0.75) = 2.98
        found = policy.decide(view([9] * 4, now=now, past=past)).replicas
    assert found == 3


def test_a_rise_is_seen_one_startup_ahead():
    rising = history({"at": at, "arrived": at**2 / 10, "arrived_input_tokens": 100 * at**2} for at in range(0, 61, 5))
    now = 2 * 57.5 / 10  # requests a second in the last step
    assert MPC(KNOWN).decide(view([9] * 2, past=rising)).replicas > np.ceil(now / CAPACITY)
