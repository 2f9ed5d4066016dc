"""The laws against one engine on an H200 that they have not seen."""

import json

import pytest
from gpu.law import RECORDED, measure


@pytest.fixture(scope="module")
def found():
    return measure(json.loads(RECORDED.read_text()))


def test_its_memory_is_what_the_law_says(found):
    weights, by_law = found["weights_gib"]
    assert by_law == pytest.approx(weights, abs=0.05)
    assert abs(found["kv_tokens_off"]) < 0.003


def test_its_tokens_and_requests_are_within_the_intervals(found):
    assert all(row["tpot_seconds_held"] and row["requests_per_second_held"] for row in found["points"])


def test_loops_that_were_too_short_are_left_out(found):
    assert [row["concurrency"] for row in found["points"]] == [1, 8, 32, 1, 16]


def test_an_unknown_gpu_is_told():
    with pytest.raises(SystemExit, match="Abacus, 1 MiB: expected a GPU of the catalog"):
        measure(json.loads(RECORDED.read_text()) | {"device": "Abacus, 1 MiB"})
