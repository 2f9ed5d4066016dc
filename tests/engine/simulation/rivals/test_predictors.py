import math

import numpy as np
import pytest

from rorqual_engine.simulation.rivals.predictors import Autoregressive, Constant, Kalman, autoregression


def after(predictor, values):
    for value in values:
        predictor.add(value)
    return predictor.predict()


def test_constant_is_the_last_value():
    assert after(Constant(), [3, 5]) == 5
    assert after(Constant(), []) == 0


def test_leading_zeros_are_skipped_and_later_ones_count():
    predictor = Constant()
    after(predictor, [0, 0, 4, 0, math.nan])
    assert predictor.values == [4, 0, 0]


def test_kalman_by_hand():
    # P = F 1000 F' + Q = [[2001, 1000], [1000, 1000.1]]; gain 2001/2011 and 1000/2011 of the error of 2.
    assert after(Kalman(), [10]) == 10
    assert after(Kalman(), [10, 12]) == pytest.approx(10 + 2 * 2001 / 2011 + 2 * 1000 / 2011)


def test_kalman_does_not_step_at_a_question():
    asked, silent = Kalman(), Kalman()
    for value in (10, 12, 15):
        asked.add(value)
        asked.predict()
        silent.add(value)
    assert asked.predict() == silent.predict()


def test_a_plain_drift_is_forecast_in_logs():
    values = [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21]
    order, straight = autoregression(np.array(values, dtype=float))
    assert (order, straight) == (0, pytest.approx(22))
    _, logs = autoregression(np.log1p(np.array(values)))
    assert after(Autoregressive(), values) == pytest.approx(math.expm1(logs))
    assert math.expm1(logs) == pytest.approx(22, rel=0.02)


def test_autoregression_finds_a_return_to_the_mean():
    values = [10.0]
    while len(values) < 12:
        values.append(values[-1] / 2 + 1)
    assert after(Autoregressive(), values) == pytest.approx(values[-1] / 2 + 1, abs=1e-4)


def test_autoregression_is_the_last_value_until_five_points():
    assert after(Autoregressive(), [1, 2, 3, 4]) == 4
    assert after(Autoregressive(), [7] * 9) == 7


def test_autoregression_is_never_negative():
    falling = [20 - 0.2 * 1.5**step for step in range(12)]  # 2.7, then -5.9
    assert autoregression(np.array(falling))[1] == pytest.approx(20 - 0.2 * 1.5**12)
    assert after(Autoregressive(), falling) == 0
