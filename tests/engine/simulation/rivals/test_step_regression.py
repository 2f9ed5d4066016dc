import pytest

from rorqual_engine.simulation.rivals.step_regression import SAMPLES, Step, StepRegression, engines_of
from rorqual_engine.timing import StepTiming

from ..seeing import facts, view

LINEAR = StepTiming(0.01, 0, 1e-7, 4e-5)


def regression(**given):
    return StepRegression(facts(timing=LINEAR, **given))


def test_finds_a_linear_law():
    assert regression().seconds(1000, 10_000) == pytest.approx(0.01 + 0.04 + 0.001)


def test_ttft_is_steps_full_of_prompts_and_a_rest():
    found = regression().ttft(queued_tokens=8192, decode_kv_tokens=0)
    assert found == pytest.approx(0.01 + 8192 * 4e-5 + 0.01 + 1024 * 4e-5)


def test_best_rate_at_the_most_sequences():
    rate = regression().best_rate(1000, 100)
    seconds = 0.01 + 640 * 4e-5 + 64 * 1050 * 1e-7
    assert (rate.requests_per_second, rate.itl_seconds) == pytest.approx((64 / (100 * seconds), seconds))


def test_best_rate_where_itl_is_the_limit():
    rate = regression(itl_seconds=0.02).best_rate(1000, 100)  # 0.01 + b * 5.05e-4 <= 0.02
    assert rate.requests_per_second == pytest.approx(19 / (100 * (0.01 + 19 * 5.05e-4)))


def test_one_sequence_where_no_batch_keeps_the_objectives():
    rate = regression(itl_seconds=0.001).best_rate(1000, 100)
    assert rate.requests_per_second == pytest.approx(1 / (100 * (0.01 + 5.05e-4)))


def test_no_rate_without_lengths():
    assert regression().best_rate(0, 100) is None


def test_more_load_never_takes_less_time():
    model = StepRegression(facts(timing=StepTiming(0.01, 0, 1e-7, 1e-9)))
    assert model.ready
    for _ in range(SAMPLES):
        model.add(Step(0, 0, 1, 1.0))
    assert not model.ready


def test_a_crowd_of_like_steps_leaves_the_others():
    model = regression()
    for _ in range(10 * SAMPLES):
        model.add(Step(0, 1000, 1, 0.0101))
    assert model.seconds(4096, 1000) == pytest.approx(0.01 + 4096 * 4e-5 + 1e-4)


def test_an_engine_prefills_what_a_step_has_room_for():
    (engine,) = engines_of(view([8], kv_use=[0.1], waiting_tokens=[10_000]), facts(timing=LINEAR))
    assert (engine.step.prefill_tokens, engine.queued_prefill_tokens) == (8184, 1816)
    assert engine.step.seconds == pytest.approx(0.01 + 10_000 * 1e-7 + 8184 * 4e-5)
