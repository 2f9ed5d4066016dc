"""Kubernetes' and Go's ways of writing amounts."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine.units import UnitError, duration_seconds, format_duration, quantity


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500ms", 0.5), ("2s", 2), ("15m", 900), ("1h30m", 5400), ("1.5h", 5400), ("1m0.5s", 60.5), ("0s", 0)],
)
def test_durations(text: str, expected: float) -> None:
    assert duration_seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "5", "2 s", "-2s", "2d", "s", "2s,", "1us", "1h 30m"])
def test_no_duration(text: str) -> None:
    with pytest.raises(UnitError, match="is not a duration: expected"):
        duration_seconds(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.05, "50ms"), (0.0005, "0.5ms"), (1, "1s"), (2.5, "2.5s"), (59.96, "60s"),
        (60, "1m"), (90, "1m30s"), (3600, "1h"), (3661, "1h1m1s"), (0, "0ms"),
    ],
)  # fmt: skip
def test_durations_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(60, 10**7))
def test_long_durations_come_back(seconds: int) -> None:
    assert duration_seconds(format_duration(seconds)) == seconds


@given(st.floats(0.001, 59))
def test_short_durations_come_back_to_three_digits(seconds: float) -> None:
    assert duration_seconds(format_duration(seconds)) == pytest.approx(seconds, rel=0.005)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4", 4), (8, 8), (0.5, "0.5"), ("500m", "0.5"), ("80Gi", 80 * 2**30), ("1k", 1000), ("1.5M", 1_500_000),
        (".5", "0.5"), ("5.", 5), (" 3 ", 3), ("0", 0), ("100u", "0.0001"), ("7n", "7e-9"), ("2E", 2 * 10**18),
        ("1Ei", 2**60), ("1e3", 1000), ("12E2", 1200), ("5e-1", "0.5"), ("+4", 4), ("-4", -4),
    ],
)  # fmt: skip
def test_quantities(text: str | float, expected: str | int) -> None:
    assert quantity(text) == Decimal(expected)


@pytest.mark.parametrize("text", ["", "many", "1 Gi", "1gi", "1KB", "Gi", "1e", "1e3Gi", "--1", "1.2.3", "٣", "nan"])
def test_no_quantity(text: str) -> None:
    with pytest.raises(UnitError, match="is not a quantity: expected"):
        quantity(text)


@given(st.integers(0, 10**6), st.sampled_from(["", "m", "k", "Ki", "M", "Mi", "G", "Gi"]))
def test_quantities_add_up(number: int, suffix: str) -> None:
    assert quantity(f"{number}{suffix}") + quantity(f"1{suffix}") == quantity(f"{number + 1}{suffix}")
