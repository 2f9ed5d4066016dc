"""The simulator's mean waits are those of queueing theory; bench/simulator.py does the same at greater length."""

import numpy as np
import pytest
from simulator_queues import MEAN_TOKENS, QUEUES, STEP_SECONDS, Queue, constant, erlang_c, station, theory, wait


@pytest.mark.parametrize("queue", QUEUES, ids=lambda queue: f"{queue.name}-{queue.load}")
def test_mean_wait_is_within_its_confidence_bound(queue: Queue):
    found = wait(queue, 200_000)
    assert found.agrees, found
    assert found.bound < 0.25 * found.theory


def test_a_queue_of_another_load_is_told_apart():
    """The bound is narrow enough to see it."""
    found = wait(QUEUES[1], 200_000)
    other = theory(Queue("M/M/1", QUEUES[1].draw, 1, 0.83))
    assert abs(found.measured - other) > found.bound


def test_requests_are_served_as_lindley_says():
    """W' = max(0, W + S - A): every wait of M/D/1, not only their mean."""
    queue = Queue("M/D/1", constant, 1, 0.8)
    fleet = station(queue, 2000, seed=3)
    fleet.advance(np.inf)
    expected = [0.0]
    for gap in np.diff(fleet.state.arrival):
        expected.append(max(0.0, expected[-1] + MEAN_TOKENS * STEP_SECONDS - gap))
    np.testing.assert_allclose(fleet.state.first - fleet.state.arrival - STEP_SECONDS, expected, atol=1e-8)


def test_erlang_c_of_known_stations():
    assert erlang_c(1, 0.8) == pytest.approx(0.8)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
