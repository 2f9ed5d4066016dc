"""What may arrive: the level now, its trend, and that it may change to what followed such levels before.

For many services at once: every array's first axis is the service. The level is the mean over the longest window that
no shorter one contradicts (Lepski's rule). A load changes its level now and then: how often is learned from the past,
and so is where it goes, for what came after a level like this one may come again. A service whose past tells nothing is
taken to double or to halve some day.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
STEP_SECONDS = 10.0
STEPS = 360
"""Of the past that is looked at: an hour."""
WINDOWS = (1, 2, 4, 8, 16)
"""Steps."""
CONTRADICTION = 2.5
"""Standard deviations by which a shorter window's mean differs from a longer one's when the level has changed."""
BIN_STEPS = 2
BIN_SECONDS = BIN_STEPS * STEP_SECONDS
FIRST_STAY_SECONDS = 600.0
"""How long a level lasts, before anything is known of this service."""
DISPERSION_STEPS = 60
LEAST_COUNTS = 12
MOST_DISPERSION = 10.0
TREND_SECONDS = 60.0
"""Time constant of a trend's damping."""
HALF = 3
"""Steps of each half of the time that a trend is told from."""
DEVIATIONS = np.array([-1.15, 0.0, 1.15])
DEVIATION_WEIGHTS = np.array([0.3, 0.4, 0.3])
"""Three points with a normal's mean and about its variance."""
STAYS = 16
"""Levels of the past that are looked at, the newest first."""
LASTING_BINS = 2
ALIKE = 0.35
"""Levels whose logarithms differ by less are the same."""
LIKELY = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
"""Quantiles of what a level may change to."""
TURNS = np.array([0.2, 0.6])
"""When it does, as parts of the horizon."""
PAST_WEIGHT = 2.0
"""Of all that was there before, where what followed a level once counts as 1."""
PRIOR_FACTORS = np.array([2.0, 0.5])
PRIOR_WEIGHTS = np.array([0.25, 0.25])
"""As PAST_WEIGHT."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Ways that the arrival rate may take."""

    rates: Array
    """Requests a second, shape (services, paths, times)."""
    weights: Array
    """Probabilities, shape (services, paths)."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Arrivals a second, one entry a service."""

    level: Array
    deviation: Array
    """Of the level: how unsure the mean of a few arrivals is."""
    trend: Array
    """Change of the rate a second."""
    next: Array
    """Levels that this one may change to, as likely as each other: shape (services, 5)."""
    stay_seconds: Array
    """How long a level lasts, in the mean."""

    def paths(self, ahead: Array) -> Paths:
        """Rates so many seconds ahead: shape (services, times), ascending to the horizon."""
        drift = self.trend[:, None] * TREND_SECONDS * (1.0 - np.exp(-ahead / TREND_SECONDS))
        spread = (DEVIATIONS * self.deviation[:, None])[:, :, None]
        near = np.maximum((self.level[:, None] + drift)[:, None, :] + spread, 0.0)
        horizon = ahead[:, -1]
        turned = ahead[:, None, :] >= (TURNS * horizon[:, None])[:, :, None]
        there = np.repeat(self.next, len(TURNS), axis=1)[:, :, None]
        away = np.where(np.tile(turned, (1, len(LIKELY), 1)), there, near[:, 1, None, :])
        edges = np.concatenate([[0.0], (TURNS[1:] + TURNS[:-1]) / 2, [1.0]]) * (horizon / self.stay_seconds)[:, None]
        chance = np.exp(-edges[:, :-1]) - np.exp(-edges[:, 1:])
        weights = np.concatenate(
            [
                DEVIATION_WEIGHTS * (1.0 - chance.sum(axis=1, keepdims=True)),
                np.tile(chance / len(LIKELY), (1, len(LIKELY))),
            ],
            axis=1,
        )
        return Paths(np.concatenate([near, away], axis=1), weights)


