"""Rates and quantiles from cumulative figures."""

import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine.snapshot import EngineMetrics, Quantiles
from rorqual_operator.observe.metrics.normalise import growth, increase, merge, normalise, quantile, quantiles

from .samples import INF, sample

BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], 0), ([5], 0), ([5, 8], 3), ([5, 8, 2, 4], 7), ([5, 0], 0), ([5, 5], 0)],
)
def test_increase_goes_through_resets(values: list[float], expected: float) -> None:
    assert increase(values) == expected


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20), st.integers(0, 20))
def test_increase_is_what_was_counted_wherever_the_engine_restarted(steps: list[int], restart: int) -> None:
    counts, total = [0], 0
    for number, step in enumerate(steps):
        total = (0 if number == restart else total) + step
        counts.append(total)
    assert increase(counts) <= sum(steps)
    if restart >= len(steps):
        assert increase(counts) == sum(steps)


def test_growth_bucket_by_bucket() -> None:
    assert growth([{0.1: 1, INF: 2}, {0.1: 4, INF: 9}]) == {0.1: 3, INF: 7}


def test_buckets_that_stay_as_they_are_grow_by_nothing() -> None:
    assert growth([{0.1: 5, INF: 6}, {0.1: 5, INF: 6}]) == {0.1: 0, INF: 0}
    assert growth([{0.1: 5, INF: 6}, {0.1: 5, INF: 9}]) == {0.1: 0, INF: 3}


def test_reset_of_one_bucket_resets_all() -> None:
    assert growth([{0.1: 5, INF: 6}, {0.1: 0, INF: 8}]) == {0.1: 0, INF: 8}


def test_growth_of_one_reading_is_nothing() -> None:
    assert growth([{0.1: 5, INF: 6}]) == {}


def test_growth_over_the_bounds_that_all_share() -> None:
    assert growth([{0.1: 0, 0.2: 0, INF: 0}, {0.1: 1, INF: 2}]) == {0.1: 1, INF: 2}


@pytest.mark.parametrize(
    ("q", "expected"),
    [(0.0, 0.0), (0.25, 0.1), (0.5, 0.175), (0.75, 0.25), (0.9, 0.25), (1.0, 0.25)],
)
def test_quantile_by_hand(q: float, expected: float) -> None:
    # 40 observations, 10 up to 0.1 s, 20 more up to 0.25 s, 10 beyond.
    assert quantile(q, {0.1: 10, 0.25: 30, INF: 40}) == pytest.approx(expected)


@pytest.mark.parametrize("buckets", [{}, {INF: 4}, {0.1: 0, INF: 0}, {0.1: 1, 0.2: 2}])
def test_no_quantile(buckets: dict[float, float]) -> None:
    assert quantile(0.5, buckets) is None


def test_empty_buckets_are_stepped_over() -> None:
    assert quantile(0.5, {0.1: 0, 0.25: 0, 0.5: 10, INF: 10}) == pytest.approx(0.375)
    assert quantile(0.0, {0.1: 0, 0.25: 0, 0.5: 10, INF: 10}) == pytest.approx(0.1)


def test_quantile_of_fine_buckets_is_near_numpys() -> None:
    observed = numpy.random.default_rng(7).gamma(2.0, 0.2, size=2000)
    bounds = numpy.linspace(0.005, 5, 1000)
    buckets = {float(bound): float((observed <= bound).sum()) for bound in bounds} | {INF: 2000.0}
    for q in (0.5, 0.9, 0.95, 0.99):
        assert quantile(q, buckets) == pytest.approx(numpy.quantile(observed, q), abs=0.01)


@st.composite
def histograms(draw: st.DrawFn) -> dict[float, float]:
    counts = draw(st.lists(st.integers(0, 50), min_size=6, max_size=6).filter(any))
    return dict(zip((*BOUNDS, INF), numpy.cumsum(counts).tolist(), strict=True))


@given(histograms(), st.floats(0, 1), st.floats(0, 1))
def test_quantile_grows_with_q_and_stays_within_the_bounds(buckets: dict[float, float], a: float, b: float) -> None:
    low, high = quantile(min(a, b), buckets), quantile(max(a, b), buckets)
    assert low is not None and high is not None
    assert 0 <= low <= high + 1e-12 <= BOUNDS[-1] + 1e-9


@given(histograms(), st.floats(0.01, 1))
def test_quantile_is_in_the_bucket_of_its_rank(buckets: dict[float, float], q: float) -> None:
    found = quantile(q, buckets)
    below = sum(bound < found - 1e-12 for bound in BOUNDS) - 1
    reached = buckets[BOUNDS[below]] if below >= 0 else 0
    assert found is not None
    assert reached <= q * buckets[INF] + 1e-9


@given(st.lists(histograms(), min_size=1, max_size=4))
def test_merged_histograms_hold_everything(found: list[dict[float, float]]) -> None:
    merged = merge(found)
    assert merged[INF] == sum(one[INF] for one in found)
    assert [merged[bound] for bound in BOUNDS] == sorted(merged[bound] for bound in BOUNDS)


def test_merge_leaves_silent_pods_out() -> None:
    assert merge([{}, {0.1: 1, INF: 2}]) == {0.1: 1, INF: 2}
    assert merge([]) == {}


def test_quantiles_of_nothing() -> None:
    assert quantiles({}) == Quantiles()


