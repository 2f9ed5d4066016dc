"""Metrics against each other: what the history's principal components do not explain of them."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from rorqual_engine.detection.detectors.base import Array, State, check, evidence, mean_known
from rorqual_engine.detection.detectors.scale import LEAST_LEFT, Scale, bounded, restored, states

EXPLAINED = 0.9
"""Share of the variance that the components which are kept explain."""
RIDGE = 1e-3
"""Holds components near nothing that the known metrics hardly tell."""


@dataclass(frozen=True, slots=True)
class _Learned:
    scale: Scale
    components: Array
    """(kept, features), orthonormal."""
    residuals: Scale
    """Of what is left, each metric's."""


class PCA:
    """Mean evidence of the metrics' standardised residuals."""

    name = "pca"

    def __init__(self) -> None:
        self._learned: _Learned | None = None

    def fit(self, history: Array, random: np.random.Generator) -> Self:  # noqa: ARG002 nothing is drawn
        found = check(history)
        scale = Scale.of(found)
        sparse = scale.apply(found)
        standard = bounded(sparse)
        values, vectors = np.linalg.eigh(standard.T @ standard / len(standard))
        order = np.argsort(values)[::-1]
        explained = np.cumsum(values[order]) / max(float(values.sum()), 1e-12)
        kept = order[: int(np.searchsorted(explained, EXPLAINED)) + 1]
        components = vectors[:, kept].T
        self._learned = _Learned(scale, components, Scale.of(_left(sparse, components), LEAST_LEFT))
        return self

    def score_samples(self, samples: Array) -> Array:
        return mean_known(self.contributions(samples), samples)

    def contributions(self, samples: Array) -> Array:
        learned = self._known
        return evidence(learned.residuals.apply(_left(learned.scale.apply(samples), learned.components)))

    def state(self) -> State:
        learned = self._known
        return {**states(scale=learned.scale, residuals=learned.residuals), "components": learned.components}

    def restore(self, state: State) -> Self:
        self._learned = _Learned(restored(state, "scale"), state["components"], restored(state, "residuals"))
        return self

    @property
    def _known(self) -> _Learned:
        if self._learned is None:
            raise RuntimeError("fit or restore comes before scores")
        return self._learned


def _left(standard: Array, components: Array) -> Array:
    """What the components, fitted to those metrics of a sample that are known, do not explain; NaN for the others."""
    known = np.isfinite(standard)
    usual = bounded(standard)
    left = usual - (usual @ components.T) @ components
    for pattern in np.unique(known[~known.all(axis=1)], axis=0):
        rows = (known == pattern).all(axis=1)
        there = components[:, pattern]
        weights = np.linalg.solve(there @ there.T + RIDGE * np.eye(len(there)), there)
        left[np.ix_(rows, pattern)] = usual[np.ix_(rows, pattern)] @ (np.eye(int(pattern.sum())) - weights.T @ there)
    found: Array = np.where(known, left, np.nan)
    return found
