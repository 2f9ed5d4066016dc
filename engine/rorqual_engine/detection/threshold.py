"""From which score on something is told: a limit that clean times pass so and so often, without any label.

Peaks over threshold (Siffer and others 2017, SPOT; Hosking and Wallis 1987 for the moments): scores above a high
quantile come in clusters; the clusters' peaks follow a generalised Pareto distribution, whose tail tells the score that
is passed as rarely as one wants.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
WEEK_SECONDS = 7 * 86400.0
HIGH = 0.98
"""Quantile from which on scores count as high."""
APART = 15
"""Samples between two clusters."""
LEAST_PEAKS = 10
KEPT_PEAKS = 500
LEAST_SCORE = 2.0
"""Twice as far from the median as the 99th percentile of the history: less is odd, and harmless."""
MOST_SHAPE = 0.5
"""Of the tail: a heavier one has no variance, and comes of too few peaks."""
BEGINS, ENDS = 2, 5
"""Samples above the limit until an episode has begun, and below its end until it is over."""
END_SHARE = 0.7
"""Of the limit: below it an episode may end."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit on scores, and what it was made from."""

    limit: float
    high: float
    peaks: tuple[float, ...]
    """Above `high`, the newest last."""
    samples: int
    """That the peaks came from."""
    per_sample: float
    """Episodes that are allowed, on average."""

    @classmethod
    def of(cls, scores: Array, false_alarms_per_week: float, sample_seconds: float) -> "Threshold":
        """From the scores of a history, most of it normal."""
        high = float(np.quantile(scores, HIGH))
        allowed = false_alarms_per_week * sample_seconds / WEEK_SECONDS
        return cls(0.0, high, (), 0, allowed).seen(scores)

    def seen(self, scores: Array) -> "Threshold":
        """With more scores of times that are taken for normal."""
        peaks = (*self.peaks, *_peaks(scores, self.high))
        samples = self.samples + len(scores)
        if len(peaks) > KEPT_PEAKS:
            samples = round(samples * KEPT_PEAKS / len(peaks))
            peaks = peaks[-KEPT_PEAKS:]
        limit = max(LEAST_SCORE, _limit(np.array(peaks), self.high, samples, self.per_sample))
        return Threshold(limit, self.high, peaks, samples, self.per_sample)


def _peaks(scores: Array, high: float) -> list[float]:
    """The greatest score of each cluster above `high`."""
    above = np.flatnonzero(scores > high)
    if not len(above):
        return []
    groups = np.split(above, np.flatnonzero(np.diff(above) > APART) + 1)
    return [float(scores[group].max()) for group in groups]


def _limit(peaks: Array, high: float, samples: int, per_sample: float) -> float:
    """The score that a peak passes with the probability allowed; the greatest seen, where there are few peaks."""
    if len(peaks) < LEAST_PEAKS:
        return float(peaks.max(initial=high))
    excess = np.sort(peaks - high)
    weight = 1.0 - (np.arange(1, len(excess) + 1) - 0.35) / len(excess)
    mean, weighted = float(excess.mean()), float((weight * excess).mean())
    shape = 2.0 - mean / max(mean - 2.0 * weighted, 1e-12)
    shape = float(np.clip(shape, -MOST_SHAPE, MOST_SHAPE))
    scale = mean * (1.0 - shape)
    rare = min(1.0, per_sample * samples / len(peaks))
    if abs(shape) < 1e-6:
        return high - scale * float(np.log(rare))
    return float(high + scale / shape * (rare**-shape - 1.0))


@dataclass(frozen=True, slots=True)
class Episode:
    """A time that is told as unusual; samples by their places."""

    begin: int
    end: int
    """Its last sample, or the last that is known."""
    peak: float
    over: bool


def episodes(scores: Array, limit: float) -> list[Episode]:
    """With hysteresis: some samples above the limit begin one, some well below it end it."""
    found: list[Episode] = []
    begin = last = None
    above = below = 0
    for place, score in enumerate(scores):
        above = above + 1 if score > limit else 0
        below = below + 1 if score < END_SHARE * limit else 0
        if begin is None and above >= BEGINS:
            begin = place - BEGINS + 1
        if begin is not None and below == 0:
            last = place
        if begin is not None and below >= ENDS and last is not None:
            found.append(Episode(begin, last, float(scores[begin : last + 1].max()), over=True))
            begin = last = None
    if begin is not None:
        found.append(Episode(begin, len(scores) - 1, float(scores[begin:].max()), over=False))
    return found
