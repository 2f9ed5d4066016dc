"""Forecasts of arrivals from a counter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rorqual_engine.scaling.predictive import Forecast, forecast

Array = NDArray[np.float64]
AHEAD = np.linspace(5, 120, 24)


def counted(rate: Array, seconds: float = 5.0, seed: int = 1) -> Forecast:
    """From Poisson counts of one scrape each `seconds`."""
    counts = np.random.default_rng(seed).poisson(rate * seconds)
    at = np.arange(len(rate) + 1) * seconds
    return forecast(at, np.concatenate([[0.0], np.cumsum(counts)]))


def test_nothing_known_is_nothing_expected() -> None:
    found = forecast(np.array([5.0]), np.array([3.0]))
    assert found.level == 0.0 and not found.paths(AHEAD).rates.any()


def test_a_steady_load_stays() -> None:
    found = counted(np.full(240, 8.0))
    assert found.level == pytest.approx(8.0, rel=0.15) and found.trend == pytest.approx(0.0, abs=0.05)
    paths = found.paths(AHEAD)
    assert paths.weights @ paths.rates == pytest.approx(8.0, rel=0.2)


def test_a_jump_is_believed_after_two_scrapes() -> None:
    found = counted(np.concatenate([np.full(100, 2.0), np.full(2, 20.0)]))
    assert found.level == pytest.approx(20.0, rel=0.25)


def test_a_load_that_comes_in_waves_is_expected_back() -> None:
    wave = np.tile(np.concatenate([np.full(8, 20.0), np.full(8, 1.0)]), 10)
    found = counted(wave)
    assert found.level == pytest.approx(1.0, abs=1.0)
    paths = found.paths(AHEAD)
    assert found.stay_seconds < 120
    assert paths.weights[paths.rates[:, -1] > 10].sum() > 0.15
    assert counted(np.full(160, 1.0)).paths(AHEAD).rates.max() < 5.0


def test_a_ramp_goes_on_for_a_while() -> None:
    found = counted(np.linspace(10, 40, 60))
    assert found.trend > 0.005
    middle = found.paths(AHEAD).rates[1]
    assert middle[-1] > middle[0] and middle[-1] < found.level + found.trend * 60 + 1e-9


def test_clusters_are_no_change_of_level() -> None:
    """Each arrival of a Poisson stream brings eight requests: the noise is eight times as great in variance."""
    counts = 8 * np.random.default_rng(3).poisson(1.0, 200)
    found = forecast(np.arange(201) * 5.0, np.concatenate([[0.0], np.cumsum(counts)]))
    assert found.deviation > 1.5 * np.sqrt(8 / 5 / 160)
    assert found.level == pytest.approx(8 / 5, rel=0.6)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=80), st.floats(1, 60))
def test_paths_are_probable_rates(counts: list[int], seconds: float) -> None:
    at = np.arange(len(counts) + 1) * seconds
    paths = forecast(at, np.concatenate([[0.0], np.cumsum(counts)])).paths(AHEAD)
    assert np.isfinite(paths.rates).all() and (paths.rates >= 0).all()
    assert paths.weights.sum() == pytest.approx(1.0) and (paths.weights >= 0).all()
