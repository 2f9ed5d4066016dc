"""A policy that knows the trace."""

from dataclasses import replace

import numpy as np
import pytest

from rorqual_engine.simulation.clairvoyant import Effort, least_gpu_seconds, request_seconds, schedule_of, search
from rorqual_engine.simulation.policy import Facts
from rorqual_engine.simulation.requests import requests_of
from rorqual_engine.simulation.run import Decided, Outcome, Service
from rorqual_engine.timing import StepTiming

FACTS = Facts(2.0, 0.05, 20.0, 1, 4, 10, 100_000, 2048, StepTiming(0.01, 0.001, 0.0, 0.0001))
EFFORT = Effort(prices=(2.0, 50.0), slot_seconds=10.0, moves=20)


def burst():
    """Six requests of 0.4 s each in every second of the second minute; one a second else."""
    at = np.concatenate([np.arange(0, 180.0), np.arange(60, 120, 0.2)])
    return requests_of(at, np.full(len(at), 4000), np.ones(len(at)), 180.0)


@pytest.fixture(scope="module")
def points():
    return search(Service(FACTS, burst()), EFFORT)


def test_a_request_takes_its_prompt_and_its_part_of_a_full_batch():
    requests = requests_of(np.array([0.0]), np.array([1000]), np.array([11]))
    assert request_seconds(FACTS, requests) == pytest.approx([0.1 + 10 * (0.001 + 0.001)])


def test_cached_tokens_are_no_work_but_are_attended_to():
    facts = replace(FACTS, timing=StepTiming(0.01, prompt_seconds=0.001, attention_seconds=1e-6))
    requests = requests_of(np.array([0.0]), np.array([300]), np.array([1]), cached_tokens=np.array([100]))
    assert request_seconds(facts, requests) == pytest.approx([0.2 + 1e-6 * 200 * (100 + 100)])


def test_the_bound_takes_the_cheapest_requests():
    requests = requests_of(np.zeros(4), np.array([10_000, 20_000, 30_000, 40_000]), np.ones(4), 1.0)
    assert least_gpu_seconds(FACTS, requests, 0.5) == pytest.approx(1.0 + 2.0)


def test_the_bound_counts_the_replicas_that_are_always_there():
    assert least_gpu_seconds(replace(FACTS, gpus_per_replica=2), burst(), 0.0) == 2 * 180.0


def test_no_point_is_below_the_bound(points):
    for one in points:
        assert one.gpu_seconds >= least_gpu_seconds(FACTS, burst(), one.score.good_rate)


def test_more_gpus_buy_a_better_good_rate(points):
    rates = [one.score.good_rate for one in points]
    assert len(points) > 2
    assert rates == sorted(set(rates))


def test_it_asks_before_the_burst_and_lets_go_after_it(points):
    best = max(points, key=lambda one: one.score.good_rate)
    assert best.score.good_rate > 0.9
    assert best.gpu_seconds < 4 * 180
    assert best.schedule[5] > best.schedule[-1]


def test_the_same_seed_finds_the_same(points):
    assert search(Service(FACTS, burst()), EFFORT) == points


def test_it_is_no_worse_than_a_schedule_that_is_known(points):
    found = search(Service(FACTS, burst()), EFFORT, known=[points[-1].schedule])
    assert max(one.score.good_rate for one in found) >= points[-1].score.good_rate


def test_a_policy_s_schedule_has_the_most_of_each_slot():
    decisions = (Decided(5.0, 1, 3, ""), Decided(25.0, 3, 4, ""), Decided(29.0, 4, 2, ""))
    outcome = Outcome(Service(FACTS, burst(), initial_replicas=1), None, None, decisions)
    assert schedule_of(outcome, 10.0) == (3, 3, 4, *[2] * 15)
