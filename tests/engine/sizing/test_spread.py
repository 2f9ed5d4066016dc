"""What the spread of lengths changes, and that more of it never makes a recommendation looser."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rorqual_engine.sizing.fit import Demand
from rorqual_engine.sizing.objectives import PROMPT_SPREAD, Objective, read_objectives
from rorqual_engine.sizing.performance import Load, points_of
from rorqual_engine.sizing.performance.artefact import shipped
from rorqual_engine.sizing.performance.law import values
from rorqual_engine.sizing.performance.work import work_of
from rorqual_engine.sizing.recommend import ask
from rorqual_engine.sizing.search import search
from rorqual_engine.sizing.spread import UNTOLD, Spread

from ..builders import A100, H100, LLAMA_8B, a_spec
from .cases import case_of, recommended
from .performance.settings import GOLDEN

PERCENTILES = (50, 90, 95, 99)
OBJECTIVES = {"ttft": {"p95": "5s"}, "tpot": {"p95": "80ms"}}
AZURE = {"inputTokens": 1155, "inputLengths": {"p50": 1020, "p90": 2735, "p95": 4083, "p99": 4142}}
squares = st.floats(1, 4)


def spec_with(**workload):
    hardware = [{"gpu": H100, "costPerHour": "2.50"}, {"gpu": A100, "costPerHour": "1.60"}]
    return a_spec(LLAMA_8B, workload={"requestsPerSecond": 8, **workload}, objectives=OBJECTIVES, hardware=hardware)


@st.composite
def widened(draw):
    """A spread that its mean allows, and one with some percentiles greater."""
    lengths = sorted(draw(st.lists(st.floats(0.05, 8), min_size=4, max_size=4)))
    ratios = [min(length, 100 / (100 - at)) for at, length in zip(PERCENTILES, lengths, strict=True)]
    kept = draw(st.lists(st.sampled_from(range(4)), min_size=1, unique=True).map(sorted))
    factors = [draw(st.floats(1, 3)) for _ in kept]
    wide, least = [], 0.0
    for place, factor in zip(kept, factors, strict=True):
        least = max(least, ratios[place] * factor)
        wide.append((PERCENTILES[place], least))
    return Spread(tuple((PERCENTILES[place], ratios[place]) for place in kept)), Spread(tuple(wide))


def best_of(question, prompts, answers):
    """The best alternative with those spreads."""
    limits = [Objective.at(one.signal, one.percentile, one.seconds, prompts) for one in question.objectives]
    return search(replace(question, prompts=prompts, answers=answers, objectives=tuple(limits))).best


def test_nothing_told_is_all_alike():
    assert UNTOLD.square == 1.0
    assert Spread(((50, 1.0), (99, 1.0))).square == pytest.approx(1.0)


def test_the_moment_of_a_uniform_length_is_that_of_the_textbook():
    """Of lengths between 0 and twice the mean: 4/3; of a power of u with exponent 2: 9/5."""
    uniform = Spread(tuple((at, 2 * at / 100) for at in PERCENTILES))
    assert uniform.square == pytest.approx(4 / 3, abs=0.001)
    squared = Spread(((99, 3 * 0.99**2),))
    assert squared.square == pytest.approx(9 / 5, abs=0.02)


@given(widened())
def test_more_spread_never_has_a_smaller_moment(pair):
    narrow, wide = pair
    assert wide.square >= narrow.square * (1 - 1e-9) >= 1 - 1e-9


@given(widened(), st.sampled_from(PERCENTILES))
def test_more_spread_never_scales_ttft_less(pair, percentile):
    narrow, wide = (Objective.at("ttft", percentile, 1.0, spread).spread for spread in pair)
    assert wide >= narrow >= 1


@given(widened())
def test_ttft_scales_in_the_order_of_percentiles(pair):
    factors = [Objective.at("ttft", at, 1.0, pair[0]).spread for at in PERCENTILES]
    assert factors == sorted(factors)


def test_ttft_scales_by_the_prompt_at_its_percentile():
    (told,) = read_objectives(a_spec(workload=AZURE, objectives={"ttft": {"p90": "2s"}}))
    assert told.spread == pytest.approx(2735 / 1155)
    (untold,) = read_objectives(a_spec(workload={"inputTokens": 1155}, objectives={"ttft": {"p90": "2s"}}))
    assert untold.spread == PROMPT_SPREAD[90]


def test_a_percentile_that_is_not_told_stays_between_its_neighbours():
    assert Spread(((50, 0.8), (99, 1.4))).at(95, 3.6) == 1.4
    assert Spread(((90, 5.0),)).at(95, 3.6) == 5.0
    assert Spread(((90, 1.5),)).at(95, 3.6) == 3.6


@given(
    st.sampled_from(sorted(GOLDEN)),
    st.tuples(st.floats(1, 512), st.floats(16, 16384), st.floats(4, 2048), st.floats(0, 0.9)),
    squares,
    squares,
    st.floats(1, 2),
)
def test_more_spread_never_makes_a_token_faster_while_all_run(name, load, prompts, answers, factor):
    loads = [Load(*load, prompts, answers), Load(*load, prompts * factor, answers * factor)]
    ttft, tpot, overload = values(points_of([GOLDEN[name]] * 2, loads), shipped())
    assume(overload[1] == 1.0)
    assert ttft[1] >= ttft[0] * (1 - 1e-9)
    assert tpot[1] >= tpot[0] * (1 - 1e-9)


def test_running_answers_are_length_biased():
    """Answers of 1 and of 1,999 tokens: nearly all that run are long ones, halfway on average."""
    setting = GOLDEN["8B on H100"]
    square = (1 + 1999**2) / 2 / 1000**2
    alike, mixed = (work_of(points_of([setting], [Load(4, 1000, 1000, answer_square=c)])) for c in (1.0, square))
    assert mixed.context[0] / alike.context[0] == pytest.approx((1000 + 1999 / 2) / 1500, rel=1e-3)
    assert mixed.prefill_attention[0] == alike.prefill_attention[0]


def test_attention_of_a_prefill_grows_with_the_second_moment():
    setting = GOLDEN["8B on H100"]
    alike, mixed = (work_of(points_of([setting], [Load(4, 1000, 100, prompt_square=c)])) for c in (1.0, 2.0))
    assert mixed.prefill_attention[0] == pytest.approx(2 * alike.prefill_attention[0])
    assert mixed.context[0] == alike.context[0]


def test_a_window_sees_no_more_of_a_longer_prompt():
    setting = replace(GOLDEN["gpt-oss"], model=replace(GOLDEN["gpt-oss"].model, full_layers=1))
    alike, mixed = (work_of(points_of([setting], [Load(4, 8000, 100, prompt_square=c)])) for c in (1.0, 3.0))
    layers, window = setting.model.layers, 35 * 128
    assert layers == 36
    assert mixed.prefill_attention[0] / alike.prefill_attention[0] == pytest.approx((12000 + window) / (4000 + window))


def test_a_cache_holds_fewer_sequences_of_spread_answers():
    alike, spread = (
        recommended(a_spec(workload={"inputTokens": 4000, "outputTokens": 4000, **more}))
        for more in ({}, {"outputLengths": {"p50": 1000, "p90": 12000}})
    )
    assert spread.configuration.max_concurrent_sequences < alike.configuration.max_concurrent_sequences


def test_the_longest_that_is_told_must_fit():
    spec = a_spec(workload={"inputTokens": 2000, "inputLengths": {"p99": 60_000}, "outputTokens": 500})
    case = case_of(spec)
    assert Demand.of(spec, case.engine, case.pins).least_tokens == 60_500


@settings(max_examples=40, deadline=None)
@given(widened(), widened(), st.sampled_from([8, 32, 128]))
def test_more_spread_never_gives_a_looser_recommendation(prompts, answers, sequences):
    """With the sequences given, as the levels that are tried otherwise move with what fits."""
    asked = ask(case_of(spec_with()))
    pinned = replace(asked, pins=replace(asked.pins, max_concurrent_sequences=sequences))
    narrow, wide = (best_of(pinned, *spreads) for spreads in zip(prompts, answers, strict=True))
    assert narrow is not None and wide is not None
    assert narrow.meets or not wide.meets
    if wide.meets:
        assert wide.expected.cost_per_hour >= narrow.expected.cost_per_hour
