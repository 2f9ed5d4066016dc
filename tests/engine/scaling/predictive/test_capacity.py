"""Shares of missed requests: what must hold whatever the figures, and simulated fleets at rest."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine.scaling.predictive import Pace, engine_seconds, miss_probability

PACE = Pace(
    prefill_seconds=0.27,
    step_seconds=0.00716,
    sequence_seconds=0.00035,
    sequences=48,
    input_tokens=8263.0,
    output_tokens=38.5,
    ttft_seconds=2.0,
    itl_seconds=0.05,
)


def missed(offered: float, replicas: float, backlog: float = 0.0, pace: Pace = PACE) -> float:
    return float(miss_probability(pace, np.array([offered]), np.array([backlog]), np.array([replicas]))[0])


def test_a_request_takes_its_prompt_and_its_share_of_decode_steps() -> None:
    pace = replace(PACE, prefill_seconds=1.0, step_seconds=0.1, sequence_seconds=0.01, sequences=10, output_tokens=11)
    assert engine_seconds(pace) == pytest.approx(1.0 + 10 * (0.1 / 10 + 0.01))
    assert engine_seconds(replace(pace, output_tokens=1)) == 1.0


def test_without_replicas_everything_is_missed() -> None:
    assert missed(1.0, 0.0) == 1.0


def test_a_queue_longer_than_the_objective_misses_everything() -> None:
    assert missed(0.5, 2.0, backlog=2.0 * 2.1) == pytest.approx(1.0)


@given(st.floats(0.01, 20), st.integers(1, 32), st.floats(0, 50))
def test_it_is_a_share_and_more_replicas_never_miss_more(offered: float, replicas: int, backlog: float) -> None:
    one, more = missed(offered, replicas, backlog), missed(offered, replicas + 1, backlog)
    assert 0.0 <= more <= one + 1e-9 <= 1.0 + 1e-9


@given(st.floats(0.01, 10), st.floats(0.01, 10), st.integers(1, 16))
def test_more_load_never_misses_less(a: float, b: float, replicas: int) -> None:
    low, high = sorted((a, b))
    assert missed(low, replicas) <= missed(high, replicas) + 1e-9


@pytest.mark.parametrize(
    ("requests_per_second", "replicas", "simulated"),
    [(2, 1, 0.253), (5.6, 3, 0.078), (5.6, 4, 0.027), (10, 5, 0.065), (10, 8, 0.014), (20, 8, 0.132), (20, 12, 0.019)],
)
def test_simulated_fleets_at_rest_miss_about_as_much(
    requests_per_second: float, replicas: int, simulated: float
) -> None:
    """25 minutes each of Poisson arrivals, lognormal lengths (6000, sigma 0.8; 34, sigma 0.5), least load."""
    assert missed(requests_per_second * engine_seconds(PACE), replicas) == pytest.approx(simulated, rel=0.5, abs=0.01)
