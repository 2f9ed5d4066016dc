"""Correcting the performance law for one service by what its engines showed: Bayesian, robust, never against physics.

The law's prediction is multiplied with exp(f), where f is a constant plus a smooth function of the logarithm of the
concurrency: weights of bumps 1.5 apart. Prior: independent normal weights such that f has the law's own deviation
everywhere, half of its variance common to all concurrencies; or a greater one, where the observations prove the law
that wrong. Observed logarithms are fitted by least squares reweighted after Student's t with four degrees of freedom
(Lange, Little and Taylor 1989), from a start of least absolute deviations, so that a minority of wild points moves
nothing. What remains uncertain (the posterior, the scatter of the points, and the law's own deviation for other lengths
of prompts and answers) is the new interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rorqual_engine.observation import Observation
from rorqual_engine.plan import Replica
from rorqual_engine.sizing.performance import Intervals, Load, Setting, predict_many
from rorqual_engine.sizing.performance.prediction import INTERVAL_DEVIATIONS, Array
from rorqual_engine.sizing.physics import contradiction
from rorqual_engine.sizing.spread import UNTOLD, Spread

CENTRES = np.arange(0.0, 10.0, 1.5)
"""Of the bumps, in logarithms of concurrency: 1 to 8,000 requests."""
BUMP_WIDTH = 1.5
LEAST_SCATTER = 0.03
"""No measurement of a latency repeats better than to 3 %."""
FIRST_SCATTER = 0.1
DEGREES_OF_FREEDOM = 4.0
ROUNDS = 12
MOST_REFUSED = 1 / 3
"""Share of observations against physics from which on none of them is believed."""


@dataclass(frozen=True, slots=True)
class Correction:
    """The correction of one figure, as weights of the basis; normal with this mean and covariance."""

    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    scatter: float
    """Deviation of single observations."""

    def at(self, concurrency: Array) -> tuple[Array, Array]:
        """Logarithm of the factor and its deviation, at concurrencies."""
        basis = _basis(np.log(concurrency))
        variance = np.einsum("ij,jk,ik->i", basis, np.array(self.covariance), basis)
        factor: Array = basis @ np.array(self.mean)
        deviation: Array = np.sqrt(variance + self.scatter**2)
        return factor, deviation


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is corrected, for one kind of replica alone."""

    replica: Replica
    input_tokens: float
    """Mean over the observations."""
    output_tokens: float
    ttft: Correction
    tpot: Correction
    rate: Correction
    """Of requests a second: means follow other ways than the medians of latencies."""
    observations: int
    dropped: tuple[str, ...] = ()
    """Observations that physics forbids, and why."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why observations are not believed."""

    message: str


@lru_cache(maxsize=2048)
def calibrate(
    setting: Setting,
    observations: tuple[Observation, ...],
    prefix_hit_rate: float = 0.0,
    prompts: Spread = UNTOLD,
    answers: Spread = UNTOLD,
) -> Calibration | Refusal:
    """The correction for a setting by observations of it; a Refusal when too many of them contradict physics.

    `prefix_hit_rate` is of observations that do not tell their own.
    """
    if not observations:
        return Refusal("nothing was observed")
    problems = [(seen, contradiction(setting, seen)) for seen in observations]
    good = [seen for seen, problem in problems if not problem]
    dropped = tuple(problem for _, problem in problems if problem)
    if len(dropped) > MOST_REFUSED * len(observations):
        told = f"{len(dropped)} of {len(observations)} observations contradict physics; the first: {dropped[0]}"
        return Refusal(told)
    hits = [prefix_hit_rate if seen.prefix_hit_rate is None else seen.prefix_hit_rate for seen in good]
    loads = [
        Load(seen.concurrency, seen.input_tokens, seen.output_tokens, hit, prompts.square, answers.square)
        for seen, hit in zip(good, hits, strict=True)
    ]
    law = predict_many([setting] * len(good), loads)
    concurrency = np.array([seen.concurrency for seen in good])
    return Calibration(
        replica=Replica(setting.gpu.name, setting.tensor_parallel, setting.pipeline_parallel),
        input_tokens=float(np.exp(np.mean([np.log(seen.input_tokens) for seen in good]))),
        output_tokens=float(np.exp(np.mean([np.log(seen.output_tokens) for seen in good]))),
        ttft=_correct(law.ttft_seconds, [seen.ttft_seconds for seen in good], concurrency),
        tpot=_correct(law.tpot_seconds, [seen.tpot_seconds for seen in good], concurrency),
        rate=_correct(law.requests_per_second, [seen.requests_per_second for seen in good], concurrency),
        observations=len(good),
        dropped=dropped,
    )


def _correct(law: Intervals, seen: Sequence[float], concurrency: Array) -> Correction:
    """The posterior by reweighted least squares."""
    ratios = np.log(np.array(seen) / law.value)
    deviation = max(float(np.median(_deviation(law))), float(np.abs(np.median(ratios))))
    basis, prior = _basis(np.log(concurrency)), np.eye(len(CENTRES) + 1) / deviation**2
    scatter, weights = FIRST_SCATTER, np.ones(len(ratios))
    mean, covariance = _posterior(basis, ratios, prior, weights / scatter**2)
    for number in range(2 * ROUNDS):
        residuals = np.abs(ratios - basis @ mean)
        scatter = max(LEAST_SCATTER, float(1.4826 * np.median(residuals)))
        if number < ROUNDS:
            weights = scatter / np.maximum(residuals, scatter / 10)
        else:
            weights = (DEGREES_OF_FREEDOM + 1) / (DEGREES_OF_FREEDOM + (residuals / scatter) ** 2)
        mean, covariance = _posterior(basis, ratios, prior, weights / scatter**2)
    return Correction(tuple(mean.tolist()), tuple(map(tuple, covariance.tolist())), scatter)


def _posterior(basis: Array, ratios: Array, prior: Array, precisions: Array) -> tuple[Array, Array]:
    """Mean and covariance of the coefficients for independent normal errors of those precisions."""
    weighted = basis * precisions[:, None]
    covariance: Array = np.asarray(np.linalg.inv(prior + weighted.T @ basis), dtype=np.float64)
    mean: Array = covariance @ (weighted.T @ ratios)
    return mean, covariance


def _basis(x: Array) -> Array:
    """A constant and bumps around CENTRES, shape (points, weights); the squares of a row add up to 1."""
    bumps = np.exp(-0.5 * ((x[:, None] - CENTRES) / BUMP_WIDTH) ** 2)
    bumps /= np.linalg.norm(bumps, axis=1, keepdims=True)
    basis: Array = np.column_stack([np.ones_like(x), bumps]) / np.sqrt(2.0)
    return basis


def _deviation(found: Intervals) -> Array:
    deviation: Array = np.log(found.high / found.value) / INTERVAL_DEVIATIONS
    return deviation


def corrected(
    found: Intervals, by: Correction, calibration: Calibration, load: tuple[float, float], at: Array
) -> Intervals:
    """Figures of the law at concurrencies, corrected. `load`: mean input and output tokens that they are for."""
    factor, deviation = by.at(at)
    shift = max(abs(np.log(load[0] / calibration.input_tokens)), abs(np.log(load[1] / calibration.output_tokens)))
    unlike = min(1.0, float(shift)) * _deviation(found)
    value = found.value * np.exp(factor)
    width = np.exp(INTERVAL_DEVIATIONS * np.hypot(deviation, unlike))
    return Intervals(value / width, value, value * width)
