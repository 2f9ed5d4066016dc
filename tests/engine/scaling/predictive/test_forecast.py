"""Forecasts of arrivals from a counter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rorqual_engine.scaling.predictive import Forecast, forecast

Array = NDArray[np.float64]
AHEAD = np.linspace(5, 120, 24)[None, :]


def history(rate: Array, seconds: float = 5.0, seed: int = 1) -> tuple[Array, Array]:
    """Poisson counts of one scrape each `seconds`."""
    counts = np.random.default_rng(seed).poisson(rate * seconds)
    return np.arange(len(rate) + 1) * seconds, np.concatenate([[0.0], np.cumsum(counts)])


def counted(rate: Array, seconds: float = 5.0, seed: int = 1) -> Forecast:
    return forecast([history(rate, seconds, seed)])


def likely(found: Forecast) -> list[float]:
    return found.next[0].tolist()


def test_nothing_known_is_nothing_expected() -> None:
    found = forecast([(np.array([5.0]), np.array([3.0])), (np.zeros(0), np.zeros(0))])
    assert found.level.tolist() == [0.0, 0.0] and found.paths(np.repeat(AHEAD, 2, 0)).rates.max() < 0.11


def test_services_do_not_see_each_other() -> None:
    pasts = [
        history(np.full(count, rate), seed=count) for count, rate in ((2, 3.0), (50, 9.0), (800, 0.2), (300, 40.0))
    ]
    together = forecast(pasts)
    for place, past in enumerate(pasts):
        alone = forecast([past])
        for one in ("level", "deviation", "trend", "next", "stay_seconds"):
            np.testing.assert_allclose(getattr(together, one)[place], getattr(alone, one)[0])


def test_a_steady_load_stays() -> None:
    found = counted(np.full(240, 8.0))
    assert found.level[0] == pytest.approx(8.0, rel=0.15) and found.trend[0] == pytest.approx(0.0, abs=0.05)
    paths = found.paths(AHEAD)
    assert paths.weights[0] @ paths.rates[0] == pytest.approx(8.0, rel=0.2)


def test_a_jump_is_believed_within_a_step() -> None:
    found = counted(np.concatenate([np.full(100, 2.0), np.full(2, 20.0)]))
    assert found.level[0] == pytest.approx(20.0, rel=0.25)


def test_what_followed_such_a_level_is_expected_again() -> None:
    wave = np.tile(np.concatenate([np.full(8, 20.0), np.full(8, 1.0)]), 10)
    found = counted(wave)
    assert found.level[0] == pytest.approx(1.0, abs=1.0) and found.stay_seconds[0] < 120
    assert sum(level > 10 for level in likely(found)) >= 3
    paths = found.paths(AHEAD)
    assert paths.weights[0][paths.rates[0, :, -1] > 10].sum() > 0.3


def test_a_rare_burst_is_expected_although_it_lasted_a_minute_of_an_hour() -> None:
    quiet, burst = np.full(140, 8.0), np.full(12, 32.0)
    found = counted(np.concatenate([quiet, burst, quiet, burst, quiet]))
    assert max(likely(found)) == pytest.approx(32.0, rel=0.2)


def test_a_service_whose_past_tells_nothing_may_double_or_halve() -> None:
    young = counted(np.full(12, 8.0))
    assert max(likely(young)) <= 2.01 * young.level[0]
    found = counted(np.full(240, 8.0))
    assert likely(found)[2] == pytest.approx(found.level[0], rel=0.2)
    assert found.stay_seconds[0] > 1200 > young.stay_seconds[0]


@pytest.mark.parametrize("since_seconds", range(10, 70, 10))
def test_a_jump_within_the_last_minute_is_no_trend(since_seconds: int) -> None:
    """Neither when it is new nor when it has grown into the older half."""
    found = counted(np.concatenate([np.full(100, 8.0), np.full(since_seconds // 5, 36.0)]))
    assert found.trend[0] == pytest.approx(0.0, abs=0.1)
    assert found.paths(AHEAD).rates[0, 1].max() < 45


def test_a_ramp_goes_on_for_a_while() -> None:
    found = counted(np.linspace(10, 40, 60))
    assert found.trend[0] > 0.005
    middle = found.paths(AHEAD).rates[0, 1]
    assert middle[-1] > middle[0] and middle[-1] < found.level[0] + found.trend[0] * 60 + 1e-9


def test_clusters_are_no_change_of_level() -> None:
    """Each arrival of a Poisson stream brings eight requests: the noise is eight times as great in variance."""
    counts = 8 * np.random.default_rng(3).poisson(1.0, 200)
    found = forecast([(np.arange(201) * 5.0, np.concatenate([[0.0], np.cumsum(counts)]))])
    assert found.deviation[0] > 1.5 * np.sqrt(8 / 5 / 160)
    assert found.level[0] == pytest.approx(8 / 5, rel=0.6)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=80), st.floats(1, 60))
def test_paths_are_probable_rates(counts: list[int], seconds: float) -> None:
    at = np.arange(len(counts) + 1) * seconds
    paths = forecast([(at, np.concatenate([[0.0], np.cumsum(counts)]))]).paths(AHEAD)
    assert np.isfinite(paths.rates).all() and (paths.rates >= 0).all()
    assert paths.weights.sum() == pytest.approx(1.0) and (paths.weights >= 0).all()
