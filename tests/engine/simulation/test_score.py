"""The figures of a run, worked out by hand."""

import math

import numpy as np
import pytest

from rorqual_engine.simulation.history import History
from rorqual_engine.simulation.run import Decided, Outcome, Service
from rorqual_engine.simulation.score import score

from .seeing import facts
from .serving import engine, fleet, requests


def outcome(served, decisions=(), replicas: int = 1, **given: object) -> Outcome:
    """The engine takes 1 s a step, and two sequences."""
    made = fleet(served, replicas, engine(sequences=2, kv_tokens=1000))
    made.advance(served.duration_seconds)
    made.end(served.duration_seconds)
    return Outcome(Service(facts(**given), served), made, History(), tuple(decisions))


FIVE = requests((0.0, 1, 3), (0.0, 1, 1), (0.0, 1, 4), (0.0, 990, 9), (95.0, 1, 50), duration=100.0)
"""TTFT 1, 2, 3 s; the fourth is refused, and the end cuts off the fifth after its first token."""


def test_good_requests_are_within_both_objectives():
    found = score(outcome(FIVE, ttft_seconds=2.0, itl_seconds=1.0))
    assert (found.requests, found.good_rate) == (5, 2 / 5)
    assert score(outcome(FIVE, ttft_seconds=3.0, itl_seconds=1.0)).good_rate == 3 / 5
    assert score(outcome(FIVE, ttft_seconds=3.0, itl_seconds=0.9)).good_rate == 1 / 5


def test_unfinished_requests_are_never_good():
    assert score(outcome(FIVE, ttft_seconds=math.inf, itl_seconds=math.inf)).good_rate == 3 / 5


def test_goodput_is_by_gpu_second():
    found = score(outcome(FIVE, replicas=2, ttft_seconds=10.0, itl_seconds=1.0))
    assert found.gpu_hours == 200.0 / 3600
    assert found.goodput_per_gpu == 3 / 200.0


def test_percentiles_count_what_was_never_answered_as_infinite():
    found = score(outcome(FIVE))
    assert (found.ttft_p50, found.ttft_p95, found.ttft_p99) == (2.0, math.inf, math.inf)
    assert (found.itl_p50, found.itl_p95) == (1.0, math.inf)


def test_percentiles_are_those_of_requests():
    served = requests(*[(10.0 * at, 1, 2) for at in range(100)], duration=2000.0)
    found = score(outcome(served))
    assert (found.ttft_p50, found.ttft_p99, found.itl_p99) == (1.0, 1.0, 1.0)


def test_actions_and_changes_of_direction():
    steps = [(1, 2), (2, 2), (2, 4), (4, 3), (3, 3), (3, 5), (5, 6)]
    decisions = [Decided(10.0 * at, before, after, "") for at, (before, after) in enumerate(steps)]
    found = score(outcome(FIVE, decisions))
    assert (found.scale_actions, found.reversals) == (5, 2)


def test_a_run_without_decisions_or_requests_has_a_score():
    found = score(outcome(requests((0.0, 1, 1), duration=10.0)))
    assert (found.scale_actions, found.reversals, found.pending_seconds) == (0, 0, 0.0)
    assert all(isinstance(value, float | int) for value in found.as_dict().values())


def test_a_retried_request_has_the_latencies_that_its_client_saw():
    """First token at 1; killed at 2.5, again from 10 on: the last of 4 tokens at 14."""
    made = fleet(requests((0.0, 1, 4), duration=100.0), 1, startup=7.5)
    made.advance(2.5)
    made.fail(0, 2.5)
    made.make_ready(10.0)
    made.advance(100.0)
    made.end(100.0)
    found = score(Outcome(Service(facts(), made.requests), made, History(), ()))
    assert (found.ttft_p50, found.itl_p50) == (1.0, pytest.approx(13.0 / 3))
    assert np.isfinite(found.itl_p99)
