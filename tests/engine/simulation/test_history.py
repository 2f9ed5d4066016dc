"""What a service's past answers."""

import numpy as np
import pytest

from rorqual_engine.simulation.history import COUNTERS, GAUGES, History

from .seeing import history


def test_a_window_counts_what_came_after_its_beginning():
    past = history([{"at": 5.0 * at, "arrived": 10.0 * at, "running": at} for at in range(10)])
    window = past.window(20.0)
    assert window.seconds == 20.0
    assert window.counts["arrived"] == 40.0
    assert window.rate("arrived") == 2.0
    assert window.gauges["running"].tolist() == [6, 7, 8, 9]


def test_a_window_begins_at_a_scrape_at_or_before_it():
    past = history([{"at": 5.0 * at, "arrived": 10.0 * at} for at in range(10)])
    assert past.window(17.0).seconds == 20.0


def test_a_window_is_no_longer_than_the_run():
    past = history([{"at": 0.0, "arrived": 3.0}, {"at": 5.0, "arrived": 13.0}])
    assert (past.window(600.0).seconds, past.window(600.0).counts["arrived"]) == (5.0, 10.0)


def test_after_one_scrape_gauges_are_known_and_rates_are_not():
    window = history([{"at": 0.0, "arrived": 3.0, "ready": 2.0}]).window(60.0)
    assert window.gauges["ready"].tolist() == [2.0]
    assert (window.seconds, window.rate("arrived")) == (0.0, 0.0)


def test_before_the_first_scrape_nothing_is_known():
    window = History().window(60.0)
    assert set(window.counts) == set(COUNTERS) and set(window.gauges) == set(GAUGES)
    assert (window.rate("arrived"), window.input_tokens, window.output_tokens) == (0.0, None, None)


def test_a_window_has_the_latencies_that_came_in_it():
    past = History()
    zeros = dict.fromkeys((*COUNTERS, *GAUGES), 0.0)
    ttft, itl = np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.2])
    past.add({**zeros, "at": 0.0}, ttft[:0], itl[:0])
    past.add({**zeros, "at": 5.0, "answered": 1.0}, ttft[:1], itl[:1])
    past.add({**zeros, "at": 10.0, "answered": 3.0}, ttft, itl)
    assert past.window(5.0).ttft_seconds.tolist() == [2.0, 3.0]
    assert past.window(5.0).itl_seconds.tolist() == [0.2]
    assert past.window(10.0).ttft_seconds.tolist() == [1.0, 2.0, 3.0]


def test_mean_lengths_are_of_what_arrived_and_of_what_finished():
    past = history(
        [
            {"at": 0.0},
            {"at": 5.0, "arrived": 4.0, "arrived_input_tokens": 400.0, "finished": 2.0, "finished_output_tokens": 30.0},
        ]
    )
    assert (past.window(5.0).input_tokens, past.window(5.0).output_tokens) == (100.0, 15.0)


def test_it_grows():
    past = history([{"at": float(at), "arrived": float(at)} for at in range(1000)])
    assert len(past) == 1000
    assert past.column("arrived").tolist() == list(range(1000))
    assert past.window(1.0).rate("arrived") == pytest.approx(1.0)
