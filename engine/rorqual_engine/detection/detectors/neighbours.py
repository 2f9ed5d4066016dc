"""Moments against those of the past that are most like them: what not even these had."""

import numpy as np

from rorqual_engine.detection.detectors.base import Array
from rorqual_engine.detection.detectors.residual import Residual
from rorqual_engine.detection.detectors.scale import bounded

KEPT = 1000
"""Moments of the history that are compared with, at most; evenly spread."""
APART = 5
"""Samples between two of them, at least: the minute before is like this one, whatever it is."""
NEAREST = slice(1, 6)
"""Of them, by distance. The nearest may be the moment itself, when the history is scored."""
AT_ONCE = 2048
"""Moments that are looked for at a time, for memory's sake."""


class Neighbours(Residual):
    """Told from the mean of the nearest of the moments kept: (kept, features), standardised."""

    name = "neighbours"
    told_from = "moments"

    def learn(self, standard: Array) -> Array:
        known = bounded(standard[np.isfinite(standard).any(axis=1)])
        return known[:: max(APART, -(-len(known) // KEPT))] if len(known) else np.zeros((1, standard.shape[1]))

    def left(self, standard: Array, told_from: Array) -> Array:
        """Distance from the mean of the nearest moments; what is not known counts as usual for the others."""
        usual = bounded(standard)
        parts = [_from_nearest(usual[begin : begin + AT_ONCE], told_from) for begin in range(0, len(usual), AT_ONCE)]
        left = np.concatenate(parts) if parts else usual
        found: Array = np.where(np.isfinite(standard), left, np.nan)
        return found


def _from_nearest(usual: Array, moments: Array) -> Array:
    last = min(NEAREST.stop, len(moments))
    distance = (moments**2).sum(axis=1) - 2.0 * usual @ moments.T
    nearest = np.argpartition(distance, last - 1, axis=1)[:, :last]
    order = np.argsort(np.take_along_axis(distance, nearest, 1), axis=1)
    nearest = np.take_along_axis(nearest, order, 1)[:, NEAREST if last > 1 else slice(0, 1)]
    found: Array = usual - moments[nearest].mean(axis=1)
    return found
