"""Requests whose lengths are not what they were."""

import numpy as np
import pytest

from rorqual_engine.detection.drift import find_drift
from rorqual_engine.load_history import LoadHistory
from rorqual_engine.plan import Experience, Reason, Verdict

from ..builders import NOW, a_service, settled


def drift(prompts, answers=(200, 200), rate=5.0, seconds=3000.0, changed=60.0):
    """Lengths before and after a change so many seconds ago."""
    at = NOW - seconds + 10 * np.arange(1, seconds / 10 + 1)
    later = at > NOW - changed
    each = np.full(len(at), 10 * rate)
    columns = {
        name: np.cumsum(each * np.where(later, *lengths[::-1]))
        for name, lengths in (("prompt_tokens", prompts), ("generated_tokens", answers))
    }
    counts = dict.fromkeys(("arrived", "answered", "finished"), np.cumsum(each))
    history = LoadHistory.of({"at": at, **counts, **columns})
    found = find_drift(a_service(memory=settled(experience=Experience(history))))
    return [one.evidence.metric for one in found]


def test_twice_as_long_prompts_are_a_change():
    assert drift((1000, 2000)) == ["prompt length"]


def test_half_as_long_answers_are_one():
    assert drift((1000, 1000), (200, 100)) == ["answer length"]


def test_a_little_longer_is_none():
    assert drift((1000, 1500)) == []


def test_a_few_requests_say_nothing():
    assert drift((1000, 2000), rate=0.3) == []


@pytest.mark.parametrize("seconds", [30.0, 500.0])
def test_a_young_service_has_no_usual(seconds):
    assert drift((1000, 2000), seconds=seconds) == []


def test_what_lasts_becomes_usual():
    assert drift((1000, 2000), changed=2500.0) == []


def test_nothing_known_is_no_drift():
    assert find_drift(a_service()) == []


def test_it_is_told_with_figures():
    at = NOW - 3000 + 10 * np.arange(1.0, 301.0)
    count = 50 * np.arange(1.0, 301.0)
    tokens = np.cumsum(50 * np.where(at > NOW - 60, 3000.0, 1000.0))
    history = LoadHistory.of({"at": at, "answered": count, "prompt_tokens": tokens})
    (one,) = find_drift(a_service(memory=settled(experience=Experience(history))))
    assert (one.verdict, one.reason) == (Verdict.DRIFT, Reason.WORKLOAD_CHANGED)
    assert one.evidence.observed == "3000 tokens over 60 s"
    assert one.evidence.expected.startswith("about 1000 tokens")


def prefix(before, after, tokens=1000.0, rate=5.0):
    """Shares of the prompts' tokens that the prefix cache held, before the last minute and in it."""
    at = NOW - 3000 + 10 * np.arange(1, 301.0)
    requests = np.cumsum(np.full(300, 10 * rate))
    held = np.cumsum(10 * rate * tokens * np.where(at > NOW - 60, after, before))
    counts = dict.fromkeys(("arrived", "answered", "finished"), requests)
    lengths = {"prompt_tokens": tokens * requests, "generated_tokens": 200 * requests}
    asked = {"prefix_queried": tokens * requests, "prefix_hit": held} if before is not None else {}
    history = LoadHistory.of({"at": at, **counts, **lengths, **asked})
    found = find_drift(a_service(memory=settled(experience=Experience(history))))
    return [(one.evidence.metric, one.evidence.observed, one.evidence.expected) for one in found]


def test_a_prefix_cache_that_no_longer_helps_is_a_change():
    assert prefix(0.8, 0.3) == [
        ("prefix cache hits", "30% of the prompts' tokens over 60 s", "about 80%, as in the hour before")
    ]
    assert len(prefix(0.3, 0.8)) == 1


@pytest.mark.parametrize(("before", "after"), [(0.8, 0.75), (0.4, 0.1), (0.0, 0.0), (0.99, 0.96)])
def test_what_makes_little_difference_to_what_is_computed_is_none(before, after):
    assert prefix(before, after) == []


def test_few_requests_say_nothing_of_the_prefix_cache():
    assert prefix(0.8, 0.3, rate=0.3) == []