def test_rates_are_per_second_of_the_window() -> None:
    counters = [{"requests": 10.0, "prompt_tokens": 0.0}, {"requests": 40.0, "prompt_tokens": 6000.0}]
    found = normalise([sample(100, counters=counters[0]), sample(160, counters=counters[1])])
    assert found.window_seconds == 60
    assert (found.requests_per_second, found.prompt_tokens_per_second) == (0.5, 100)
    assert found.preemptions_per_second is None


def test_restart_within_the_window_does_not_make_rates_negative() -> None:
    found = normalise([sample(at, counters={"requests": count}) for at, count in ((0, 100.0), (30, 130.0), (60, 6.0))])
    assert found.requests_per_second == pytest.approx(36 / 60)


def test_one_sample_has_gauges_and_no_rates() -> None:
    found = normalise([sample(5, counters={"requests": 10.0}, histograms={"ttft": {0.1: 1.0, INF: 1.0}})])
    assert (found.observed_at, found.window_seconds, found.requests_per_second) == (5, 0, None)
    assert found.ttft == Quantiles()


def test_latency_is_that_of_the_window_alone() -> None:
    slow_then_fast = [{0.1: 0.0, 1.0: 500.0, INF: 500.0}, {0.1: 10.0, 1.0: 510.0, INF: 510.0}]
    found = normalise([sample(at, histograms={"ttft": reading}) for at, reading in enumerate(slow_then_fast)])
    assert found.ttft.p99_seconds is not None
    assert found.ttft.p99_seconds <= 0.1


def test_gauges_are_those_of_the_last_sample() -> None:
    last = {"running": 3.0, "waiting": 1.0, "kv_use": 0.25}
    found = normalise([sample(0), sample(10, gauges=last)])
    assert (found.running, found.waiting, found.kv_use) == (3, 1, 0.25)
    assert math.isclose(found.age_seconds(12), 2)


def worked(*rows: tuple[float, float, float]) -> EngineMetrics:
    """Of (running, prompt tokens, generated tokens) every ten seconds."""
    samples = [
        sample(
            10.0 * place,
            gauges={"running": running, "waiting": 0.0},
            counters={"prompt_tokens": prompts, "generation_tokens": made},
        )
        for place, (running, prompts, made) in enumerate(rows)
    ]
    return normalise(samples)


def working(*rows: tuple[float, float, float]) -> float | None:
    return worked(*rows).stalled_seconds


def idle(*rows: tuple[float, float, float]) -> float | None:
    return worked(*rows).idle_seconds


def test_at_rest_it_is_idle_since_the_last_token_or_request() -> None:
    assert idle((1, 10, 5), (0, 10, 6), (0, 10, 6), (0, 10, 6)) == 20
    assert idle((0, 10, 5), (0, 10, 6)) == 0
    assert idle((0, 10, 5), (0, 10, 5), (1, 10, 5)) == 0
    assert idle((0, 10, 5)) is None


def test_a_token_is_progress() -> None:
    assert working((3, 10, 5), (3, 10, 6)) == 0
    assert working((3, 10, 5), (3, 11, 5)) == 0


def test_without_one_it_stands_still_since_the_last() -> None:
    assert working((3, 10, 5), (3, 10, 6), (3, 10, 6), (2, 10, 6)) == 20


def test_at_rest_nothing_stands_still() -> None:
    assert working((0, 10, 5), (0, 10, 5), (1, 10, 5)) == 0
    assert working((1, 10, 5), (0, 10, 5), (1, 10, 5), (1, 10, 5)) == 10


def test_a_restart_is_progress() -> None:
    assert working((3, 10, 5), (3, 0, 0)) == 0


def test_of_one_sample_or_without_counters_nothing_is_known() -> None:
    assert working((3, 10, 5)) is None
    assert normalise([sample(0), sample(10)]).stalled_seconds is None


def test_the_mean_between_tokens_is_exact_over_the_window() -> None:
    """By hand: 4 s over 200 tokens; after a restart what it has since counts."""
    rows = [{"tpot_seconds": 10.0, "tpot_tokens": 500.0}, {"tpot_seconds": 14.0, "tpot_tokens": 700.0}]
    assert normalise([sample(10 * n, counters=row) for n, row in enumerate(rows)]).tpot_mean_seconds == 0.02
    rows[1] = {"tpot_seconds": 3.0, "tpot_tokens": 100.0}
    assert normalise([sample(10 * n, counters=row) for n, row in enumerate(rows)]).tpot_mean_seconds == 0.03
    assert normalise([sample(10 * n, counters=rows[0]) for n in range(2)]).tpot_mean_seconds is None


@pytest.mark.parametrize(
    ("before", "after", "rate"),
    [
        ({"prefix_queries": 0, "prefix_hits": 0}, {"prefix_queries": 200, "prefix_hits": 150}, 0.75),
        ({"prefix_queries": 5, "prefix_hits": 5}, {"prefix_queries": 5, "prefix_hits": 5}, None),
        ({}, {}, None),
    ],
)
def test_share_of_prompts_that_the_prefix_cache_held(
    before: dict[str, float], after: dict[str, float], rate: float | None
) -> None:
    gauges = {"running": 0.0, "waiting": 0.0}
    found = normalise([sample(0, counters=before, gauges=gauges), sample(10, counters=after, gauges=gauges)])
    assert found.prefix_hit_rate == rate
