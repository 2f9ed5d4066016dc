"""What the law must say whatever the fit found."""

from dataclasses import replace

import numpy as np
import pytest

from rorqual_engine.sizing.performance import Load, points_of, predict, predict_many
from rorqual_engine.sizing.performance.physics import roofline

from .settings import DEEPSEEK, GOLDEN, H100, LLAMA_8B, Setting

SMALL = Setting(LLAMA_8B, H100, "fp8")
CHAT = Load(16, 1024, 512)
every_setting = pytest.mark.parametrize("setting", GOLDEN.values(), ids=GOLDEN)


@every_setting
def test_an_interval_holds_its_value(setting):
    found = predict(setting, CHAT)
    for interval in (found.ttft_seconds, found.tpot_seconds, found.tokens_per_second, found.requests_per_second):
        assert 0 < interval.low < interval.value < interval.high


@every_setting
def test_many_are_predicted_as_one_by_one(setting):
    loads = [Load(c, 2000, 300) for c in (1, 7, 60, 500)]
    together = predict_many([setting] * len(loads), loads)
    assert len(together) == len(loads)
    for place, load in enumerate(loads):
        assert together.at(place).tpot_seconds.value == pytest.approx(predict(setting, load).tpot_seconds.value)


@every_setting
def test_throughput_obeys_littles_law(setting):
    found = predict(setting, CHAT)
    stay = found.ttft_seconds.value + found.tpot_seconds.value * (CHAT.output_tokens - 1)
    assert found.requests_per_second.value == pytest.approx(CHAT.concurrency / stay)
    assert found.tokens_per_second.value == pytest.approx(found.requests_per_second.value * CHAT.output_tokens)


@every_setting
def test_more_requests_make_each_token_slower(setting):
    found = predict_many([setting] * 5, [Load(c, 1024, 512) for c in (1, 4, 16, 64, 128)])
    assert np.all(np.diff(found.tpot_seconds.value) >= 0)
    assert found.tpot_seconds.value[-1] > 1.5 * found.tpot_seconds.value[0]


@every_setting
def test_nothing_is_faster_than_the_data_sheet(setting):
    ttft, tpot = roofline(points_of([setting], [CHAT]))
    found = predict(setting, CHAT)
    assert found.tpot_seconds.high > tpot[0]
    assert found.ttft_seconds.high > ttft[0]


@pytest.mark.parametrize(("metric"), ["ttft_seconds", "tpot_seconds"])
def test_more_bandwidth_and_arithmetic_are_faster(metric):
    faster = replace(H100, dense_tflops=2 * 989, fp8_tflops=2 * 1979, bandwidth_gb=6700)
    slow, fast = predict(SMALL, CHAT), predict(replace(SMALL, gpu=faster), CHAT)
    assert getattr(fast, metric).value < getattr(slow, metric).value


def test_a_longer_prompt_waits_longer():
    short, long = predict(SMALL, Load(8, 500, 200)), predict(SMALL, Load(8, 8000, 200))
    assert long.ttft_seconds.value > 2 * short.ttft_seconds.value


def test_a_cached_prefix_spares_prefill():
    cold, warm = Load(16, 8000, 200), Load(16, 8000, 200, prefix_hit_rate=0.9)
    assert predict(SMALL, warm).ttft_seconds.value < predict(SMALL, cold).ttft_seconds.value / 1.5


def test_accepted_drafts_make_tokens_cheaper():
    plain, drafted = predict(SMALL, CHAT), predict(replace(SMALL, accepted_tokens=2.0), CHAT)
    assert drafted.tpot_seconds.value < 0.7 * plain.tpot_seconds.value


def test_requests_without_a_place_queue_for_the_first_token():
    free, tight = predict(SMALL, Load(64, 1000, 500)), predict(replace(SMALL, sequences=16), Load(64, 1000, 500))
    assert tight.ttft_seconds.value > 10 * free.ttft_seconds.value
    assert tight.tpot_seconds.value < free.tpot_seconds.value


def test_the_kv_cache_bounds_what_runs():
    narrow = Setting(LLAMA_8B, replace(H100, memory_gb=24))  # holds the weights, and two such requests
    found = predict_many([narrow] * 2, [Load(2, 8000, 500), Load(64, 8000, 500)])
    assert found.ttft_seconds.value[1] > 20 * found.ttft_seconds.value[0]


def test_tensor_parallel_shortens_a_step_but_not_without_limit():
    one, two = (predict(replace(SMALL, tensor_parallel=n), CHAT).tpot_seconds.value for n in (1, 2))
    assert one / 2 < two < one


def test_attention_ranks_have_requests_of_their_own():
    ranks = Setting(DEEPSEEK, H100, "fp8", data_parallel=8, expert_parallel=8)
    found = predict_many([ranks] * 2, [Load(8, 1000, 100), Load(64, 1000, 100)])
    assert found.tpot_seconds.value[1] < 3 * found.tpot_seconds.value[0]


def test_settings_without_loads_are_refused():
    with pytest.raises(ValueError, match="2 settings but 1 loads"):
        predict_many([SMALL, SMALL], [CHAT])


def test_a_gpu_in_doubt_has_wider_intervals_and_the_same_value():
    known, unseen = (predict(Setting(LLAMA_8B, replace(H100, doubt=doubt)), Load(8, 500, 100)) for doubt in (0.0, 0.8))
    assert unseen.tpot_seconds.value == known.tpot_seconds.value
    assert unseen.tpot_seconds.low < known.tpot_seconds.low < known.tpot_seconds.high < unseen.tpot_seconds.high


def test_a_gpu_that_reaches_less_of_its_peaks_is_slower():
    full, less = (predict(Setting(LLAMA_8B, replace(H100, reached=part)), Load(1, 500, 100)) for part in (1.0, 0.77))
    assert full.tpot_seconds.value < less.tpot_seconds.value < full.tpot_seconds.value / 0.77
