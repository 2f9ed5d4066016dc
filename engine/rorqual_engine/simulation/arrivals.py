"""Arrivals at a rate that changes, as regular or as bursty as wanted.

A renewal process of one arrival a unit is drawn, and its units are stretched over time so that they pass at the wanted
rate (time rescaling): where the rate is constant, the gaps keep the family and the coefficient of variation.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

Family = Literal["gamma", "weibull"]
_GRID_SECONDS = 0.1
_BEFORE = 200.0
"""Expected arrivals before the beginning, so that the first ones do not begin a gap at 0."""
_SPARE_DEVIATIONS = 8.0


@dataclass(frozen=True, slots=True)
class RateCurve:
    """Expected arrivals by time: linear between `seconds`, where `expected` arrivals came since 0."""

    seconds: NDArray[np.float64]
    expected: NDArray[np.float64]

    @classmethod
    def of_steps(cls, begins: Sequence[float], rates: Sequence[float], duration_seconds: float) -> Self:
        """Constant rates, each from its begin (the first at 0) until the next one's, the last until the end."""
        edges = np.array([*begins, duration_seconds], dtype=np.float64)
        return cls(edges, _running(np.diff(edges) * np.asarray(rates, dtype=np.float64)))

    @classmethod
    def of_function(cls, rate: Callable[[NDArray[np.float64]], NDArray[np.float64]], duration_seconds: float) -> Self:
        """Any rate as a function of seconds, taken every tenth of a second."""
        edges = np.linspace(0.0, duration_seconds, round(duration_seconds / _GRID_SECONDS) + 1)
        return cls(edges, _running(np.diff(edges) * rate((edges[:-1] + edges[1:]) / 2)))

    @property
    def duration_seconds(self) -> float:
        return float(self.seconds[-1])


def arrivals(
    curve: RateCurve, generator: np.random.Generator, cv: float = 1.0, family: Family = "gamma"
) -> NDArray[np.float64]:
    """Seconds of arrivals, ascending. `cv`: of the gaps at a constant rate; 1 is a Poisson process."""
    if not cv > 0:
        raise ValueError(f"arrivals: cv must be above 0; found {cv:g}")
    total = float(curve.expected[-1])
    if total <= 0:
        return np.zeros(0)
    span = total + _BEFORE
    count = math.ceil(span + _SPARE_DEVIATIONS * max(cv, 1.0) * math.sqrt(span) + _SPARE_DEVIATIONS * cv**2)
    units = np.cumsum(_gaps(count, generator, cv, family)) - _BEFORE
    while units[-1] < total:
        units = np.append(units, units[-1] + np.cumsum(_gaps(count, generator, cv, family)))
    return np.interp(units[(units >= 0) & (units < total)], curve.expected, curve.seconds)


def _running(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.any(counts < 0):
        raise ValueError("arrivals: rates must be 0 or more, and their begins ascend; found the contrary")
    return np.concatenate(([0.0], np.cumsum(counts)))


def _gaps(count: int, generator: np.random.Generator, cv: float, family: Family) -> NDArray[np.float64]:
    """Of mean 1."""
    if family == "weibull":
        shape = weibull_shape(cv)
        return generator.weibull(shape, count) / math.gamma(1 + 1 / shape)
    return generator.gamma(1 / cv**2, cv**2, count)


def weibull_shape(cv: float) -> float:
    """The shape k whose Weibull distribution has that coefficient of variation, by bisection.

    CV² = Γ(1+2/k)/Γ(1+1/k)² − 1, which falls as k grows.
    """
    low, high = 0.1, 100.0
    if not _weibull_cv(high) <= cv <= _weibull_cv(low):
        raise ValueError(f"weibull: cv must be within {_weibull_cv(high):.3g} and {_weibull_cv(low):.3g}; found {cv:g}")
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if _weibull_cv(middle) > cv else (low, middle)
    return math.sqrt(low * high)


def _weibull_cv(shape: float) -> float:
    return math.sqrt(math.expm1(math.lgamma(1 + 2 / shape) - 2 * math.lgamma(1 + 1 / shape)))
