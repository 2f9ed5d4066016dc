"""Limits that clean times pass as rarely as was asked, and episodes with hysteresis."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine.detection.threshold import BEGINS, ENDS, LEAST_SCORE, Threshold, episodes


def noise(samples: int, seed: int = 1, tail: float = 1.0) -> np.ndarray:
    return tail * np.random.default_rng(seed).exponential(size=samples)


@pytest.mark.parametrize("allowed", [1.0, 10.0, 100.0])
def test_clean_scores_pass_the_limit_about_as_often_as_allowed(allowed: float) -> None:
    """A month teaches, a year is watched: single samples above the limit, in clusters."""
    limit = Threshold.of(noise(30 * 1440), allowed, 60.0).limit
    passed = (noise(365 * 1440, seed=2) > limit).sum() / 52
    assert allowed / 3 < passed < allowed * 3


def test_fewer_alarms_want_a_greater_limit() -> None:
    scores = noise(20_000)
    limits = [Threshold.of(scores, allowed, 60.0).limit for allowed in (0.1, 1.0, 10.0)]
    assert limits == sorted(limits, reverse=True) and limits[0] > limits[-1]


def test_what_is_odd_and_harmless_is_below_the_least_limit() -> None:
    assert Threshold.of(0.01 * noise(5000), 1.0, 60.0).limit == LEAST_SCORE


def test_few_peaks_give_the_greatest_that_was_seen() -> None:
    scores = np.zeros(1000)
    scores[500] = 7.0
    assert Threshold.of(scores, 1.0, 60.0).limit == 7.0


def test_a_stream_moves_the_limit() -> None:
    first = Threshold.of(noise(20_000), 1.0, 60.0)
    louder = first.seen(noise(20_000, seed=3, tail=3.0))
    assert louder.limit > first.limit
    assert first.seen(noise(20_000, seed=4)).limit == pytest.approx(first.limit, rel=0.25)


@given(st.lists(st.floats(-1e3, 1e6), min_size=1, max_size=200), st.floats(0.01, 1000))
def test_a_limit_is_a_number_whatever_the_scores(scores: list[float], allowed: float) -> None:
    found = Threshold.of(np.array(scores), allowed, 60.0)
    assert np.isfinite(found.limit) and found.limit >= LEAST_SCORE


def test_one_sample_is_no_episode() -> None:
    assert episodes(np.array([0.0, 9.0, 0.0, 0.0]), 5.0) == []


def test_an_episode_begins_with_its_first_sample_and_ends_with_its_last() -> None:
    scores = np.array([0.0, 9.0, 9.0, 4.0, 9.0, *[0.0] * ENDS, 0.0])
    (found,) = episodes(scores, 5.0)
    assert (found.begin, found.end, found.peak, found.over) == (1, 4, 9.0, True)


def test_a_short_quiet_does_not_end_it() -> None:
    scores = np.array([9.0] * BEGINS + [0.0] * (ENDS - 1) + [9.0] * BEGINS + [0.0] * ENDS)
    assert len(episodes(scores, 5.0)) == 1


def test_one_that_is_not_over_says_so() -> None:
    (found,) = episodes(np.array([0.0, 9.0, 9.0]), 5.0)
    assert not found.over and found.end == 2
