"""What may arrive: the level now, its trend, and that what was seen before may come again.

A few equally likely paths of the arrival rate. Near the present they agree on the level (with its own uncertainty, and
a damped trend where one stands out of the noise); further on each goes towards a rate that was seen in the recent past,
so that a load which comes in waves is expected back.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SHORT_SECONDS = 15.0
LONG_SECONDS = 60.0
PAST_SECONDS = 900.0
RETURN_SECONDS = 120.0
"""Time constant with which a path leaves the level for a rate of the past."""
TREND_SECONDS = 60.0
"""Time constant of a trend's damping."""
PATHS = np.array([0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95])
"""Quantiles that the paths stand for."""
_NORMAL = np.array([-1.645, -0.842, -0.385, 0.0, 0.385, 0.842, 1.645])
SURPRISE = 2.5
"""Standard deviations by which the short mean must differ from the long one to be believed alone."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Arrivals a second."""

    level: float
    deviation: float
    """Of the level: how unsure the mean of a few arrivals is."""
    trend: float
    """Change of the rate a second."""
    past: Array
    """Rates of the recent past, at the quantiles of the paths."""

    def paths(self, ahead: Array) -> Array:
        """Rates so many seconds ahead, shape (paths, times)."""
        back = 1.0 - np.exp(-ahead / RETURN_SECONDS)
        drift = self.trend * TREND_SECONDS * (1.0 - np.exp(-ahead / TREND_SECONDS))
        near = np.maximum(self.level + drift[None, :] + (_NORMAL * self.deviation)[:, None], 0.0)
        rates: Array = (1.0 - back) * near + back * np.maximum(self.past[:, None], 0.0)
        return rates


def forecast(at: Array, arrived: Array) -> Forecast:
    """From a counter of arrivals at ascending times in seconds, the newest last; at least one entry."""
    if len(at) < 2 or at[-1] <= at[0]:
        return Forecast(0.0, 0.0, 0.0, np.zeros(len(PATHS)))
    level, deviation = _level(at, arrived)
    return Forecast(level, deviation, _trend(at, arrived), _past(at, arrived, level))


def _rate(at: Array, arrived: Array, seconds: float, before: float = 0.0) -> tuple[float, float]:
    """Mean rate over a window that ends `before` the newest entry, and the window's true length."""
    end = at[-1] - before
    first, last = (max(0, int(np.searchsorted(at, t + 1e-9, side="right")) - 1) for t in (end - seconds, end))
    span = float(at[last] - at[first])
    return (float(arrived[last] - arrived[first]) / span, span) if span > 0 else (0.0, 0.0)


def _level(at: Array, arrived: Array) -> tuple[float, float]:
    """The long mean where the short one does not contradict it; else the short one."""
    short, short_span = _rate(at, arrived, SHORT_SECONDS)
    long, long_span = _rate(at, arrived, LONG_SECONDS)
    noise = np.sqrt((max(long, 1.0 / long_span) / short_span))
    if abs(short - long) > SURPRISE * noise:
        return short, float(np.sqrt(max(short, 1.0 / short_span) / short_span))
    return long, float(np.sqrt(max(long, 1.0 / long_span) / long_span))


def _trend(at: Array, arrived: Array) -> float:
    """Change between the last two long windows, where it stands out of the noise; 0 else."""
    new, span = _rate(at, arrived, LONG_SECONDS / 2)
    old, before = _rate(at, arrived, LONG_SECONDS / 2, LONG_SECONDS / 2)
    if before < LONG_SECONDS / 4:
        return 0.0
    noise = np.sqrt(max(new, 0.1) / span + max(old, 0.1) / before)
    change = new - old
    stands_out = max(0.0, abs(change) - noise)
    return float(np.sign(change) * stands_out / (LONG_SECONDS / 2))


def _past(at: Array, arrived: Array, level: float) -> Array:
    """Quantiles of the means over `SHORT_SECONDS`; the level fills what is not known of the past."""
    first = int(np.searchsorted(at, at[-1] - PAST_SECONDS))
    times, counts = at[first:], arrived[first:]
    grid = np.arange(times[-1], times[0] + SHORT_SECONDS / 2, -SHORT_SECONDS)
    if len(grid) < 2:
        return np.full(len(PATHS), level)
    rates = -np.diff(np.interp(grid, times, counts)) / SHORT_SECONDS
    unknown = max(0, int(PAST_SECONDS / SHORT_SECONDS / 4) - len(rates))
    found: Array = np.quantile(np.concatenate([rates, np.full(unknown, level)]), PATHS)
    return found
