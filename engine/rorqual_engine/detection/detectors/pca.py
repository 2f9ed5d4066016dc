"""Metrics against each other: what the history's principal components do not explain of them."""

import numpy as np

from rorqual_engine.detection.detectors.base import Array
from rorqual_engine.detection.detectors.residual import Residual
from rorqual_engine.detection.detectors.scale import bounded

EXPLAINED = 0.9
"""Share of the variance that the components which are kept explain."""
RIDGE = 1e-3
"""Holds components near nothing that the known metrics hardly tell."""


class PCA(Residual):
    """Told from the principal components: (kept, features), orthonormal."""

    name = "pca"
    told_from = "components"

    def learn(self, standard: Array) -> Array:
        usual = bounded(standard)
        values, vectors = np.linalg.eigh(usual.T @ usual / len(usual))
        order = np.argsort(values)[::-1]
        explained = np.cumsum(values[order]) / max(float(values.sum()), 1e-12)
        kept = order[: int(np.searchsorted(explained, EXPLAINED)) + 1]
        found: Array = vectors[:, kept].T
        return found

    def left(self, standard: Array, told_from: Array) -> Array:
        """What the components, fitted to those metrics of a sample that are known, do not explain."""
        known = np.isfinite(standard)
        usual = bounded(standard)
        left = usual - (usual @ told_from.T) @ told_from
        for pattern in np.unique(known[~known.all(axis=1)], axis=0):
            rows = (known == pattern).all(axis=1)
            there = told_from[:, pattern]
            weights = np.linalg.solve(there @ there.T + RIDGE * np.eye(len(there)), there)
            unexplained = np.eye(int(pattern.sum())) - weights.T @ there
            left[np.ix_(rows, pattern)] = usual[np.ix_(rows, pattern)] @ unexplained
        found: Array = np.where(known, left, np.nan)
        return found
