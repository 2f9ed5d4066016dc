"""Which limits count, and for how many requests."""

import math

import pytest

from rorqual_engine.promise import read_promise

from .builders import a_spec


def promise(**parts):
    found = read_promise(a_spec(**parts))
    assert found is not None
    return found


def test_without_objectives_nothing_is_promised():
    assert read_promise(a_spec()) is None


def test_the_highest_percentile_counts():
    found = promise(objectives={"ttft": {"p50": "500ms", "p99": "2s"}, "tpot": {"p95": "50ms"}})
    assert (found.ttft_seconds, found.itl_seconds) == (2.0, 0.05)


def test_what_is_not_limited_is_never_missed():
    assert promise(objectives={"ttft": {"p95": "2s"}}).itl_seconds == math.inf


@pytest.mark.parametrize(
    ("limits", "goal"), [({"p50": "1s"}, 0.9), ({"p90": "1s"}, 0.9), ({"p95": "1s"}, 0.95), ({"p99": "1s"}, 0.99)]
)
def test_the_goal_follows_the_percentile(limits, goal):
    assert promise(objectives={"ttft": limits}).goal == goal


def test_a_goal_that_is_given_counts():
    assert promise(objectives={"ttft": {"p99": "1s"}}, scaling={"goal": 0.8}).goal == 0.8
