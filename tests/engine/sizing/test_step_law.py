"""Steps distilled from the performance law, and facts from a spec."""

import numpy as np
import pytest

from rorqual_engine import catalog
from rorqual_engine.fleet import Inventory
from rorqual_engine.simulation.facts import ITL_SECONDS, TTFT_SECONDS, facts_of
from rorqual_engine.simulation.policy import Facts
from rorqual_engine.sizing.performance import Load, predict_many
from rorqual_engine.sizing.performance.setting import Setting
from rorqual_engine.sizing.recommend import read_case
from rorqual_engine.sizing.speed import accelerator_of, shape_of
from rorqual_engine.sizing.step_law import LONG_ANSWER_TOKENS, step_timing
from rorqual_engine.timing import StepTiming

from ..builders import LLAMA_8B, a_spec

DENSE = [(LLAMA_8B, "NVIDIA-H100-80GB-HBM3", 1), ("meta-llama/Llama-3.1-70B-Instruct", "NVIDIA-H200", 4)]
MIXTURE = ("Qwen/Qwen3-30B-A3B", "NVIDIA-A100-SXM4-80GB", 1)
"""Its steps grow less than linearly with the batch: more and more experts are read already."""
LENGTHS = [(256, 64), (1024, 256), (4096, 512)]


def setting(model: str, gpu: str, tensor_parallel: int) -> Setting:
    known, found = catalog.model(model), catalog.gpu(gpu)
    assert known is not None and found is not None
    accelerator = accelerator_of(found, 1.0)
    assert accelerator is not None
    return Setting(shape_of(model, known.facts), accelerator, tensor_parallel=tensor_parallel, sequences=128)


def tpot_errors(ran: Setting, prompt: int, answer: int) -> np.ndarray:
    """Relative, at 1 to 128 sequences with long answers."""
    timing, at = step_timing(ran, prompt, answer), np.array([1.0, 4.0, 16.0, 64.0, 128.0])
    law = predict_many([ran] * len(at), [Load(n, prompt, LONG_ANSWER_TOKENS) for n in at]).tpot_seconds.value
    steps = np.array([timing.decode_seconds(n, n * (prompt + LONG_ANSWER_TOKENS / 2)) for n in at])
    return (steps + (at - 1) / LONG_ANSWER_TOKENS * timing.prefill_seconds(prompt)) / law - 1


@pytest.mark.parametrize(("prompt", "answer"), LENGTHS)
@pytest.mark.parametrize("ran", DENSE, ids=lambda ran: ran[0])
def test_decode_steps_are_within_15_percent_of_the_law_for_dense_models(ran, prompt, answer):
    assert np.abs(tpot_errors(setting(*ran), prompt, answer)).max() < 0.15


@pytest.mark.parametrize(("prompt", "answer"), LENGTHS)
def test_decode_steps_are_within_55_percent_of_the_law_for_a_mixture_of_experts(prompt, answer):
    assert np.abs(tpot_errors(setting(*MIXTURE), prompt, answer)).max() < 0.55


@pytest.mark.parametrize(("prompt", "answer"), LENGTHS)
@pytest.mark.parametrize("ran", [*DENSE, MIXTURE], ids=lambda ran: ran[0])
def test_what_a_longer_prompt_adds_is_within_10_percent_of_the_law(ran, prompt, answer):
    """From half to twice the workload's prompt. The law's TTFT of a prompt of no length is not the engine's work."""
    found = setting(*ran)
    timing = step_timing(found, prompt, answer)
    half, twice = predict_many(
        [found] * 2, [Load(1.0, prompt / 2, 16.0), Load(1.0, 2 * prompt, 16.0)]
    ).ttft_seconds.value
    added = timing.prefill_seconds(2 * prompt) - timing.prefill_seconds(prompt / 2)
    assert added == pytest.approx(twice - half, rel=0.1)


def test_coefficients_are_never_negative():
    timing = step_timing(setting(*MIXTURE), 4096, 512)
    assert timing.step_seconds > 0
    assert min(timing.sequence_seconds, timing.context_seconds, timing.prompt_seconds, timing.attention_seconds) >= 0


def test_a_steps_seconds():
    timing = StepTiming(0.01, 0.001, 1e-5, 1e-4, 1e-7)
    assert timing.decode_seconds(3, 500) == pytest.approx(0.01 + 0.003 + 0.005)
    assert timing.prefill_seconds(200, seen=100) == pytest.approx(0.02 + 1e-7 * 200 * (100 + 100))


def test_a_prompt_in_chunks_costs_as_much_as_whole():
    timing = StepTiming(0.01, prompt_seconds=1e-4, attention_seconds=1e-7)
    chunks = timing.prefill_seconds(300) + timing.prefill_seconds(200, seen=300)
    assert chunks == pytest.approx(timing.prefill_seconds(500))


def test_facts_are_those_of_the_recommendation():
    found = facts_of(a_spec(objectives={"ttft": {"p95": "1s"}, "tpot": {"p50": "30ms", "p99": "60ms"}}), 90.0)
    assert isinstance(found, Facts)
    assert (found.ttft_seconds, found.itl_seconds, found.startup_seconds) == (1.0, 0.06, 90.0)
    assert found.kv_tokens > 10_000 and found.sequences >= 1 and found.batched_tokens >= 1
    assert 0.001 < found.timing.step_seconds < 0.1


def test_without_objectives_there_are_common_ones():
    found = facts_of(a_spec(), 90.0)
    assert isinstance(found, Facts)
    assert (found.ttft_seconds, found.itl_seconds) == (TTFT_SECONDS, ITL_SECONDS)


def test_a_stall_passes_through():
    assert facts_of(a_spec("nobody/knows-it"), 90.0) == read_stall("nobody/knows-it")


def read_stall(model: str):
    return read_case(a_spec(model), Inventory.of(()), None)
