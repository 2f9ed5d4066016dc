"""How lengths lie about their mean, as far as percentiles tell it, and the moment that sizing needs of it."""

import math
from dataclasses import dataclass
from itertools import pairwise

from rorqual_engine.api.spec import LengthPercentiles


@dataclass(frozen=True, slots=True)
class Spread:
    """Lengths of prompts or of answers, over their mean."""

    ratios: tuple[tuple[int, float], ...] = ()
    """Percentile, and the length there over the mean; both ascending. Empty: nothing is told."""

    @classmethod
    def of(cls, percentiles: LengthPercentiles | None, mean: float) -> "Spread":
        """What a spec says."""
        if percentiles is None:
            return cls()
        return cls(tuple((percentile, tokens / mean) for percentile, tokens in percentiles.given()))

    @property
    def square(self) -> float:
        """E[L^2] / E[L]^2, by the percentiles and the mean; 1 where nothing is told.

        The quantile function is taken as a power of u below the first percentile, with the exponent that gives the
        mean; straight between percentiles; and flat above the last, as engines end at a longest context. Where the
        percentiles and the mean allow no such power, the nearest is taken, and never less than the mean squared
        (Jensen). With the mean kept, a greater percentile moves length from below one point to above it, so the moment
        never falls.
        """
        if not self.ratios:
            return 1.0
        knots = [(percentile / 100, ratio) for percentile, ratio in self.ratios]
        steps = [*pairwise(knots), (knots[-1], (1.0, knots[-1][1]))]
        first, length = knots[0]
        upper_mean = sum((right - left) * (low + high) / 2 for (left, low), (right, high) in steps)
        upper = sum((right - left) * (low**2 + low * high + high**2) / 3 for (left, low), (right, high) in steps)
        below = min(max((1.0 - upper_mean) / first, 0.0), length)
        return max(1.0, upper + first * length * below / (2 - below / length))

    def at(self, percentile: int, usual: float) -> float:
        """The ratio at a percentile; where it is not told the usual one, kept between its told neighbours."""
        told = dict(self.ratios)
        if percentile in told:
            return told[percentile]
        least = max((ratio for other, ratio in self.ratios if other < percentile), default=0.0)
        most = min((ratio for other, ratio in self.ratios if other > percentile), default=math.inf)
        return min(max(usual, least), most)


UNTOLD = Spread()
