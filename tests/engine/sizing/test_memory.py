"""The memory law against start-ups of vLLM that others measured. No term has a figure of a single model."""

import csv
from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest

from rorqual_engine import catalog
from rorqual_engine.sizing.engine import Engine
from rorqual_engine.sizing.memory import BLOCK_TOKENS, MARGIN_BYTES, memory_budget, most_sequences, stored_bytes
from rorqual_engine.units import GIB

from ..builders import H100

ENGINES_SEQUENCES = 1024
"""The engine's own default on this GPU, with which the campaign ran."""


def read_startups():
    lines = (Path(__file__).parent / "data" / "vllm_startups.csv").read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


STARTUPS = read_startups()
IDS = [f"{n}-{row['model']}-tp{row['tp']}-pp{row['pp']}" for n, row in enumerate(STARTUPS, 1)]
every_startup = pytest.mark.parametrize("row", STARTUPS, ids=IDS)
WHOLE = [row for row in STARTUPS if row["pp"] == "1"]
"""Starts without a pipeline: with one, the campaign gives the first stage's memory, and the tokens of the fullest."""


def row_of(model, **given):
    return next(row for row in STARTUPS if row["model"] == model and given.items() <= row.items())


def engine_of(row):
    known = catalog.model(row["model"])
    assert known is not None
    dtype_bytes = 4 if row["dtype"] == "float32" else 2
    storage = catalog.Storage(scheme="fp8") if row["quantization"] == "fp8" else known.storage
    return Engine(
        name=row["model"],
        facts=known.facts,
        quantization=storage.scheme,
        left_whole=storage.whole,
        dtype_bytes=dtype_bytes,
        kv_bytes=1 if row["kv_cache_dtype"] == "fp8" else dtype_bytes,
        rules=catalog.runtime_version("vLLM", row["vllm_version"]),
    )


def budget_of(row):
    gpu = catalog.gpu(H100)
    assert gpu is not None
    share = float(row["gpu_memory_utilization"])
    return memory_budget(engine_of(row), gpu, int(row["tp"]), ENGINES_SEQUENCES, share, int(row["pp"]))


def off(computed, measured):
    return abs(computed / float(measured) - 1)


@every_startup
def test_weights_are_right_to_a_hundredth(row):
    assert budget_of(row).weights / GIB == pytest.approx(float(row["weights_gib"]), rel=0.01)


@pytest.mark.parametrize("row", WHOLE, ids=lambda row: row["model"])
def test_working_memory_is_right_to_a_tenth_of_a_gib(row):
    budget = budget_of(row)
    assert budget.activation / GIB == pytest.approx(float(row["activation_gib"]), abs=0.07)
    assert budget.non_torch / GIB == pytest.approx(float(row["non_torch_gib"]), abs=0.03)


@every_startup
def test_tokens_are_right_to_half_a_hundredth(row):
    assert off(budget_of(row).kv_tokens, row["kv_cache_tokens"]) < 0.005


def test_on_average_the_law_is_right_to_a_thousandth():
    assert mean(off(budget_of(row).weights / GIB, row["weights_gib"]) for row in STARTUPS) < 0.001
    assert mean(off(budget_of(row).kv_cache / GIB, row["kv_cache_gib"]) for row in WHOLE) < 0.001
    assert mean(off(budget_of(row).kv_tokens, row["kv_cache_tokens"]) for row in STARTUPS) < 0.001


@pytest.mark.parametrize("row", WHOLE, ids=lambda row: row["model"])
def test_the_kv_cache_is_right_to_less_than_the_margin(row):
    budget = budget_of(row)
    assert abs(budget.kv_cache - float(row["kv_cache_gib"]) * GIB) < MARGIN_BYTES < budget.margin


@every_startup
def test_the_interval_holds_what_was_there(row):
    low, high = budget_of(row).token_interval
    assert low <= int(row["kv_cache_tokens"]) <= high


@every_startup
def test_what_started_is_said_to_start(row):
    assert budget_of(row).start(int(row["max_model_len"])) == "starts"


@every_startup
def test_a_context_that_the_cache_surely_cannot_hold_is_said_not_to_start(row):
    budget = budget_of(row)
    beyond = budget.kv.longest_context(budget.kv_cache + budget.margin, 10**9) + BLOCK_TOKENS
    assert budget.start(beyond) == "does not start"
    assert budget.start(budget.longest_context(10**9)) == "starts"


@every_startup
def test_a_sequence_takes_what_the_engine_says(row):
    """The engine's own maximum concurrency: its blocks over those of one sequence of the longest context."""
    if not row["max_concurrency"]:
        return
    kv = budget_of(row).kv
    one = kv.bytes_for(int(row["max_model_len"])) / kv.block_bytes
    assert int(row["gpu_blocks"]) / one == pytest.approx(float(row["max_concurrency"]), rel=0.002)


