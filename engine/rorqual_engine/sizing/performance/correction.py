"""The learned correction: a quadratic in a few figures of the physical law, on the logarithm of its error.

It learns how the error bends along a curve, not how high it lies for one model: figures that only name a group (which
model, which GPU) would be learned by heart and carried to the wrong place.
"""

from dataclasses import dataclass

import numpy as np

from rorqual_engine.sizing.performance.physics import Parts
from rorqual_engine.sizing.performance.points import Points
from rorqual_engine.sizing.performance.prediction import Array
from rorqual_engine.sizing.performance.work import Work

FIGURES = ("weights", "context", "compute", "exchange", "fixed", "interference", "room", "each", "wait")
REACH = 2.5
"""Standard deviations beyond which a figure counts no further: the correction does not extrapolate."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A quadratic: mean and scale of each figure, and a weight for each term."""

    mean: Array
    scale: Array
    weights: Array

    def of(self, figures: Array) -> Array:
        """What to add to the logarithm, for figures of shape (points, len(FIGURES))."""
        corrected: Array = terms_of(figures, self.mean, self.scale) @ self.weights
        return corrected


def figures_of(points: Points, work: Work, parts: Parts) -> Array:
    """The figures of every point, shape (points, len(FIGURES))."""
    step = parts.step
    columns = (
        *(part / step for part in (parts.weights, parts.context, parts.compute, parts.exchange, parts.fixed)),
        np.log(parts.tpot / step),
        np.minimum(np.log(work.capacity / points["concurrency"]), 3.0),
        np.log(work.each),
        np.log(parts.ttft / parts.prefill),
    )
    return np.column_stack(columns)


def terms_of(figures: Array, mean: Array, scale: Array) -> Array:
    """The standardised figures and all products of two of them."""
    standard = np.clip((figures - mean) / scale, -REACH, REACH)
    first, second = np.triu_indices(standard.shape[1])
    return np.hstack([standard, standard[:, first] * standard[:, second]])
