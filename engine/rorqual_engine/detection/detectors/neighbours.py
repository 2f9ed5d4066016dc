"""Moments against those of the past that are most like them: what not even these had."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from rorqual_engine.detection.detectors.base import Array, State, check, evidence, mean_known
from rorqual_engine.detection.detectors.scale import LEAST_LEFT, Scale, bounded, restored, states

KEPT = 1000
"""Moments of the history that are compared with, at most; evenly spread."""
APART = 5
"""Samples between two of them, at least: the minute before is like this one, whatever it is."""
NEAREST = slice(1, 6)
"""Of them, by distance. The nearest may be the moment itself, when the history is scored."""
AT_ONCE = 2048
"""Moments that are looked for at a time, for memory's sake."""


@dataclass(frozen=True, slots=True)
class _Learned:
    scale: Scale
    moments: Array
    """(kept, features), standardised."""
    residuals: Scale
    """Of what is left, each metric's."""


class Neighbours:
    """Mean evidence of the metrics' distances from the mean of the nearest moments (k nearest neighbours)."""

    name = "neighbours"

    def __init__(self) -> None:
        self._learned: _Learned | None = None

    def fit(self, history: Array, random: np.random.Generator) -> Self:  # noqa: ARG002 nothing is drawn
        found = check(history)
        scale = Scale.of(found)
        sparse = scale.apply(found)
        known = bounded(sparse[np.isfinite(sparse).any(axis=1)])
        moments = known[:: max(APART, -(-len(known) // KEPT))] if len(known) else np.zeros((1, found.shape[1]))
        self._learned = _Learned(scale, moments, Scale.of(_left(sparse, moments), LEAST_LEFT))
        return self

    def score_samples(self, samples: Array) -> Array:
        return mean_known(self.contributions(samples), samples)

    def contributions(self, samples: Array) -> Array:
        learned = self._known
        return evidence(learned.residuals.apply(_left(learned.scale.apply(samples), learned.moments)))

    def state(self) -> State:
        learned = self._known
        return {**states(scale=learned.scale, residuals=learned.residuals), "moments": learned.moments}

    def restore(self, state: State) -> Self:
        self._learned = _Learned(restored(state, "scale"), state["moments"], restored(state, "residuals"))
        return self

    @property
    def _known(self) -> _Learned:
        if self._learned is None:
            raise RuntimeError("fit or restore comes before scores")
        return self._learned


def _left(standard: Array, moments: Array) -> Array:
    """Distance from the mean of the nearest moments; NaN for what is not known, which counts as usual for others."""
    usual = bounded(standard)
    parts = [_from_nearest(usual[begin : begin + AT_ONCE], moments) for begin in range(0, len(usual), AT_ONCE)]
    left = np.concatenate(parts) if parts else usual
    found: Array = np.where(np.isfinite(standard), left, np.nan)
    return found


def _from_nearest(usual: Array, moments: Array) -> Array:
    last = min(NEAREST.stop, len(moments))
    distance = (moments**2).sum(axis=1) - 2.0 * usual @ moments.T
    nearest = np.argpartition(distance, last - 1, axis=1)[:, :last] if last < len(moments) else None
    if nearest is None:
        nearest = np.broadcast_to(np.arange(len(moments)), distance.shape)
    order = np.argsort(np.take_along_axis(distance, nearest, 1), axis=1)
    nearest = np.take_along_axis(nearest, order, 1)[:, NEAREST if last > 1 else slice(0, 1)]
    found: Array = usual - moments[nearest].mean(axis=1)
    return found
