"""Moments of lengths."""

import numpy as np
import pytest

from rorqual_engine.simulation.lengths import Exponential, Lognormal


def test_a_lognormals_median_and_sigma():
    found = Lognormal(6000, 0.8).draw(100_000, np.random.default_rng(0))
    assert np.median(found) == pytest.approx(6000, rel=0.02)
    assert np.log(found).std() == pytest.approx(0.8, rel=0.02)


def test_an_exponentials_mean():
    assert Exponential(200).draw(100_000, np.random.default_rng(0)).mean() == pytest.approx(200, rel=0.02)


@pytest.mark.parametrize("lengths", [Lognormal(6000, 3, longest=8000), Exponential(5000, longest=8000)])
def test_lengths_are_within_one_and_the_longest(lengths):
    found = lengths.draw(10_000, np.random.default_rng(0))
    assert (found.min() >= 1, found.max()) == (True, 8000)
