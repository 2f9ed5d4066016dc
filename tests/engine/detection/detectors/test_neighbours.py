"""Moments against those of the past that are most like them."""

import numpy as np
import pytest

from rorqual_engine.detection.detectors.neighbours import APART, KEPT, Neighbours

RANDOM = np.random.default_rng(0)


def two_ways(samples):
    """A service with two states: a night at (0, 0) and a day at (10, 10)."""
    state = (np.arange(samples) // 100 % 2) * 10.0
    return np.stack([state, state], axis=1) + RANDOM.normal(scale=0.1, size=(samples, 2))


def test_between_two_usual_states_is_unusual():
    """Each metric by itself, and their sum, are within their range."""
    detector = Neighbours().fit(two_ways(2000), RANDOM)
    night, day, between, mixed = detector.score_samples(np.array([[0.0, 0.0], [10, 10], [5, 5], [0, 10]]))
    assert max(night, day) < 1.5
    assert min(between, mixed) > 5 * max(night, day)


def test_the_metric_that_no_like_moment_had_is_named():
    history = np.concatenate([two_ways(2000), RANDOM.normal(size=(2000, 1))], axis=1)
    parts = Neighbours().fit(history, RANDOM).contributions(np.array([[10.0, 10.0, 30.0]]))
    assert parts[0].argmax() == 2


def test_the_history_itself_is_scored_as_what_comes_after_it():
    """Though some of its moments are compared with themselves."""
    history = RANDOM.normal(size=(3000, 4))
    detector = Neighbours().fit(history, RANDOM)
    before, after = (np.median(detector.score_samples(part)) for part in (history, RANDOM.normal(size=(3000, 4))))
    assert after == pytest.approx(before, rel=0.1)


@pytest.mark.parametrize(("samples", "kept"), [(40, 8), (1000, 200), (20_000, KEPT)])
def test_so_many_moments_are_kept(samples, kept):
    state = Neighbours().fit(RANDOM.normal(size=(samples, 2)), RANDOM).state()
    assert len(state["moments"]) == kept
    assert samples / len(state["moments"]) >= APART


def test_a_metric_that_is_not_known_is_looked_for_without():
    detector = Neighbours().fit(two_ways(2000), RANDOM)
    score, alone = detector.score_samples(np.array([[np.nan, 0.0], [np.nan, np.nan]]))
    assert score < 1.5
    assert alone == 0
