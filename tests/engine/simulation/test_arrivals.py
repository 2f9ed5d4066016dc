"""Arrivals: how many, how bursty, when."""

import numpy as np
import pytest

from rorqual_engine.simulation.arrivals import RateCurve, arrivals, weibull_shape


def test_gaps_have_the_coefficient_of_variation(subtests):
    curve = RateCurve.of_steps([0.0], [20.0], 5000.0)
    for family in ("gamma", "weibull"):
        for cv in (0.5, 1.0, 2.0):
            with subtests.test(family=family, cv=cv):
                gaps = np.diff(arrivals(curve, np.random.default_rng(5), cv, family))
                assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.05)


def test_poisson_counts_vary_as_much_as_their_mean():
    at = arrivals(RateCurve.of_steps([0.0], [10.0], 20_000.0), np.random.default_rng(5))
    counts, _ = np.histogram(at, np.arange(0, 20_001, 1))
    assert counts.mean() == pytest.approx(10.0, rel=0.02)
    assert counts.var() == pytest.approx(10.0, rel=0.05)


def test_the_first_seconds_have_the_rate_too():
    """A renewal process that begins with a gap at 0 has fewer or more; means over many seeds."""
    curve = RateCurve.of_steps([0.0], [1.0], 20.0)
    counts = [np.sum(arrivals(curve, np.random.default_rng(seed), 3.0) < 5.0) for seed in range(2000)]
    assert np.mean(counts) == pytest.approx(5.0, abs=5 * np.std(counts) / len(counts) ** 0.5)


def test_a_function_has_its_integral():
    curve = RateCurve.of_function(lambda at: 2 * at, 100.0)
    assert curve.expected[-1] == pytest.approx(100.0**2)
    assert np.interp(50.0, curve.seconds, curve.expected) == pytest.approx(50.0**2)


def test_nothing_arrives_where_the_rate_is_zero():
    at = arrivals(RateCurve.of_steps([0.0, 10.0, 20.0], [5.0, 0.0, 5.0], 30.0), np.random.default_rng(1))
    assert not np.any((at > 10.0) & (at < 20.0))
    assert np.any(at < 10.0) and np.any(at > 20.0)


@pytest.mark.parametrize("cv", [0.3, 1.0, 3.0])
def test_a_weibull_shape_gives_its_cv(cv: float):
    drawn = np.random.default_rng(0).weibull(weibull_shape(cv), 2_000_000)
    assert drawn.std() / drawn.mean() == pytest.approx(cv, rel=0.02)


def test_weibull_of_cv_one_is_exponential():
    assert weibull_shape(1.0) == pytest.approx(1.0)


@pytest.mark.parametrize("cv", [0.0, -1.0, float("nan")])
def test_a_cv_of_zero_or_less_is_refused(cv: float):
    with pytest.raises(ValueError, match="cv must be above 0"):
        arrivals(RateCurve.of_steps([0.0], [1.0], 10.0), np.random.default_rng(0), cv)


def test_a_cv_beyond_a_weibull_is_refused():
    with pytest.raises(ValueError, match="weibull: cv must be within"):
        weibull_shape(1e9)


@pytest.mark.parametrize(("begins", "rates"), [([0.0, 5.0], [1.0, -1.0]), ([0.0, 20.0], [1.0, 1.0])])
def test_rates_below_zero_and_begins_out_of_order_are_refused(begins, rates):
    with pytest.raises(ValueError, match="arrivals: rates must be 0 or more"):
        RateCurve.of_steps(begins, rates, 10.0)
