"""Timestamps to seconds and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_operator.times import rfc3339, rfc3339_micro, seconds


def test_known_moment() -> None:
    assert rfc3339(1_767_268_800.9) == "2026-01-01T12:00:00Z"
    assert rfc3339_micro(1_767_268_800.25) == "2026-01-01T12:00:00.250000Z"


@pytest.mark.parametrize("text", ["2026-01-01T12:00:00Z", "2026-01-01T14:00:00+02:00", "2026-01-01T12:00:00.000000Z"])
def test_zones_are_read(text: str) -> None:
    assert seconds(text) == 1_767_268_800


def test_no_timestamp() -> None:
    with pytest.raises(ValueError, match="soon"):
        seconds("soon")


@given(st.integers(0, 4_102_444_800))
def test_whole_seconds_come_back(at: int) -> None:
    assert seconds(rfc3339(at)) == at


@given(st.integers(0, 4_102_444_800_000_000))
def test_microseconds_come_back(micros: int) -> None:
    assert round(seconds(rfc3339_micro(micros / 1e6)) * 1e6) == pytest.approx(micros, abs=1)
