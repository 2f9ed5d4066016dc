"""What the law answers."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
INTERVAL_DEVIATIONS = NormalDist().inv_cdf(0.95)
"""Standard deviations from the middle of a 90 % interval to its end."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value, and the bounds that hold it in nine cases of ten."""

    low: float
    value: float
    high: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """Latencies are of one request (medians over requests); rates are of one replica."""

    ttft_seconds: Interval
    tpot_seconds: Interval
    tokens_per_second: Interval
    """Output tokens."""
    requests_per_second: Interval


@dataclass(frozen=True, slots=True)
class Intervals:
    """Many intervals: arrays of the same length."""

    low: Array
    value: Array
    high: Array

    def at(self, index: int) -> Interval:
        return Interval(float(self.low[index]), float(self.value[index]), float(self.high[index]))


@dataclass(frozen=True, slots=True)
class Predictions:
    """Many predictions: every array has one entry a point."""

    ttft_seconds: Intervals
    tpot_seconds: Intervals
    tokens_per_second: Intervals
    requests_per_second: Intervals

    def __len__(self) -> int:
        return len(self.ttft_seconds.value)

    def at(self, index: int) -> Prediction:
        return Prediction(
            self.ttft_seconds.at(index),
            self.tpot_seconds.at(index),
            self.tokens_per_second.at(index),
            self.requests_per_second.at(index),
        )
