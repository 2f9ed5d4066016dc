"""Columns of requests: put in order, and refused where they make no sense."""

import numpy as np
import pytest

from rorqual_engine.simulation.requests import NO_REQUESTS, Requests, requests_of


def columns(at=(0.0, 1.0), prompts=(5, 6), answers=(7, 8), cached=(0, 0), duration=2.0) -> Requests:
    whole = [np.array(column, dtype=np.int32) for column in (prompts, answers, cached)]
    return Requests(np.array(at), *whole, duration)


def test_requests_are_sorted_and_rounded():
    found = requests_of(
        np.array([3.0, 1.0]), np.array([10.6, 0.2]), np.array([2.4, 0.0]), cached_tokens=np.array([99, 0])
    )
    assert found.arrival_seconds.tolist() == [1.0, 3.0]
    assert found.input_tokens.tolist() == [1, 11]
    assert found.output_tokens.tolist() == [1, 2]
    assert found.cached_tokens.tolist() == [0, 10]
    assert found.duration_seconds == 3.0


def test_the_rate_is_the_mean_over_the_run():
    assert columns(duration=4.0).requests_per_second == 0.5
    assert NO_REQUESTS.requests_per_second == 0.0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"at": (0.0,)}, "one entry a request"),
        ({"at": (1.0, 0.5)}, "must ascend from 0"),
        ({"at": (-1.0, 0.5)}, "must ascend from 0"),
        ({"at": (0.0, float("nan"))}, "must be finite"),
        ({"duration": 0.5}, "the last arrives at 1 s, after the end of the run at 0.5 s"),
        ({"prompts": (0, 5)}, "at least 1 token"),
        ({"answers": (0, 5)}, "at least 1 token"),
        ({"cached": (5, 0)}, "below input_tokens"),
        ({"cached": (-1, 0)}, "at least 0"),
    ],
)
def test_columns_that_make_no_sense_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        columns(**given)
