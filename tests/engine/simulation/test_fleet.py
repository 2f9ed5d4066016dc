"""Replicas over time: start-up, scaling, draining, and what they cost."""

import math

import numpy as np
import pytest

from rorqual_engine.simulation.fleet import Fleet, Startup
from rorqual_engine.simulation.pool import Pool

from .serving import engine, fleet, requests

LATE = requests((900.0, 1, 1), duration=1000.0)
"""Nothing to do for long."""


def numbers(replicas) -> list[int]:
    return [one.number for one in replicas]


def pass_to(made: Fleet, now: float) -> None:
    """As a runner does at a moment."""
    made.advance(now)
    made.place(now)
    made.make_ready(now)


def scale(made: Fleet, replicas: int, now: float) -> None:
    made.scale_to(replicas, now)
    made.place(now)


def test_a_replica_serves_when_its_start_up_is_over():
    made = fleet(LATE, 1)
    scale(made, 3, 10.0)
    assert (made.asked, numbers(made.serving), numbers(made.starting)) == (3, [0], [1, 2])
    assert made.next_ready() == 40.0
    pass_to(made, 39.0)
    assert numbers(made.serving) == [0]
    pass_to(made, 40.0)
    assert numbers(made.serving) == [0, 1, 2]
    assert made.next_ready() == math.inf


def test_those_that_start_are_let_go_first_and_the_youngest_of_the_others():
    made = fleet(LATE, 2)
    scale(made, 4, 0.0)
    scale(made, 3, 10.0)
    assert numbers(made.starting) == [2]
    scale(made, 1, 20.0)
    assert numbers(made.serving) == [0]
    assert made.starting == []


def test_a_cancelled_one_costs_its_gpus_until_then():
    made = fleet(LATE, 1)
    scale(made, 2, 10.0)
    scale(made, 1, 25.0)
    made.end(100.0)
    assert made.gpu_seconds(100.0) == 100.0 + 15.0


def test_a_draining_one_costs_until_it_is_empty_and_no_longer():
    """The request is done at 50; nobody looks before 70."""
    made = fleet(requests((0.0, 1, 50), (0.0, 1, 5), duration=100.0), 2, engine(sequences=1), gpus_per_replica=4)
    made.advance(10.0)
    scale(made, 0, 10.0)
    assert numbers(made.draining) == [0]
    made.advance(70.0)
    assert made.draining == []
    made.end(100.0)
    assert made.gpu_seconds(100.0) == 4 * (10.0 + 50.0)


def test_gpu_seconds_end_where_they_are_asked_to():
    made = fleet(LATE, 2)
    made.end(200.0)
    assert made.gpu_seconds(150.0) == 300.0


def test_a_full_pool_keeps_replicas_pending():
    pool = Pool(gpus=3)
    made = fleet(LATE, 1, pool=pool, gpus_per_replica=2)
    scale(made, 2, 10.0)
    assert made.next_ready() == math.inf
    pool.gpus = 4
    pass_to(made, 30.0)
    assert made.next_ready() == 60.0
    assert made.pending_seconds == 20.0
    assert pool.used == 4


def test_a_pending_one_that_is_cancelled_or_never_placed_was_pending_too():
    made = fleet(LATE, 1, pool=Pool(gpus=1))
    scale(made, 3, 10.0)
    scale(made, 2, 15.0)
    made.end(100.0)
    assert made.pending_seconds == 5.0 + 90.0
    assert made.gpu_seconds(100.0) == 100.0


def test_gpus_come_back_to_the_pool():
    pool = Pool(gpus=2)
    made = fleet(LATE, 2, pool=pool)
    scale(made, 0, 10.0)
    assert pool.used == 0


def test_more_than_the_pool_has_are_not_there_from_the_start():
    made = fleet(LATE, 3, pool=Pool(gpus=2))
    assert (numbers(made.serving), numbers(made.starting)) == ([0, 1], [2])


