"""What may arrive: the level now, its trend, and that what was seen before may come again.

The level is the mean over the longest window that no shorter one contradicts (Lepski's rule). A load changes its level
now and then; how often is learned from the past, and so is where it goes: each path stays at the level until some
moment, and from then on is at a rate that was seen before. So a load that comes in waves is expected back.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
WINDOWS_SECONDS = (10.0, 20.0, 40.0, 80.0, 160.0)
CONTRADICTION = 2.5
"""Standard deviations by which a shorter window's mean differs from a longer one's when the level has changed."""
BIN_SECONDS = 20.0
PAST_SECONDS = 1800.0
FIRST_STAY_SECONDS = 600.0
"""How long a level lasts, before anything is known of this service."""
DISPERSION_SECONDS = 600.0
LEAST_COUNTS = 12
MOST_DISPERSION = 10.0
TREND_SECONDS = 60.0
"""Time constant of a trend's damping."""
DEVIATIONS = np.array([-1.15, 0.0, 1.15])
DEVIATION_WEIGHTS = np.array([0.3, 0.4, 0.3])
"""Three points with a normal's mean and about its variance."""
QUANTILES = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
"""Of the past that paths turn to."""
CHANGES = np.array([0.1, 0.3, 0.6])
"""When they turn, as parts of the horizon."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Ways that the arrival rate may take."""

    rates: Array
    """Requests a second, shape (paths, times)."""
    weights: Array
    """Probabilities, one a path."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Arrivals a second."""

    level: float
    deviation: float
    """Of the level: how unsure the mean of a few arrivals is."""
    trend: float
    """Change of the rate a second."""
    past: Array
    """Rates of the past, at the quantiles."""
    stay_seconds: float
    """How long a level lasts, in the mean."""

    def paths(self, ahead: Array) -> Paths:
        """Rates so many seconds ahead; `ahead` ascends to the horizon."""
        drift = self.trend * TREND_SECONDS * (1.0 - np.exp(-ahead / TREND_SECONDS))
        near = np.maximum(self.level + drift[None, :] + (DEVIATIONS * self.deviation)[:, None], 0.0)
        turns = CHANGES * ahead[-1]
        turned = np.repeat(ahead[None, :] >= turns[:, None], len(QUANTILES), axis=0)
        there = np.tile(self.past, len(turns))[:, None]
        away = np.where(turned, there, near[1][None, :])
        edges = np.concatenate([[0.0], (turns[1:] + turns[:-1]) / 2, [ahead[-1]]])
        chance = np.exp(-edges[:-1] / self.stay_seconds) - np.exp(-edges[1:] / self.stay_seconds)
        weights = np.concatenate(
            [DEVIATION_WEIGHTS * (1.0 - chance.sum()), np.repeat(chance / len(QUANTILES), len(QUANTILES))]
        )
        return Paths(np.concatenate([near, away]), weights)


def forecast(at: Array, arrived: Array) -> Forecast:
    """From a counter of arrivals at ascending times in seconds, the newest last."""
    if len(at) < 2 or at[-1] <= at[0]:
        return Forecast(0.0, 0.0, 0.0, np.zeros(len(QUANTILES)), FIRST_STAY_SECONDS)
    burst = _dispersion(at, arrived)
    level, deviation, window = _level(at, arrived, burst)
    rates = _binned(at, arrived)
    past = np.quantile(rates, QUANTILES) if len(rates) >= 2 else np.full(len(QUANTILES), level)
    return Forecast(level, deviation, _trend(at, arrived, window, burst), past, _stay_seconds(rates, burst))


def _rate(at: Array, arrived: Array, seconds: float, before: float = 0.0) -> tuple[float, float]:
    """Mean rate over a window that ends `before` the newest entry, and the window's true length."""
    end = at[-1] - before
    first, last = (max(0, int(np.searchsorted(at, t + 1e-9, side="right")) - 1) for t in (end - seconds, end))
    span = float(at[last] - at[first])
    return (float(arrived[last] - arrived[first]) / span, span) if span > 0 else (0.0, 0.0)


def _dispersion(at: Array, arrived: Array) -> float:
    """Variance over mean of the arrivals between scrapes: 1 for a Poisson stream, more for one that comes in clusters.

    From the median squared difference of neighbours, which a change of level hardly moves: of a normal variable with
    variance 2m it is 0.91 m.
    """
    first = int(np.searchsorted(at, at[-1] - DISPERSION_SECONDS))
    counts = np.diff(arrived[first:])
    mean = float(counts.mean()) if len(counts) else 0.0
    if len(counts) < LEAST_COUNTS or mean < 1.0:
        return 1.0
    return float(np.clip(np.median(np.diff(counts) ** 2) / (0.91 * mean), 1.0, MOST_DISPERSION))


def _deviation(rate: float, span: float, burst: float) -> float:
    """Of the mean of a stream of that dispersion over `span`; at least that of one arrival."""
    return float(np.sqrt(burst * max(rate, 1.0 / span) / span)) if span > 0 else 0.0


def _level(at: Array, arrived: Array, burst: float) -> tuple[float, float, float]:
    """Mean rate, its deviation, and the window that gave it."""
    chosen = shortest = _rate(at, arrived, WINDOWS_SECONDS[0])
    tried = [shortest]
    for seconds in WINDOWS_SECONDS[1:]:
        mean, span = _rate(at, arrived, seconds)
        if any(abs(mean - other) > CONTRADICTION * _deviation(mean, of, burst) for other, of in tried):
            break
        chosen = mean, span
        tried.append(chosen)
    return chosen[0], _deviation(*chosen, burst), chosen[1]


def _trend(at: Array, arrived: Array, window: float, burst: float) -> float:
    """Change between the halves of the last minute, where it stands out of the noise; 0 where the level jumped."""
    half = 30.0
    new, span = _rate(at, arrived, half)
    old, before = _rate(at, arrived, half, half)
    if before < half / 2 or window < half:
        return 0.0
    change = new - old
    noise = np.hypot(_deviation(new, span, burst), _deviation(old, before, burst))
    return float(np.sign(change) * max(0.0, abs(change) - 1.5 * noise) / half)


def _binned(at: Array, arrived: Array) -> Array:
    """Mean rates of bins, the newest first."""
    first = int(np.searchsorted(at, at[-1] - PAST_SECONDS))
    grid = np.arange(at[-1], at[first] - 1e-9, -BIN_SECONDS)
    counts = np.interp(grid, at[first:], arrived[first:])
    rates: Array = -np.diff(counts) / BIN_SECONDS
    return rates


def _stay_seconds(rates: Array, burst: float) -> float:
    """Bins over changes of level between them; a first guess weighs as much as one change."""
    if len(rates) < 2:
        return FIRST_STAY_SECONDS
    least = np.maximum(rates, 1.0 / BIN_SECONDS)
    noise = np.sqrt(burst * (least[1:] + least[:-1]) / BIN_SECONDS)
    changes = float((np.abs(np.diff(rates)) > CONTRADICTION * noise).sum())
    return (FIRST_STAY_SECONDS + len(rates) * BIN_SECONDS) / (1.0 + changes)
