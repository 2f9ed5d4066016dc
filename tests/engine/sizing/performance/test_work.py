"""The work of a point, counted by hand."""

from dataclasses import replace

import numpy as np
import pytest

from rorqual_engine.sizing.performance import Load, Setting, points_of
from rorqual_engine.sizing.performance.coefficients import GUESSES, NAMES, SLOTS, coefficients_of, matrix_of
from rorqual_engine.sizing.performance.correction import REACH, Correction, terms_of
from rorqual_engine.sizing.performance.work import work_of

from .settings import B200, DEEPSEEK, GPT_OSS, H100, LLAMA_8B, QWEN_235B

ALONE = Load(1, 1000, 100)


def work(setting, load=ALONE):
    return work_of(points_of([setting], [load]))


def test_dense_weights_are_read_once_a_step():
    read = 8.03e9 - 128256 * 4096  # all but the table of input embeddings
    assert work(Setting(LLAMA_8B, H100)).dense_weights[0] == pytest.approx(2 * read / 3350e9)


def test_the_head_keeps_sixteen_bits():
    head = 128256 * 4096
    read = 8.03e9 - 2 * head + 2 * head  # the body at one byte, the head at two
    assert work(Setting(LLAMA_8B, H100, "fp8")).dense_weights[0] == pytest.approx(read / 3350e9)


def test_where_experts_have_four_bits_the_rest_has_sixteen():
    head, experts = 201088 * 2880, 3 * 2880 * 2880 * 128 * 36
    others = 116.8e9 - experts - head
    assert work(Setting(GPT_OSS, B200, "fp4")).dense_weights[0] == pytest.approx(2 * others / 7700e9)


def test_one_token_reads_its_experts_and_many_read_all():
    setting = Setting(QWEN_235B, H100, "fp8", tensor_parallel=8, sequences=1e6)
    experts = 3 * 4096 * 1536 * 128 * 94 / 8 / 3350e9
    assert work(setting).expert_weights[0] == pytest.approx(experts * 8 / 128)
    assert work(setting, Load(500, 100, 10)).expert_weights[0] == pytest.approx(experts, rel=0.01)


def test_heads_are_split_and_then_repeated():
    sizes = [work(Setting(LLAMA_8B, H100, tensor_parallel=n)).context[0] for n in (1, 2, 8, 16)]
    assert sizes[0] / sizes[1] == pytest.approx(2)
    assert sizes[2] == sizes[3]


def test_a_latent_cache_is_the_same_on_every_gpu():
    one, eight = (work(Setting(DEEPSEEK, B200, "fp8", tensor_parallel=n)).context[0] for n in (4, 8))
    assert one == eight == pytest.approx(61 * 1050 * 576 * 2 / 7700e9)


def test_windows_bound_the_context_of_their_layers():
    short, long = (work(Setting(GPT_OSS, B200, "fp4"), Load(1, n, 2)).context[0] for n in (10_000, 20_000))
    assert long - short == pytest.approx(18 * 10_000 * 2 * 8 * 64 * 2 / 7700e9)


def test_a_single_gpu_exchanges_nothing():
    assert work(Setting(LLAMA_8B, H100)).exchanges[0] == 0
    assert work(Setting(LLAMA_8B, H100, tensor_parallel=2)).exchanges[0] == 64


def test_four_bit_weights_are_unpacked_where_there_are_no_such_units():
    hopper, half = work(Setting(LLAMA_8B, H100, "fp4")), work(Setting(LLAMA_8B, H100))
    assert hopper.prefill_matrices[0] == half.prefill_matrices[0]
    assert hopper.dense_weights[0] < half.dense_weights[0] / 3


def test_the_engines_limit_and_the_cache_bound_what_runs():
    limited = replace(Setting(LLAMA_8B, H100), sequences=16)
    found = work(limited, Load(500, 1000, 100))
    assert found.running[0] == 16 < found.capacity[0]


def test_a_pipeline_shares_out_the_requests():
    one, two = (work(Setting(LLAMA_8B, H100, pipeline_parallel=n), Load(32, 1000, 100)).each[0] for n in (1, 2))
    assert one == 2 * two


def test_coefficients_differ_by_runtime_alone_where_nothing_else_does():
    points = points_of([Setting(LLAMA_8B, H100, runtime=name) for name in ("vllm", "sglang")], [Load(1, 10, 10)] * 2)
    slot = next(n for n, (row, place) in enumerate(SLOTS) if row == 2 and NAMES[place] == "layer_us")
    found = coefficients_of(points, matrix_of(GUESSES + np.log(2.0) * (np.arange(len(SLOTS)) == slot)))
    assert found["layer_us"] == pytest.approx([30.0, 60.0])
    assert found["step_us"] == pytest.approx([800.0, 800.0])


def test_the_correction_does_not_reach_beyond_what_it_saw():
    one = Correction(np.zeros(2), np.ones(2), np.ones(5))
    far, edge = one.of(np.array([[100.0, 0.0]])), one.of(np.array([[REACH, 0.0]]))
    assert far == edge == REACH + REACH**2


def test_terms_are_the_figures_and_their_products():
    assert terms_of(np.array([[1.0, 2.0]]), np.zeros(2), np.ones(2)).tolist() == [[1.0, 2.0, 1.0, 2.0, 4.0]]
