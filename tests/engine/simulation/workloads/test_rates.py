"""Each recipe's rates over time and its lengths, by fixed seeds."""

from itertools import pairwise

import numpy as np
import pytest

from rorqual_engine.simulation.requests import Requests
from rorqual_engine.simulation.workloads import workload
from rorqual_engine.simulation.workloads.shapes import burst_curve

SEEDS = range(40)
STAIRS = {20.0 * step: 1.0 + step for step in range(9)}


def mean_rate(name: str, begin: float, end: float, seeds: range = SEEDS) -> float:
    """Requests a second between two times, over draws of several seeds."""
    counts = [
        np.sum((begin <= at) & (at < end)) for at in (workload(name).draw(seed).arrival_seconds for seed in seeds)
    ]
    return float(np.mean(counts)) / (end - begin)


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("gym-flat", {0.0: 5.6}),
        ("gym-staircase", STAIRS),
        ("gym-decode-staircase", STAIRS),
        ("gym-square-wave", {20.0 * half: (1.0, 10.0)[half % 2] for half in range(9)}),
        ("gym-flash-crowd", {0.0: 3.0, 80.0: 30.0, 95.0: 3.0}),
        ("gym-shared-prefix", {0.0: 5.6}),
    ],
)
def test_levels_of_the_recipes(name: str, levels: dict[float, float]):
    """Within five standard deviations of a Poisson count."""
    begins = [*levels, 180.0]
    for begin, end in pairwise(begins):
        expected = levels[begin]
        deviation = (expected / (end - begin) / len(SEEDS)) ** 0.5
        assert mean_rate(name, begin, end) == pytest.approx(expected, abs=5 * deviation)


def test_the_diurnal_recipe_is_high_in_its_first_half():
    """The mean of half a sine is 2/pi of its height."""
    high, low = mean_rate("gym-diurnal", 0, 90), mean_rate("gym-diurnal", 90, 180)
    assert (high, low) == pytest.approx((5.6 + 8 / np.pi, 5.6 - 8 / np.pi), rel=0.05)


def lengths(name: str) -> tuple[float, float, float, float]:
    """Median and sigma of prompts, and of answers."""
    draws = [workload(name).draw(seed) for seed in range(20)]
    prompts = np.concatenate([one.input_tokens for one in draws])
    answers = np.concatenate([one.output_tokens for one in draws])
    return float(np.median(prompts)), np.log(prompts).std(), float(np.median(answers)), np.log(answers).std()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gym-diurnal", (6000, 0.8, 34, 0.5)),
        ("gym-flat", (6000, 0.8, 34, 0.5)),
        ("gym-decode-staircase", (200, 0.5, 600, 0.5)),
    ],
)
def test_lengths_of_the_recipes(name: str, expected: tuple[float, ...]):
    assert lengths(name) == pytest.approx(expected, rel=0.05)


def test_a_shared_prefix_is_cached_as_far_as_a_prompt_goes():
    found = workload("gym-shared-prefix").draw(0)
    assert np.array_equal(found.cached_tokens, np.minimum(3000, found.input_tokens - 1))


@pytest.mark.parametrize(
    ("name", "begin", "end", "rate"),
    [
        ("steady", 0, 3600, 20.0),
        ("step", 0, 1200, 4.0), ("step", 1200, 1800, 40.0), ("step", 1800, 3600, 4.0),
        ("step-startup", 0, 600, 2.0), ("step-startup", 600, 1200, 20.0), ("step-startup", 1200, 1800, 2.0),
        ("ramp", 600, 2100, 22.0), ("ramp", 2100, 2700, 40.0), ("ramp", 2700, 3600, 22.0),
        ("cycles", 0, 1200, 22.0), ("cycles", 300, 900, 22.0 + 36 / np.pi),
        ("composition-shift", 0, 1800, 8.0), ("composition-shift", 1800, 3600, 8.0),
    ],
)  # fmt: skip
def test_levels_of_the_hour(name: str, begin: float, end: float, rate: float):
    seeds = range(4)
    deviation = (rate / (end - begin) / len(seeds)) ** 0.5
    assert mean_rate(name, begin, end, seeds) == pytest.approx(rate, abs=5 * deviation)


def test_the_composition_shifts_in_the_middle():
    found = workload("composition-shift").draw(0)
    first, last = found.arrival_seconds < 1200, found.arrival_seconds >= 2400
    assert np.median(found.input_tokens[first]) == pytest.approx(4000, rel=0.05)
    assert np.median(found.output_tokens[first]) == pytest.approx(50, rel=0.05)
    assert np.median(found.input_tokens[last]) == pytest.approx(300, rel=0.05)
    assert np.median(found.output_tokens[last]) == pytest.approx(1000, rel=0.05)


@pytest.mark.parametrize("seed", range(10))
def test_bursts_are_as_high_and_as_long_as_it_says(seed: int):
    curve = burst_curve(np.random.default_rng(seed))
    rates, lasting = np.diff(curve.expected) / np.diff(curve.seconds), np.diff(curve.seconds)
    assert rates[0::2] == pytest.approx(np.full(7, 8.0))
    assert np.all((rates[1::2] >= 16.0 - 1e-9) & (rates[1::2] <= 40.0 + 1e-9))
    assert np.all((lasting[1::2] >= 20.0 - 1e-9) & (lasting[1::2] <= 120.0 + 1e-9))
    assert lasting[0] >= 300.0


def test_bursty_gaps_vary_twice_as_much_as_poisson_ones():
    gaps = np.diff(first_minutes(workload("bursts").draw(0)))
    assert gaps.std() / gaps.mean() == pytest.approx(2.0, rel=0.15)


def first_minutes(requests: Requests) -> np.ndarray:
    return requests.arrival_seconds[requests.arrival_seconds < 300.0]
