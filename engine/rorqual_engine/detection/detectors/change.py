"""Each metric against its own last while: what leaps, wherever it was before."""

from typing import Self

import numpy as np

from rorqual_engine.detection.detectors.base import Array, State, check, evidence, mean_known
from rorqual_engine.detection.detectors.scale import Scale, floor_of

BEFORE = 60
"""Samples of the last while: an hour of minutes."""


class Change:
    """Mean evidence of the metrics' distances from their means over the last while, over what is usual for these."""

    name = "change"

    def __init__(self) -> None:
        self._scale: Scale | None = None

    def fit(self, history: Array, random: np.random.Generator) -> Self:  # noqa: ARG002 nothing is drawn
        found = check(history)
        self._scale = Scale.of(_moved(found), floor_of(found))
        return self

    def score_samples(self, samples: Array) -> Array:
        return mean_known(self.contributions(samples), samples)

    def contributions(self, samples: Array) -> Array:
        return evidence(self._known.apply(_moved(samples)))

    def state(self) -> State:
        return self._known.state()

    def restore(self, state: State) -> Self:
        self._scale = Scale.restore(state)
        return self

    @property
    def _known(self) -> Scale:
        if self._scale is None:
            raise RuntimeError("fit or restore comes before scores")
        return self._scale


def _moved(samples: Array) -> Array:
    """Distance from the mean of the known ones among the last samples, itself included."""
    found = np.asarray(samples, dtype=np.float64)
    known = np.isfinite(found)
    total = np.cumsum(np.concatenate([np.zeros((1, found.shape[1])), np.where(known, found, 0.0)]), axis=0)
    count = np.cumsum(np.concatenate([np.zeros((1, found.shape[1])), known]), axis=0)
    end = np.arange(1, len(found) + 1)
    begin = np.maximum(end - BEFORE, 0)
    mean = (total[end] - total[begin]) / np.maximum(count[end] - count[begin], 1.0)
    moved: Array = np.where(known, found - mean, np.nan)
    return moved
