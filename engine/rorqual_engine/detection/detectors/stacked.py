"""The newest scores of many services' default ensembles in one go: what each would say by itself, many times faster.

Arrays have the axes (services, samples, metrics). Services share the metrics, and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.detection.detectors.base import Array, DetectorError, State, evidence
from rorqual_engine.detection.detectors.change import BEFORE, Change
from rorqual_engine.detection.detectors.ensemble import LAST, Ensemble
from rorqual_engine.detection.detectors.pca import PCA, RIDGE
from rorqual_engine.detection.detectors.robust import RobustZ
from rorqual_engine.detection.detectors.scale import Scale, bounded

MEMBERS = (RobustZ, PCA, Change)
SCORED = max(LAST)
"""Samples whose scores the newest one is the mean of, at most."""
NEEDED = BEFORE + SCORED - 1
"""Samples that the newest score depends on, at most."""


@dataclass(frozen=True, slots=True)
class Stacked:
    """Ensembles of RobustZ, PCA and Change, as arrays."""

    robust: Scale
    whole: Scale
    components: Array
    """(services, kept, metrics); rows of 0 where a service keeps fewer."""
    residuals: Scale
    change: Scale
    usual: Array
    """(services, members)."""
    spread: Array

    @classmethod
    def of(cls, detectors: Sequence[Ensemble]) -> Self:
        """At least one. Raises DetectorError for other ensembles than the default."""
        if any(tuple(map(type, one.members)) != MEMBERS for one in detectors):
            raise DetectorError(f"ensemble: expected {', '.join(one.name for one in MEMBERS)} as its members")
        states = [one.state() for one in detectors]
        return cls(
            robust=_scale(states, "0."),
            whole=_scale(states, "1.scale."),
            components=_padded([one["1.components"] for one in states]),
            residuals=_scale(states, "1.residuals."),
            change=_scale(states, "2."),
            usual=np.stack([one["usual"] for one in states]),
            spread=np.stack([one["spread"] for one in states]),
        )

    def newest(self, recent: Array) -> Array:
        """(services,), of their last samples; more than NEEDED of them change nothing."""
        recent = recent[:, -NEEDED:]
        scored = recent[:, -SCORED:]
        parts = (
            evidence(self.robust.apply(scored)),
            evidence(self.residuals.apply(self._left(scored))),
            evidence(self.change.apply(_moved(recent))),
        )
        known = np.maximum(np.isfinite(scored).sum(axis=2), 1)
        scores = np.stack([part.sum(axis=2) / known for part in parts], axis=2)
        whole = ((scores - self.usual[:, None]) / self.spread[:, None]).mean(axis=2)
        found: Array = np.mean([whole[:, -samples:].mean(axis=1) for samples in LAST], axis=0)
        return found

    def _left(self, samples: Array) -> Array:
        """What the components do not explain, as PCA has it; NaN for metrics that are not known."""
        standard = self.whole.apply(samples)
        known, usual = np.isfinite(standard), bounded(standard)
        left = usual - (usual @ self.components.transpose(0, 2, 1)) @ self.components
        service, sample = np.nonzero(~known.all(axis=2))
        if len(service):
            there = known[service, sample]
            left[service, sample] = _left_of_known(usual[service, sample], there, self.components[service])
        found: Array = np.where(known, left, np.nan)
        return found


def _scale(states: Sequence[State], head: str) -> Scale:
    return Scale(*(np.stack([one[head + name] for one in states])[:, None] for name in ("centre", "deviation", "told")))


def _padded(components: Sequence[Array]) -> Array:
    most = max(len(one) for one in components)
    return np.stack([np.pad(one, ((0, most - len(one)), (0, 0))) for one in components])


def _left_of_known(usual: Array, known: NDArray[np.bool_], components: Array) -> Array:
    """Of single samples (samples, metrics), each with its own components, fitted to the metrics that it knows."""
    there = components * known[:, None, :]
    usual = usual * known
    squares = there @ there.transpose(0, 2, 1) + RIDGE * np.eye(there.shape[1])
    weights = np.linalg.solve(squares, there @ usual[:, :, None])
    left: Array = usual - (there.transpose(0, 2, 1) @ weights)[:, :, 0]
    return left


def _moved(samples: Array) -> Array:
    """Of the last SCORED samples: the distance from the mean of the known ones among the BEFORE last, as Change has it.

    Sums over windows are a product with a band of ones, which is a third of the time that running sums take.
    """
    count, scored = samples.shape[1], min(SCORED, samples.shape[1])
    end = np.arange(count - scored + 1, count + 1)[:, None]
    place = np.arange(count)
    window = ((place < end) & (place >= end - BEFORE)).astype(np.float64)
    known = np.isfinite(samples)
    mean = (window @ np.where(known, samples, 0.0)) / np.maximum(window @ known.astype(np.float64), 1.0)
    found: Array = np.where(known[:, -scored:], samples[:, -scored:] - mean, np.nan)
    return found
