"""Correcting the law: it gets nearer and surer, shrugs off wild points, and believes nothing that physics forbids."""

from dataclasses import replace

import numpy as np
import pytest

from rorqual_engine.observation import MeasurementError, Observation
from rorqual_engine.sizing.calibration import Calibration, Refusal, calibrate, corrected
from rorqual_engine.sizing.performance import Accelerator, Load, Setting, Shape, predict_many
from rorqual_engine.sizing.physics import active_parameters, contradiction, fastest_step_seconds

LLAMA = Shape("llama", 8.03e9, 32, 4096, 32, 8, 128, 128256)
H100 = Accelerator("NVIDIA-H100-80GB-HBM3", 989, 1979, 1979, 3352, 85, 450)
SETTING = Setting(LLAMA, H100, sequences=256)
INPUT, OUTPUT = 1024.0, 256.0
SEEN, UNSEEN = (1, 4, 16, 64), (2.0, 8.0, 32.0)


def truth(concurrency, setting=SETTING):
    """An engine that is slower than the law, the more so the busier it is: TTFT, TPOT, requests a second."""
    law = predict_many([setting], [Load(concurrency, INPUT, OUTPUT)]).at(0)
    ttft, tpot = 1.5 * law.ttft_seconds.value, (1.2 + 0.004 * concurrency) * law.tpot_seconds.value
    return ttft, tpot, concurrency / (ttft + tpot * (OUTPUT - 1))


def observed(concurrency, by=1.0):
    ttft, tpot, rate = truth(concurrency)
    return Observation(concurrency, INPUT, OUTPUT, ttft * by, tpot * by, rate / by)


def calibrated(*observations) -> Calibration:
    found = calibrate(SETTING, observations)
    assert isinstance(found, Calibration), found
    return found


def rates(calibration, concurrencies, load=(INPUT, OUTPUT)):
    at = np.array(concurrencies)
    law = predict_many([SETTING] * len(at), [Load(count, INPUT, OUTPUT) for count in at])
    return law.requests_per_second, corrected(law.requests_per_second, calibration.rate, calibration, load, at)


def test_unseen_concurrencies_come_within_ten_percent():
    _, found = rates(calibrated(*map(observed, SEEN)), UNSEEN)
    assert found.value == pytest.approx([truth(count)[2] for count in UNSEEN], rel=0.1)


def test_the_interval_shrinks_and_holds_the_truth():
    law, found = rates(calibrated(*map(observed, SEEN)), UNSEEN)
    assert (found.high / found.low < law.high / law.low).all()
    expected = np.array([truth(count)[2] for count in UNSEEN])
    assert (found.low < expected).all() and (expected < found.high).all()


def hit(concurrency, share, told=None):
    """What the law says where the prefix cache holds that share of the prompts."""
    law = predict_many([SETTING], [Load(concurrency, INPUT, OUTPUT, share)]).at(0)
    ttft, tpot = law.ttft_seconds.value, law.tpot_seconds.value
    return Observation(concurrency, INPUT, OUTPUT, ttft, tpot, law.requests_per_second.value, told)


def test_prompts_that_the_cache_held_are_no_faster_engine():
    """With the rate that the engine counted the law is right; without it, its TTFT would be taken to be too long."""
    told, untold = (calibrated(*[hit(count, 0.8, known) for count in SEEN]) for known in (0.8, None))
    at = np.array(SEEN, dtype=float)
    assert told.ttft.at(at)[0] == pytest.approx(np.zeros(4), abs=1e-6)
    assert (untold.ttft.at(at)[0] < -0.05).all()


def test_the_spec_has_the_word_where_an_engine_counts_no_hits():
    found = calibrate(SETTING, tuple(hit(count, 0.8) for count in SEEN), prefix_hit_rate=0.8)
    assert found.ttft.at(np.array([4.0]))[0] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_beyond_all_is_no_measurement(share):
    with pytest.raises(MeasurementError, match="prefix_hit_rate"):
        hit(4, 0.5, share)


def test_more_points_make_it_surer():
    few, many = calibrated(observed(16)), calibrated(*[observed(16)] * 8)
    assert many.tpot.covariance[0][0] < few.tpot.covariance[0][0]


def test_one_wild_point_moves_little():
    points = [*map(observed, SEEN), observed(24), observed(10)]
    wild = [*points, replace(observed(12), tpot_seconds=truth(12)[1] * 20, requests_per_second=truth(12)[2] / 20)]
    _, clean = rates(calibrated(*points), UNSEEN)
    _, found = rates(calibrated(*wild), UNSEEN)
    assert found.value == pytest.approx(clean.value, rel=0.05)


def test_no_scatter_is_believed_below_what_repeats():
    assert calibrated(*[observed(16)] * 8).tpot.scatter == pytest.approx(0.03)


def test_other_lengths_are_less_sure():
    calibration = calibrated(*map(observed, SEEN))
    _, same = rates(calibration, UNSEEN)
    _, other = rates(calibration, UNSEEN, (INPUT * 4, OUTPUT))
    assert (other.high / other.low > same.high / same.low).all()


def test_far_from_what_was_seen_is_less_sure():
    calibration = calibrated(*map(observed, (8, 10, 12)))
    _, found = rates(calibration, (10.0, 200.0))
    width = found.high / found.low
    assert width[1] > width[0]


def test_faster_than_its_memory_is_refused():
    impossible = [replace(observed(count), tpot_seconds=fastest_step_seconds(SETTING) / 2) for count in SEEN]
    found = calibrate(SETTING, tuple(impossible))
    assert isinstance(found, Refusal)
    assert "4 of 4 observations contradict physics" in found.message
    assert "3352 GB/s" in found.message


def test_one_impossible_point_is_left_out_and_told():
    points = (*map(observed, SEEN), replace(observed(8), tpot_seconds=1e-4))
    found = calibrate(SETTING, points)
    assert isinstance(found, Calibration)
    assert found.observations == 4 and len(found.dropped) == 1


def test_more_tokens_than_arithmetic_allows_are_refused():
    point = replace(observed(16), requests_per_second=1e4, tpot_seconds=1.0)
    assert "arithmetic of 1 NVIDIA-H100-80GB-HBM3 ends at" in contradiction(SETTING, point)


def test_figures_of_different_moments_are_refused():
    point = replace(observed(16), requests_per_second=observed(16).requests_per_second * 2)
    assert "by Little's law" in contradiction(SETTING, point)


def test_nothing_observed_teaches_nothing():
    assert calibrate(SETTING, ()) == Refusal("nothing was observed")


@pytest.mark.parametrize("figure", ["concurrency", "input_tokens", "output_tokens", "ttft_seconds", "tpot_seconds"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, -1.0])
def test_what_is_no_measurement_is_an_error_that_names_it(figure, value):
    with pytest.raises(MeasurementError, match=f"{figure} is .*expected a finite number above 0"):
        replace(observed(4), **{figure: value})


def test_only_active_experts_are_read():
    dense = active_parameters(SETTING)
    shape = replace(LLAMA, experts=8, active_experts=2, expert_size=1024, expert_layers=32)
    assert active_parameters(replace(SETTING, model=shape)) < dense