def forecast(histories: Sequence[tuple[Array, Array]]) -> Forecast:
    """From each service's counter of arrivals: its times in seconds, ascending, and its values."""
    count, span = _on_grid(histories)
    grown = -np.diff(count, axis=1)
    known = np.floor(span / STEP_SECONDS + 1e-6).astype(np.int64)
    burst = _dispersion(grown, known)
    level, deviation, window = _level(count, span, burst)
    rates = grown.reshape(len(grown), STEPS // BIN_STEPS, BIN_STEPS).sum(axis=2) / BIN_SECONDS
    levels, lasted, changes = _stays(rates, known // BIN_STEPS, burst)
    return Forecast(
        level=level,
        deviation=deviation,
        trend=_trend(grown, known, window, burst),
        next=_next_levels(levels, lasted, level),
        stay_seconds=(FIRST_STAY_SECONDS + (known // BIN_STEPS) * BIN_SECONDS) / (1.0 + changes),
    )


def _on_grid(histories: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """The counters at each step before their last times, the newest first, and the seconds that they span."""
    count, span = np.zeros((len(histories), STEPS + 1)), np.zeros(len(histories))
    back = np.arange(STEPS + 1) * STEP_SECONDS
    for place, (at, arrived) in enumerate(histories):
        if len(at) >= 2:
            count[place] = np.interp(at[-1] - back, at, arrived)
            span[place] = min(at[-1] - at[0], back[-1])
    return count, span


def _dispersion(grown: Array, known: NDArray[np.int64]) -> Array:
    """Variance over mean of the arrivals between steps: 1 for a Poisson stream, more for one that comes in clusters.

    From the median squared difference of neighbours, which a change of level hardly moves: of a normal variable with
    variance 2m it is 0.91 m.
    """
    recent = grown[:, :DISPERSION_STEPS]
    there = np.arange(recent.shape[1]) < known[:, None]
    number = np.minimum(known, DISPERSION_STEPS)
    mean = np.where(there, recent, 0.0).sum(axis=1) / np.maximum(number, 1)
    steps = np.where(there[:, 1:], np.diff(recent, axis=1) ** 2, np.inf)
    middle = np.sort(steps, axis=1)[np.arange(len(steps)), np.clip((number - 1) // 2, 0, steps.shape[1] - 1)]
    told = (number >= LEAST_COUNTS) & (mean >= 1.0)
    found = np.where(told, middle, 0.0) / (0.91 * np.maximum(mean, 1e-9))
    return np.clip(np.where(told, found, 1.0), 1.0, MOST_DISPERSION)


def _deviation(rate: Array, span: Array, burst: Array) -> Array:
    """Of the mean of a stream of that dispersion over `span`; at least that of one arrival."""
    seconds = np.maximum(span, 1e-9)
    found: Array = np.where(span > 0, np.sqrt(burst * np.maximum(rate, 1.0 / seconds) / seconds), 0.0)
    return found


def _level(count: Array, span: Array, burst: Array) -> tuple[Array, Array, Array]:
    """Mean rate, its deviation, and the seconds of the window that gave it."""
    seconds = [np.minimum(steps * STEP_SECONDS, span) for steps in WINDOWS]
    means = [
        np.where(over > 0, (count[:, 0] - count[:, steps]) / np.maximum(over, 1e-9), 0.0)
        for steps, over in zip(WINDOWS, seconds, strict=True)
    ]
    level, window = means[0], seconds[0]
    going = np.ones(len(level), dtype=bool)
    for place in range(1, len(WINDOWS)):
        mean = means[place]
        for shorter in range(place):
            noise = _deviation(mean, seconds[shorter], burst)
            going &= np.abs(mean - means[shorter]) <= CONTRADICTION * noise
        level, window = np.where(going, mean, level), np.where(going, seconds[place], window)
    return level, _deviation(level, window, burst), window


def _trend(grown: Array, known: NDArray[np.int64], window: Array, burst: Array) -> Array:
    """Change between the halves of the last minute, where it stands out of the noise.

    0 where the level jumped: just now, or within the minute, where two levels explain it better than a slope. Taken for
    a trend, a jump is carried on for another minute.
    """
    half = np.full(len(grown), HALF * STEP_SECONDS)
    new, old = grown[:, :HALF].sum(axis=1) / half, grown[:, HALF : 2 * HALF].sum(axis=1) / half
    noise = np.hypot(_deviation(new, half, burst), _deviation(old, half, burst))
    found = np.sign(new - old) * np.maximum(0.0, np.abs(new - old) - 1.5 * noise) / half
    minute = grown[:, : 2 * HALF]
    jumped = (window < 2 * half) & (_off_steps(minute) < _off_slope(minute))
    told = (known >= 2 * HALF) & (window >= half) & ~jumped
    trend: Array = np.where(told, found, 0.0)
    return trend


def _off_slope(values: Array) -> Array:
    """Squares of what the best straight line through each row leaves."""
    at = np.arange(values.shape[1]) - (values.shape[1] - 1) / 2
    around = values - values.mean(axis=1, keepdims=True)
    left: Array = ((around - np.outer(around @ at / (at @ at), at)) ** 2).sum(axis=1)
    return left


def _off_steps(values: Array) -> Array:
    """Squares of what the best two levels, one after the other, leave of each row."""
    parts = [np.split(values, [place], axis=1) for place in range(1, values.shape[1])]
    left: Array = np.min([sum(one.var(axis=1) * one.shape[1] for one in pair) for pair in parts], axis=0)
    return left


def _stays(rates: Array, known: NDArray[np.int64], burst: Array) -> tuple[Array, Array, Array]:
    """Mean rates of the times between changes of level, the newest first (NaN where there are fewer), their bins, and
    the number of changes.

    The level has changed where neighbouring bins differ by more than the noise.
    """
    bins = rates.shape[1]
    there = np.arange(bins) < known[:, None]
    least = np.maximum(rates, 1.0 / BIN_SECONDS)
    noise = np.sqrt(burst[:, None] * (least[:, 1:] + least[:, :-1]) / BIN_SECONDS)
    changed = (np.abs(np.diff(rates, axis=1)) > CONTRADICTION * noise) & there[:, 1:]
    number = np.concatenate([np.zeros((len(rates), 1), dtype=np.int64), np.cumsum(changed, axis=1)], axis=1)
    used = there & (number < STAYS)
    place = (np.arange(len(rates))[:, None] * STAYS + number)[used]
    total = np.bincount(place, rates[used], len(rates) * STAYS)
    count = np.bincount(place, minlength=len(rates) * STAYS)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    shape = (len(rates), STAYS)
    return mean.reshape(shape), count.reshape(shape).astype(np.float64), changed.sum(axis=1).astype(np.float64)


def _next_levels(levels: Array, lasted: Array, level: Array) -> Array:
    """What this level may change to: what followed levels like it, what was there before, by how long it was, or
    anything.
    """
    floor = 1.0 / BIN_SECONDS
    now = np.log(np.maximum(level, floor))[:, None]
    past = np.log(np.maximum(levels, floor))
    steady = _lasting(past, lasted)
    after = steady[:, :-1]
    followed = (np.abs(steady[:, 1:] - now) < ALIKE) & (np.abs(after - now) > ALIKE)
    prior = now + np.log(PRIOR_FACTORS)
    share = PAST_WEIGHT * lasted / np.maximum(lasted.sum(axis=1, keepdims=True), 1.0)
    places = np.concatenate([after, past, prior], axis=1)
    weights = np.concatenate([followed, share, np.broadcast_to(PRIOR_WEIGHTS, prior.shape)], axis=1, dtype=np.float64)
    return np.exp(_weighted_quantiles(np.nan_to_num(places), weights))


def _lasting(past: Array, lasted: Array) -> Array:
    """The levels that lasted, the newest first, NaN after them: a bin that lies across a change is none."""
    long = lasted >= LASTING_BINS
    order = np.argsort(~long, axis=1, kind="stable")
    found: Array = np.take_along_axis(np.where(long, past, np.nan), order, 1)
    return found


def _weighted_quantiles(values: Array, weights: Array) -> Array:
    """At LIKELY, of each row."""
    order = np.argsort(values, axis=1)
    ranked, mass = np.take_along_axis(values, order, 1), np.take_along_axis(weights, order, 1)
    reached = np.cumsum(mass, axis=1) / mass.sum(axis=1, keepdims=True)
    place = (reached[:, None, :] < LIKELY[None, :, None] - 1e-12).sum(axis=2)
    found: Array = np.take_along_axis(ranked, np.minimum(place, values.shape[1] - 1), 1)
    return found
