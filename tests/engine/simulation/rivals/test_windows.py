import numpy as np
import pytest

from rorqual_engine.simulation.rivals.windows import Every, TimeWindow, metric_named, quantile, target_for, whole

from ..seeing import view


def test_a_sample_of_the_windows_age_has_left():
    window = TimeWindow(60)
    for now, value in ((0, 1.0), (30, 2.0), (60, 6.0)):
        window.add(now, value)
    assert window.values() == [2.0, 6.0]
    assert window.mean() == 4.0


def test_the_newest_sample_stays_in_a_window_of_no_length():
    window = TimeWindow(0)
    window.add(5, 1.0)
    window.add(6, 3.0)
    assert window.values() == [3.0]


def test_a_loop_turns_once_a_period():
    loop = Every(15)
    assert [now for now in range(0, 40, 5) if loop.due(now)] == [0, 15, 30]


def test_binary_fractions_do_not_add_a_replica():
    assert whole(0.1 * 3 / 0.1) == 3
    assert whole(3.01) == 4


def test_quantile_of_nothing_is_zero():
    assert quantile(np.zeros(0), 0.9) == 0.0
    assert quantile(np.array([1.0, 2.0, 3.0]), 0.5) == 2.0


def test_requests_in_flight_run_or_wait():
    assert metric_named("in_flight")(view([3, 4], [0, 2])).tolist() == [3, 6]


def test_an_unknown_metric_is_named():
    with pytest.raises(ValueError, match="metric 'cpu': expected one of in_flight"):
        metric_named("cpu")


def test_a_target_is_above_zero():
    assert target_for("kv_use", None) == 0.8
    with pytest.raises(ValueError, match="target of waiting: expected a number above 0, found 0"):
        target_for("waiting", 0)