@every_startup
def test_a_token_takes_what_it_took(row):
    tokens = int(row["gpu_blocks"]) // budget_of(row).kv.group_count * BLOCK_TOKENS
    assert tokens == pytest.approx(int(row["kv_cache_tokens"]), abs=BLOCK_TOKENS)


@every_startup
def test_graphs_are_right_to_half_a_gib(row):
    if row["cudagraph_gib"]:
        assert budget_of(row).graphs / GIB == pytest.approx(float(row["cudagraph_gib"]), abs=0.5)


def test_tokens_come_in_whole_blocks():
    assert all(budget_of(row).kv_tokens % BLOCK_TOKENS == 0 for row in STARTUPS)


def test_the_share_for_some_tokens_holds_them_and_a_hundredth_less_does_not():
    budget = budget_of(STARTUPS[0])
    share = budget.share_for(50_000)
    gib_at = budget.total / GIB
    needed = budget.needed(50_000) / GIB
    assert (share - 0.01) * gib_at < needed <= share * gib_at + 1e-6


def test_graphs_count_inside_the_share_from_0_21_on():
    old = row_of("Qwen/Qwen3-8B")
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
    assert budget_of(row).start(1) == "does not start"
    assert budget_of(row).longest_context(8192) == 0


def test_heads_are_repeated_once_there_are_more_gpus_than_heads():
    """Qwen2.5-7B has four key/value heads: on eight GPUs each holds one whole, as on four."""
    row = row_of("Qwen/Qwen2.5-7B-Instruct", tp="4")
    assert budget_of({**row, "tp": "8"}).kv_bytes_per_token == budget_of(row).kv_bytes_per_token


def test_on_a_small_gpu_graphs_and_context_lower_the_highest_share():
    whole = budget_of(row_of("Qwen/Qwen3-8B"))
    small = replace(whole, total=22 * GIB)
    assert small.highest_share() < 0.94 < whole.highest_share()
    assert replace(small, graphs_in_share=True).highest_share() == 0.95


def test_position_tables_count():
    """Llama 4 Scout was made for ten million positions: 2.5 GiB of sines and cosines on every GPU."""
    row = row_of("meta-llama/Llama-4-Scout-17B-16E-Instruct")
    known = catalog.model(row["model"])
    assert known is not None
    assert budget_of(row).weights - known.facts.parameters * 2 / 4 > 2.5 * GIB


def test_a_checkpoint_has_every_parameter_once():
    row = row_of("Qwen/Qwen2.5-7B-Instruct")
    assert stored_bytes(engine_of(row)) == 2 * 7_615_616_512


def test_a_stage_holds_the_embedding_or_the_output_layer_not_both():
    row = row_of("meta-llama/Llama-3.1-8B-Instruct", pp="4")
    whole = row_of("meta-llama/Llama-3.1-8B-Instruct", pp="1", dtype="bfloat16", quantization="")
    assert budget_of(row).weights > budget_of(whole).weights / 4 + 0.4 * GIB


def sequences_of(row, context):
    gpu = catalog.gpu(H100)
    assert gpu is not None
    return most_sequences(engine_of(row), gpu, int(row["tp"]), float(row["gpu_memory_utilization"]), context)


def start_with(row, sequences, context):
    gpu = catalog.gpu(H100)
    assert gpu is not None
    share = float(row["gpu_memory_utilization"])
    return memory_budget(engine_of(row), gpu, int(row["tp"]), sequences, share).start(context)


def test_the_most_sequences_start_and_one_more_may_not():
    row = row_of("Qwen/Qwen2.5-72B-Instruct")
    most = sequences_of(row, 8192)
    assert 1 < most < 8192
    assert start_with(row, most, 8192) == "starts"
    assert start_with(row, most + 1, 8192) != "starts"


def test_a_context_that_never_fits_leaves_no_sequences():
    assert sequences_of(row_of("Qwen/Qwen2.5-72B-Instruct"), 131072) == 0


@pytest.mark.parametrize(("vendor", "version"), [("AMD", "0.19.0"), ("NVIDIA", "0.21.0")])
def test_what_nobody_measured_is_doubted_more(vendor, version):
    gpu = catalog.gpu(H100)
    assert gpu is not None
    row = row_of("Qwen/Qwen3-8B")
    other = gpu.model_copy(update={"vendor": vendor})
    engine = engine_of({**row, "vllm_version": version})
    assert memory_budget(engine, other, 1, 1024, 0.95).margin > budget_of(row).margin + 0.4 * GIB


@pytest.mark.parametrize("share", [0.0, -1.0, 1.01, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="share is"):
        budget_of({**STARTUPS[0], "gpu_memory_utilization": str(share)})


@pytest.mark.parametrize("count", ["0", "-2"])
def test_no_gpus_are_refused(count):
    with pytest.raises(ValueError, match="tensor is"):
        budget_of({**STARTUPS[0], "tp": count})
