"""The memory law against start-ups of vLLM that others measured."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from rorqual_engine import catalog
from rorqual_engine.sizing.engine import Engine
from rorqual_engine.sizing.memory import BLOCK_TOKENS, MARGIN_BYTES, memory_budget
from rorqual_engine.units import GIB

from ..builders import H100

ENGINES_SEQUENCES = 1024
"""The engine's own default on this GPU, with which the campaign ran."""


def read_startups():
    lines = (Path(__file__).parent / "data" / "vllm_startups.csv").read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


STARTUPS = read_startups()
IDS = [f"{row['model']}-tp{row['tp']}-{row['dtype']}-{row['kv_cache_dtype']}-{row['vllm_version']}" for row in STARTUPS]
every_startup = pytest.mark.parametrize("row", STARTUPS, ids=IDS)


def budget_of(row):
    known = catalog.model(row["model"])
    assert known is not None
    dtype_bytes = 4 if row["dtype"] == "float32" else 2
    engine = Engine(
        name=row["model"],
        facts=known.facts,
        quantization="fp8" if row["quantization"] == "fp8" else known.quantization,
        dtype_bytes=dtype_bytes,
        kv_bytes=1 if row["kv_cache_dtype"] == "fp8" else dtype_bytes,
        rules=catalog.runtime_version("vLLM", row["vllm_version"]),
    )
    gpu = catalog.gpu(H100)
    assert gpu is not None
    return memory_budget(engine, gpu, int(row["tp"]), ENGINES_SEQUENCES, float(row["gpu_memory_utilization"]))


@every_startup
def test_each_term_is_right_to_a_third_of_a_gib(row):
    budget = budget_of(row)
    assert budget.weights / GIB == pytest.approx(float(row["weights_gib"]), abs=0.26)
    assert budget.activation / GIB == pytest.approx(float(row["activation_gib"]), abs=0.27)
    assert budget.non_torch / GIB == pytest.approx(float(row["non_torch_gib"]), abs=0.22)


@every_startup
def test_the_kv_cache_is_right_to_less_than_the_margin(row):
    budget = budget_of(row)
    assert abs(budget.kv_cache - float(row["kv_cache_gib"]) * GIB) < MARGIN_BYTES


@every_startup
def test_what_is_counted_on_was_there(row):
    assert budget_of(row).sure_tokens <= int(row["kv_cache_tokens"])


@every_startup
def test_a_token_takes_what_it_took(row):
    per_token = float(row["kv_cache_gib"]) * GIB / int(row["kv_cache_tokens"])
    assert budget_of(row).kv_bytes_per_token == pytest.approx(per_token, rel=0.005)


@every_startup
def test_graphs_are_right_to_half_a_gib(row):
    if row["cudagraph_gib"]:
        assert budget_of(row).graphs / GIB == pytest.approx(float(row["cudagraph_gib"]), abs=0.55)


def test_tokens_come_in_whole_blocks():
    assert all(budget_of(row).kv_tokens % BLOCK_TOKENS == 0 for row in STARTUPS)


def test_the_share_for_some_tokens_holds_them_and_a_hundredth_less_does_not():
    budget = budget_of(STARTUPS[0])
    share = budget.share_for(50_000)
    gib_at = budget.total / GIB
    needed = budget.needed(50_000) / GIB
    assert (share - 0.01) * gib_at < needed <= share * gib_at + 1e-6


def test_graphs_count_inside_the_share_from_0_21_on():
    old = next(row for row in STARTUPS if row["model"] == "Qwen/Qwen3-8B")
    new = budget_of({**old, "vllm_version": "0.21.0"})
    assert new.fixed - budget_of(old).fixed == pytest.approx(new.graphs)


def test_no_share_is_so_high_that_graphs_and_context_have_no_room():
    for row in STARTUPS:
        budget = budget_of(row)
        assert budget.highest_share() <= 0.95
        assert budget.highest_share() * budget.total + budget.graphs < budget.total


def test_a_cache_that_does_not_fit_holds_no_tokens():
    row = {**STARTUPS[0], "gpu_memory_utilization": "0.1"}
    assert budget_of(row).kv_cache < 0
    assert budget_of(row).kv_tokens == 0


def test_heads_are_repeated_once_there_are_more_gpus_than_heads():
    """Qwen2.5-7B has four key/value heads: on eight GPUs each holds one whole, as on four."""
    row = next(row for row in STARTUPS if row["model"] == "Qwen/Qwen2.5-7B-Instruct" and row["tp"] == "4")
    assert budget_of({**row, "tp": "8"}).kv_bytes_per_token == budget_of(row).kv_bytes_per_token


def test_on_a_small_gpu_graphs_and_context_lower_the_highest_share():
    row = next(row for row in STARTUPS if row["model"] == "Qwen/Qwen3-8B")
    whole = budget_of(row)
    small = replace(whole, total=22 * GIB)
    assert small.highest_share() < 0.94 < whole.highest_share()
    assert replace(small, graphs_in_share=True).highest_share() == 0.95
