"""What a detector learned from a history: where it speaks, and what it shows."""

import numpy as np
import pytest

from rorqual_engine.detection.detectors import DetectorError
from rorqual_engine.detection.detectors.catalog import DEFAULT
from rorqual_engine.detection.learned import learn

NAMES = ("running", "TTFT p95", "never")


def minutes(samples=600, seed=1):
    """A load, what follows it, and a metric that is never known."""
    random = np.random.default_rng(seed)
    load = 20 + 5 * np.sin(np.arange(samples) / 50) + random.normal(size=samples)
    return np.stack([load, 0.01 * load + 0.01 * random.normal(size=samples), np.full(samples, np.nan)], axis=1)


def with_episode(samples=600, begin=500, end=520):
    values = minutes(samples, seed=2)
    values[begin:end, 1] *= 6
    return values


def test_an_episode_has_its_place_its_metric_and_what_was_usual():
    """It may end within the hour after: what changed is seen against a mean that the episode is part of."""
    learned = learn(DEFAULT, NAMES, minutes(), 1.0, 60.0)
    values = with_episode()
    (found,) = learned.periods(values, learned.scores(values))
    assert found.begin == 500 and 519 <= found.end < 580 and found.over and found.score > 1
    first = found.evidence[0]
    assert first.metric == "TTFT p95" and first.observed > 4 * first.expected
    assert first.expected == pytest.approx(0.2, rel=0.2)
    assert "never" not in {one.metric for one in found.evidence}


def test_one_that_is_under_way_is_not_over():
    learned = learn(DEFAULT, NAMES, minutes(), 1.0, 60.0)
    values = with_episode(samples=510)
    assert [one.over for one in learned.periods(values, learned.scores(values))] == [False]


def test_what_is_left_out_teaches_nothing():
    """A history with the episode raises the limit above it; without, it does not."""
    history = with_episode(begin=400, end=430)
    left_out = np.zeros(600, dtype=bool)
    left_out[395:450] = True
    poisoned, clean = learn(DEFAULT, NAMES, history, 1.0, 60.0), learn(DEFAULT, NAMES, history, 1.0, 60.0, left_out)
    peak = clean.scores(history)[400:430].max()
    assert peak > clean.limit
    assert poisoned.scores(history)[400:430].max() / poisoned.limit < peak / clean.limit
    assert clean.usual[0] == pytest.approx(20, rel=0.1) and np.isnan(clean.usual[2])


def test_too_short_a_history_is_refused():
    with pytest.raises(DetectorError, match="at least 30 samples"):
        learn(DEFAULT, NAMES, minutes(10), 1.0, 60.0)
    with pytest.raises(DetectorError, match="at least 30 samples to learn from; found 0"):
        learn(DEFAULT, NAMES, minutes(), 1.0, 60.0, np.ones(600, dtype=bool))
