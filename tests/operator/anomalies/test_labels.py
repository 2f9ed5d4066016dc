"""The annotation with what people know of times."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_operator.anomalies.labels import Label, LabelError, read_labels, within
from rorqual_operator.times import rfc3339, seconds


def test_times_with_their_kinds_several_with_commas() -> None:
    text = "2026-11-26T10:00:00Z/2026-11-26T11:00:00Z=fault, 2026-11-26T12:00/2026-11-26T13:00:00+01:00 = normal,"
    fault, normal = read_labels(text)
    assert fault == Label(seconds("2026-11-26T10:00:00Z"), seconds("2026-11-26T11:00:00Z"), "fault")
    assert normal == Label(seconds("2026-11-26T12:00:00Z"), seconds("2026-11-26T12:00:00Z"), "normal")
    assert read_labels("") == ()


@pytest.mark.parametrize(
    "text",
    ["yesterday=fault", "2026-11-26T10:00Z=fault", "2026-11-26T10:00Z/2026-11-26T11:00Z", "a/b=normal",
     "2026-11-26T10:00Z/2026-11-26T11:00Z=broken"],
)  # fmt: skip
def test_what_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(LabelError, match=r"rorqual\.io/label: expected <from>/<to>=fault\|normal") as found:
        read_labels(f"2026-11-26T10:00Z/2026-11-26T11:00Z=fault,{text}")
    assert repr(text) in str(found.value)


def test_an_end_before_its_beginning_is_refused() -> None:
    with pytest.raises(LabelError, match="<from> before <to>"):
        read_labels("2026-11-26T11:00Z/2026-11-26T10:00Z=fault")


@given(st.text(max_size=60))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    with suppress(LabelError):
        read_labels(text)


@given(st.integers(0, 2**31), st.integers(0, 10**6))
def test_both_ends_are_inside(begin: int, lasts: int) -> None:
    labels = read_labels(f"{rfc3339(begin)}/{rfc3339(begin + lasts)}=fault")
    at = np.array([begin - 1.0, begin, begin + lasts, begin + lasts + 1.0])
    assert within(at, labels, "fault").tolist() == [False, True, True, False]
    assert not within(at, labels, "normal").any()