def test_one_that_dies_starts_anew_on_its_gpus():
    pool = Pool(gpus=1)
    made = fleet(requests((0.0, 1, 50)), 1, pool=pool)
    made.advance(20.0)
    made.fail(0, 20.0)
    assert (numbers(made.serving), numbers(made.starting), pool.used) == ([], [0], 1)
    assert made.starting[0].asked_at == 20.0
    pass_to(made, 50.0)
    made.advance(math.inf)
    assert made.state.last[0] == 100.0


def test_the_oldest_that_starts_comes_first():
    made = fleet(LATE, 1)
    scale(made, 2, 10.0)
    made.fail(0, 20.0)
    assert numbers(made.starting) == [1, 0]


def test_faults_of_a_replica_that_does_not_serve_change_nothing():
    made = fleet(LATE, 1)
    made.fail(7, 10.0)
    made.slow(7, 2.0, 10.0)
    assert numbers(made.serving) == [0]


def test_rows_grow_when_many_drain():
    """Each of ten replicas gets a request of 500 s and is told to go at once."""
    made = fleet(requests(*[(10.0 * at, 1, 500) for at in range(10)], duration=600.0), 1, startup=0.0, most=1)
    for at in range(10):
        now = 10.0 * at
        pass_to(made, now)
        made.scale_to(0, now)
        scale(made, 1, now)
    assert len(made.draining) == 10
    made.advance(math.inf)
    assert made.draining == []
    np.testing.assert_array_equal(made.state.last, 500.0 + 10.0 * np.arange(10))


def test_start_up_times_have_their_mean_and_variation():
    random = np.random.default_rng(3)
    drawn = [Startup(60.0, 0.5).draw(random) for _ in range(20_000)]
    assert np.mean(drawn) == pytest.approx(60.0, rel=0.02)
    assert np.std(drawn) == pytest.approx(30.0, rel=0.03)


@pytest.mark.parametrize(("mean", "variation"), [(60.0, 0.0), (0.0, 0.5)])
def test_start_up_times_without_variation_are_their_mean(mean, variation):
    assert Startup(mean, variation).draw(np.random.default_rng(0)) == mean


def test_one_that_died_is_told_by_its_restarts():
    made = fleet(requests((0.0, 10, 5)), replicas=2)
    made.fail(1, 3.0)
    first, second = made.replicas
    assert (first.restarts, first.died_at) == (0, None)
    assert (second.restarts, second.died_at) == (1, 3.0)


def test_a_deploy_is_another_version_at_once():
    made = fleet(requests((0.0, 10, 5)))
    made.deploy(0, 3.0, 1.0)
    (one,) = made.serving
    assert one.version == 1 and made.state.slowness[one.row] == 3.0


def test_what_leaks_is_held_until_the_replica_dies():
    made = fleet(requests((0.0, 10, 5)))
    made.leak(0, 3000)
    made.leak(0, 3000)
    assert made.state.kv[0] == 6000
    made.leak(0, 3000)
    assert made.state.kv[0] == 8000, "a fifth of the cache serves on"
    made.fail(0, 1.0)
    assert made.state.kv[0] == 0 and made.replicas[0].leaked_tokens == 0


def test_with_a_leak_everything_is_answered_by_what_is_left():
    made = fleet(requests(*((0.0, 90, 50) for _ in range(20))), runs=engine(kv_tokens=1000))
    made.leak(0, 800)
    made.advance(math.inf)
    assert np.isfinite(made.state.last).all()
    assert made.state.kv[0] == 800


def test_seconds_between_tokens_are_counted_as_an_engine_s_histogram_does():
    """By hand: two sequences of six tokens decode together for five steps of 1 s; a first token has none before it."""
    made = fleet(requests((0.0, 10, 6), (0.0, 10, 6)), runs=engine(batched_tokens=1000))
    made.advance(math.inf)
    assert made.state.betweens[0] == 10
    assert made.state.between[0] == pytest.approx(10.0, abs=1.0)
