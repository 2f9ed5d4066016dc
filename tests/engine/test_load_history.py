"""Counts by time, and what grew within a window."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine.load_history import KEPT_SECONDS, LoadHistory


def filled(*rows: tuple[float, float]) -> LoadHistory:
    """One row every 10 s from `since` on: (at, arrived since the row before)."""
    history = LoadHistory()
    for at, arrived in rows:
        history = history.add(at - 10, at, {"arrived": arrived})
    return history


def test_the_first_growth_counts() -> None:
    found = filled((10, 5))
    assert found.at.tolist() == [0, 10] and found.column("arrived").tolist() == [0, 5]


def test_a_window_is_what_grew_within_it() -> None:
    window = filled((10, 5), (20, 7), (30, 9)).window(20)
    assert (window.seconds, window.counts["arrived"]) == (20, 16)


def test_a_window_is_shorter_where_less_is_known() -> None:
    assert filled((10, 5)).window(3600).seconds == 10
    assert LoadHistory().window(60).seconds == 0


def test_time_of_which_nothing_is_known_counts_as_the_time_after_it() -> None:
    found = filled((10, 5)).add(60, 70, {"arrived": 20})
    assert found.column("arrived").tolist() == [0, 5, 5 + 20 * 6]


def test_what_is_not_newer_is_not_added() -> None:
    history = filled((10, 5))
    assert history.add(0, 10, {"arrived": 3}) is history


def test_nothing_is_kept_for_ever() -> None:
    history = filled(*((10.0 * step, 1.0) for step in range(1, 1000)))
    assert history.at[-1] - history.at[0] <= KEPT_SECONDS + 10


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(-5, 1000)), min_size=1, max_size=50))
def test_counts_never_fall_and_times_ascend(steps: list[tuple[float, float]]) -> None:
    history, at = LoadHistory(), 0.0
    for seconds, arrived in steps:
        history = history.add(at, at + seconds, {"arrived": arrived})
        at += seconds
    assert (np.diff(history.column("arrived")) >= 0).all() and (np.diff(history.at) > 0).all()


def test_misses_of_either_kind_are_put_together() -> None:
    history = LoadHistory().add(0, 10, {"answered": 10, "late": 5, "timed": 10, "slow": 5})
    assert history.window(10).missed == pytest.approx(0.75)
    assert LoadHistory().window(10).missed == 0


def test_a_mean_needs_a_sample() -> None:
    window = LoadHistory().add(0, 10, {"prompt_tokens": 3000, "answered": 30}).window(10)
    assert window.mean("prompt_tokens", "answered", 20) == 100
    assert window.mean("prompt_tokens", "answered", 31) is None


def test_histories_with_the_same_rows_are_equal() -> None:
    assert filled((10, 5)) == filled((10, 5)) != filled((10, 6))
