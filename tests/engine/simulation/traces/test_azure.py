"""Azure's files: two ways to write a time, and what is refused."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine.simulation.traces import Skipped, TraceError
from rorqual_engine.simulation.traces.azure import read_azure
from rorqual_engine.simulation.traces.table import CHUNK_ROWS

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
OF_2023 = [
    HEADER,
    "2023-11-16 18:15:46.6805900,374,44\r\n",
    "2023-11-16 18:15:50.9951690,396,109\r\n",
    "2023-11-16 18:15:51.2224670,879,0",
]
OF_2024 = [
    HEADER,
    "2024-05-10 23:59:59.999930+00:00,2162,5\n",
    "2024-05-11 00:00:01+00:00,2399,6\n",
]


def row(text: str) -> list[str]:
    return [HEADER, "2023-11-16 18:15:46.6805900,374,44\n", text]


def test_a_file_of_2023():
    found = read_azure(OF_2023)
    assert found.arrival_seconds == pytest.approx([0.0, 4.314579, 4.541877], abs=1e-6)
    assert found.input_tokens.tolist() == [374, 396, 879]
    assert found.duration_seconds == pytest.approx(4.541877, abs=1e-6)


def test_no_tokens_count_as_one():
    assert read_azure(OF_2023).output_tokens.tolist() == [44, 109, 1]


def test_a_file_of_2024_over_midnight_and_without_a_fraction():
    assert read_azure(OF_2024).arrival_seconds == pytest.approx([0.0, 1.00007], abs=1e-6)


def test_rows_out_of_order_are_put_in_order():
    found = read_azure([OF_2023[0], OF_2023[2], OF_2023[1]])
    assert found.input_tokens.tolist() == [374, 396]


def test_blank_lines_are_passed_over():
    assert len(read_azure([*OF_2023[:2], "\n", *OF_2023[2:], "\n", ""])) == 3


@pytest.mark.parametrize(
    "time",
    [
        "2023-13-16 18:15:46.5",
        "2023-00-16 18:15:46.5",
        "2023-02-29 18:15:46.5",
        "2023-11-16 24:15:46.5",
        "2023-11-16 18:60:46.5",
        "2023-11-16 18:15:60.5",
        "2023-11-16 18:15:46.",
        "2023-11-16 18:15:46.5x",
        "2023-11-16 18:15:46.5+0000",
        "2023-11-16 18:15:46.5+00-00",
        "2023/11/16 18:15:46.5",
        "2023-11-16_18:15:46.5",
        "2023-11-16",
        "17",
        "",
    ],
)
def test_what_is_no_time_is_refused_with_its_line(time: str):
    with pytest.raises(TraceError, match=r"line 3: expected TIMESTAMP as a time such as .*; found"):
        read_azure(row(f"{time},1,1"))


@pytest.mark.parametrize("tokens", ["", "-3", "1.5", "1e3", "x", " 7", "1234567890", "٣"])
def test_what_is_no_number_of_tokens_is_refused_with_its_line(tokens: str):
    with pytest.raises(TraceError, match=r"line 3: expected ContextTokens as a whole number .*; found"):
        read_azure(row(f"2023-11-16 18:15:47,{tokens},1"))


@pytest.mark.parametrize("text", ["2023-11-16 18:15:47,1", "2023-11-16 18:15:47,1,1,1", "hello"])
def test_another_number_of_fields_is_refused_with_its_line(text: str):
    with pytest.raises(TraceError, match=f"line 3: expected 3 fields; found '{text}'"):
        read_azure(row(text))


def test_the_first_bad_line_is_the_one_that_is_named():
    with pytest.raises(TraceError, match="line 3"):
        read_azure([*row("x,1,1\n"), "hello\n"])


def test_bad_rows_may_be_counted_and_left_out():
    skipped = Skipped()
    found = read_azure([*OF_2023[:2], "x,1,1\n", "hello\n", OF_2023[2]], skipped.add)
    assert len(found) == 2
    assert (skipped.count, [bad.line for bad in skipped.first]) == (2, [3, 4])


def test_only_the_first_bad_rows_are_kept():
    skipped = Skipped()
    read_azure([*OF_2023[:2], *["hello\n"] * 9], skipped.add)
    assert (skipped.count, len(skipped.first)) == (9, 5)


def test_a_file_without_a_good_row_is_refused():
    with pytest.raises(TraceError, match="none that is good"):
        read_azure([HEADER, "hello\n"], Skipped().add)


@pytest.mark.parametrize("lines", [[], ["a,b,c\n"], [HEADER.lower()]])
def test_another_header_is_refused(lines: list[str]):
    with pytest.raises(TraceError, match="line 1: expected TIMESTAMP,ContextTokens,GeneratedTokens; found"):
        read_azure(lines)


def test_lines_are_counted_over_chunks():
    good = "2023-11-16 18:15:46,1,1\n"
    with pytest.raises(TraceError, match=f"line {CHUNK_ROWS + 12}: "):
        read_azure([HEADER, *[good] * (CHUNK_ROWS + 10), "hello\n"])


EARLIEST, LATEST = (datetime.fromisoformat(day) for day in ("1970-01-02", "2199-01-01"))
zones = st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(
    lambda by: timedelta(minutes=by // timedelta(minutes=1))
)


@given(st.lists(st.tuples(st.datetimes(EARLIEST, LATEST), zones), min_size=1, max_size=20))
def test_times_are_those_that_python_reads(moments):
    times = [moment.replace(tzinfo=UTC) for moment, _ in moments]
    texts = [
        (time + zone).replace(tzinfo=None).isoformat(" ") + offset(zone)
        for time, (_, zone) in zip(times, moments, strict=True)
    ]
    found = read_azure([HEADER, *(f"{text},1,1\n" for text in texts)])
    begin = min(times)
    wanted = sorted((time - begin).total_seconds() for time in times)
    assert np.allclose(found.arrival_seconds, wanted, rtol=0, atol=2e-6)


def offset(zone: timedelta) -> str:
    minutes = abs(zone) // timedelta(minutes=1)
    return f"{'-' if zone < timedelta(0) else '+'}{minutes // 60:02}:{minutes % 60:02}"
