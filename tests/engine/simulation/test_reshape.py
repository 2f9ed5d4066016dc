"""Other requests from given ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine.simulation.opening import lead_in, opening
from rorqual_engine.simulation.requests import Requests, requests_of
from rorqual_engine.simulation.reshape import concatenate, cut, overlay, repeat, scale_rate

from .drawing import some


def at(*seconds: float, duration: float = 100.0) -> Requests:
    """Requests whose prompts are numbered."""
    return requests_of(np.array(seconds), np.arange(1, len(seconds) + 1), np.ones(len(seconds)), duration)


def columns(requests: Requests) -> list[tuple[float, int, int, int]]:
    return sorted(
        zip(
            requests.arrival_seconds.tolist(), requests.input_tokens.tolist(),
            requests.output_tokens.tolist(), requests.cached_tokens.tolist(), strict=True,
        )
    )  # fmt: skip


def test_a_cut_takes_its_begin_and_not_its_end():
    found = cut(at(5, 10, 15, 20), 10, 20)
    assert (found.arrival_seconds.tolist(), found.duration_seconds) == ([0.0, 5.0], 10.0)
    assert found.input_tokens.tolist() == [2, 3]


@pytest.mark.parametrize("window", [(-1, 5), (5, 5), (0, 101)])
def test_a_window_outside_the_run_is_refused(window):
    with pytest.raises(ValueError, match="cut: expected a window within 0 and 100 s; found"):
        cut(at(5), *window)


@given(some, st.floats(1, 9999))
def test_what_is_cut_in_two_and_put_together_is_the_same(requests: Requests, place: float):
    found = concatenate(cut(requests, 0, place), cut(requests, place, requests.duration_seconds))
    inner = requests.arrival_seconds < requests.duration_seconds
    assert found.duration_seconds == pytest.approx(requests.duration_seconds)
    assert np.allclose(found.arrival_seconds, requests.arrival_seconds[inner], atol=1e-6)
    assert [row[1:] for row in columns(found)] == [
        row[1:] for row, kept in zip(columns(requests), inner, strict=True) if kept
    ]


def test_a_repetition_begins_where_the_one_before_ends():
    found = repeat(at(5, 10), 3)
    assert found.arrival_seconds.tolist() == [5, 10, 105, 110, 205, 210]
    assert found.duration_seconds == 300.0


def test_no_repetition_and_no_part_are_refused():
    with pytest.raises(ValueError, match="repeat: expected 1 time or more; found 0"):
        repeat(at(5), 0)
    with pytest.raises(ValueError, match="expected one part or more"):
        overlay()


def test_overlaid_requests_are_all_there_and_in_order():
    found = overlay(at(1, 5), at(3, duration=200))
    assert (found.arrival_seconds.tolist(), found.duration_seconds) == ([1, 3, 5], 200.0)


@given(some)
def test_a_factor_of_one_changes_nothing(requests: Requests):
    assert columns(scale_rate(requests, 1.0, np.random.default_rng(0))) == columns(requests)


@given(some, st.integers(2, 5))
def test_a_whole_factor_copies_each_request_that_often(requests: Requests, factor: int):
    found = scale_rate(requests, factor, np.random.default_rng(0))
    assert sorted(found.input_tokens) == sorted(np.repeat(requests.input_tokens, factor))
    assert set(columns(requests)) <= set(columns(found))
    assert found.duration_seconds == requests.duration_seconds


def test_copies_stay_near_their_originals():
    found = scale_rate(at(50), 100, np.random.default_rng(0))
    assert np.all(np.abs(found.arrival_seconds - 50) <= 5)
    assert len(np.unique(found.arrival_seconds)) == 100


@pytest.mark.parametrize("factor", [0.3, 2.5])
def test_a_factor_in_between_holds_on_average(factor: float):
    found = scale_rate(at(*np.linspace(0, 100, 20_000).tolist()), factor, np.random.default_rng(0))
    assert len(found) == pytest.approx(20_000 * factor, rel=0.03)


def test_the_generators_seed_decides():
    requests = at(*range(100))
    one, same, other = (columns(scale_rate(requests, 0.5, np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize("factor", [0.0, -1.0, float("inf"), float("nan")])
def test_a_factor_of_zero_or_less_is_refused(factor: float):
    with pytest.raises(ValueError, match="scale_rate: expected a factor above 0; found"):
        scale_rate(at(5), factor, np.random.default_rng(0))


def test_an_opening_is_the_mean_of_the_first_seconds():
    found = opening(at(1, 2, 9, 50), 10)
    assert (found.requests_per_second, found.input_tokens, found.output_tokens) == (0.3, 2.0, 1.0)


def test_an_opening_without_requests():
    assert opening(at(50), 10).requests_per_second == 0.0


def test_an_opening_is_no_longer_than_the_run():
    assert opening(at(1), 1000).seconds == 100.0


def test_a_lead_in_is_the_opening_once_more():
    found = lead_in(at(1, 20), 10)
    assert (found.arrival_seconds.tolist(), found.duration_seconds) == ([1, 11, 30], 110.0)
