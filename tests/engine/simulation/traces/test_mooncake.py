"""Mooncake's files, and what their hash ids say of the prefix cache."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine.simulation.traces import Skipped, TraceError
from rorqual_engine.simulation.traces.mooncake import read_mooncake, write_mooncake

from ..drawing import some


def line(timestamp: object = 0, input_length: object = 2000, output_length: object = 5, **more: object) -> str:
    row = {"timestamp": timestamp, "input_length": input_length, "output_length": output_length, **more}
    return json.dumps(row) + "\n"


def cached(*lines: str) -> list[int]:
    return read_mooncake(lines).cached_tokens.tolist()


def test_columns():
    found = read_mooncake([line(0, 6758, 500), line(1500, 7322, 490)])
    assert found.arrival_seconds.tolist() == [0.0, 1.5]
    assert (found.input_tokens.tolist(), found.output_tokens.tolist()) == ([6758, 7322], [500, 490])


def test_blocks_of_an_earlier_request_are_cached():
    assert cached(line(0, hash_ids=[1, 2, 3, 4]), line(1, hash_ids=[1, 2, 9])) == [0, 1024]


def test_blocks_after_the_first_new_one_are_not():
    assert cached(line(0, hash_ids=[1, 2, 3]), line(1, hash_ids=[7, 2, 3])) == [0, 0]


def test_earlier_is_by_time_not_by_line():
    assert cached(line(5, hash_ids=[1]), line(1, hash_ids=[1])) == [0, 512]


def test_one_token_of_a_prompt_is_never_cached():
    assert cached(line(0, 1000, hash_ids=[1, 2]), line(1, 1000, hash_ids=[1, 2])) == [0, 999]


def test_without_hash_ids_nothing_is_shared():
    assert cached(line(0), line(1)) == [0, 0]


def test_without_a_prefix_cache_nothing_is_shared():
    found = read_mooncake([line(0, hash_ids=[1]), line(1, hash_ids=[1])], prefix_cache="none")
    assert found.cached_tokens.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ("{", "a JSON object"),
        ("[1]", "a JSON object"),
        (line(-1), "timestamp"),
        (line(timestamp=True), "timestamp"),
        (line("0"), "timestamp"),
        (line(float("nan")), "timestamp"),
        (line(0, 1.5), "input_length"),
        (line(0, None), "input_length"),
        (line(0, 1, -1), "output_length"),
        (line(0, 1, 2**31), "output_length"),
        (line(hash_ids=7), "hash_ids"),
        (line(hash_ids=["x"]), "hash_ids"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(bad: str, expected: str):
    with pytest.raises(TraceError, match=f"line 2: expected {expected}.*; found"):
        read_mooncake([line(), bad])


def test_bad_rows_may_be_counted_and_left_out():
    skipped = Skipped()
    assert len(read_mooncake([line(), "{\n", "\n", line()], on_bad=skipped.add)) == 2
    assert (skipped.count, skipped.first[0].line) == (1, 2)


def test_an_empty_file_is_refused():
    with pytest.raises(TraceError, match="none that is good"):
        read_mooncake([])


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 10**6), st.integers(1, 10**6)), min_size=1, max_size=20)
)
def test_any_rows_are_read_in_the_order_of_time(rows):
    found = read_mooncake([line(*row) for row in rows])
    wanted = sorted(rows, key=lambda row: row[0])
    columns = (found.arrival_seconds * 1e3, found.input_tokens, found.output_tokens)
    assert [tuple(round(value) for value in row) for row in zip(*columns, strict=True)] == wanted


@given(some)
def test_what_is_written_is_read_again(requests):
    found = read_mooncake(write_mooncake(requests))
    np.testing.assert_allclose(found.arrival_seconds, requests.arrival_seconds, atol=1e-9)
    for name in ("input_tokens", "output_tokens"):
        np.testing.assert_array_equal(getattr(found, name), getattr(requests, name))
    assert not found.cached_tokens.any()


def test_a_written_prompt_has_a_hash_for_every_block_begun():
    requests = read_mooncake([line(0, 512), line(1, 513), line(2, 1)])
    assert [json.loads(written)["hash_ids"] for written in write_mooncake(requests)] == [[0], [1, 2], [3]]
