"""A replica's speed, by hand."""

import pytest

from rorqual_engine.scaling.predictive.capacity import VARIATION
from rorqual_engine.scaling.predictive.pace import pace_of
from rorqual_engine.timing import Capability, StepTiming

REPLICA = Capability(StepTiming(0.01, 1e-4, 1e-8, 2e-5, 1e-9), sequences=64, kv_tokens=100_000)


def pace(rate=0.0, slowness=1.0):
    return pace_of(REPLICA, 1000.0, 200.0, 2.0, 0.05, slowness, rate)


def test_a_prompt_takes_its_tokens_and_its_attention():
    assert pace().prefill_seconds == pytest.approx(2e-5 * 1000 + 1e-9 * 1000**2 / 2 * (1 + VARIATION))


def test_of_a_prompt_in_the_prefix_cache_only_the_rest_is_computed_but_all_is_attended_to():
    """250 tokens after 750 others: 250 * (750 + 125) pairs."""
    attention = 1e-9 * (250 * 875 + 1000**2 / 2 * (1 - 0.75**2) * VARIATION)
    assert pace(0.75).prefill_seconds == pytest.approx(2e-5 * 250 + attention)
    assert pace(0.75).sequence_seconds == pace().sequence_seconds
    assert pace(0.75).sequences == pace().sequences


def test_slowness_counts_for_all_of_it():
    assert pace(slowness=2.0).prefill_seconds == pytest.approx(2 * pace().prefill_seconds)
    assert pace(slowness=2.0).step_seconds == pytest.approx(2 * pace().step_seconds)
