"""Means, intervals and the frontier."""

from dataclasses import replace

import pytest

from rorqual_operator.study.summary import Row, interval, unbeaten

ROW = Row("step", "one", 2, 0.9, None, 1.0, 2.0, None, 1.0, 0.02, 3.0, 1.0)


def test_the_interval_is_students() -> None:
    low, high = interval([0.5, 0.6, 0.7]) or (0.0, 0.0)
    assert (high - low) / 2 == pytest.approx(4.303 * 0.1 / 3**0.5)
    assert (low + high) / 2 == pytest.approx(0.6)


def test_one_seed_has_no_interval() -> None:
    assert interval([0.5]) is None


def test_an_interval_of_shares_ends_at_one() -> None:
    assert (interval([0.9, 1.0]) or (0, 0))[1] == 1.0


@pytest.mark.parametrize(
    ("good_rate", "gpu_hours", "beaten"),
    [(0.9, 2.0, False), (0.9, 1.9, True), (0.91, 2.0, True), (0.91, 2.1, False), (0.8, 1.0, False)],
)
def test_a_row_is_beaten_by_what_is_no_worse_in_both(good_rate: float, gpu_hours: float, beaten: bool) -> None:
    other = replace(ROW, policy="other", good_rate=good_rate, gpu_hours=gpu_hours)
    assert unbeaten(ROW, [ROW, other]) is not beaten
