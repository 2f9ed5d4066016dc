"""Plain CSV files: names of columns, kinds of times, and back again."""

import numpy as np
import pytest
from hypothesis import given

from rorqual_engine.simulation.requests import Requests
from rorqual_engine.simulation.traces import TraceError
from rorqual_engine.simulation.traces.plain import lines_of, read_plain

from ..drawing import some


@given(some)
def test_what_is_written_is_read_again(requests: Requests):
    found = read_plain(lines_of(requests))
    assert np.allclose(found.arrival_seconds, requests.arrival_seconds, rtol=0, atol=1e-6)
    for name in ("input_tokens", "output_tokens", "cached_tokens"):
        assert np.array_equal(getattr(found, name), getattr(requests, name))


def test_offsets_are_kept():
    found = read_plain(["arrival_s,input_tokens,output_tokens\n", "2.5,10,3\n", "4,20,4\n"])
    assert found.arrival_seconds.tolist() == [2.5, 4.0]


@pytest.mark.parametrize(
    ("first", "second"), [("1700000000", "1700000001.5"), ("2023-11-14T22:13:20Z", "2023-11-14T22:13:21.5Z")]
)
def test_moments_count_from_the_earliest(first: str, second: str):
    found = read_plain(["timestamp,input_tokens,output_tokens\n", f"{second},10,3\n", f"{first},20,4\n"])
    assert found.arrival_seconds.tolist() == [0.0, 1.5]
    assert found.input_tokens.tolist() == [20, 10]


def test_a_file_of_burstgpt():
    """Its header, and one of its rows."""
    header = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    found = read_plain([header, "5,ChatGPT,472,18,490,Conversation log\n"])
    assert (found.input_tokens.tolist(), found.output_tokens.tolist()) == ([472], [18])


def test_a_file_of_vidur():
    found = read_plain(["arrived_at,num_prefill_tokens,num_decode_tokens\n", "0.25,472,18\n"])
    assert (found.arrival_seconds.tolist(), found.input_tokens.tolist()) == ([0.25], [472])


@pytest.mark.parametrize("header", ["arrival_s,input_tokens", "arrival_s,time,input_tokens,output_tokens", "a,b,c"])
def test_a_column_that_is_missing_or_there_twice_is_refused(header: str):
    with pytest.raises(TraceError, match=r"line 1: expected one column of (arrivals|answers)"):
        read_plain([header + "\n"])


@pytest.mark.parametrize("field", ["", "-1", "nan", "inf", "soon"])
def test_what_is_no_time_is_refused_with_its_line(field: str):
    with pytest.raises(TraceError, match="line 3: expected arrival_s as a number of seconds, 0 or more; found"):
        read_plain(["arrival_s,input_tokens,output_tokens\n", "1,1,1\n", f"{field},1,1\n"])


def test_a_header_alone_is_refused():
    with pytest.raises(TraceError, match="none that is good"):
        read_plain(["arrival_s,input_tokens,output_tokens\n"])
