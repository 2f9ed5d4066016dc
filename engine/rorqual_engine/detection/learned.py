"""A detector that has learned one service's metrics, with the limit from which on it speaks, and what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.detection.detectors.base import LEAST_SAMPLES, Array, Detector, DetectorError
from rorqual_engine.detection.detectors.catalog import make
from rorqual_engine.detection.detectors.ensemble import Ensemble
from rorqual_engine.detection.detectors.stacked import Stacked
from rorqual_engine.detection.threshold import Episode, Threshold, episodes

SHOWN = 3
"""Metrics of an episode."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Deviation:
    """A metric in an episode."""

    metric: str
    observed: float
    """Where it adds most to the score."""
    expected: float
    """Median of what was learned from."""
    share: float
    """Of the score."""


@dataclass(frozen=True, slots=True)
class Period:
    """An episode with what it shows in; samples by their places."""

    begin: int
    end: int
    over: bool
    score: float
    """Its peak, over the limit."""
    evidence: tuple[Deviation, ...]


@dataclass(frozen=True, slots=True)
class Learned:
    """What `learn` found. Scores and limits are in the detector's own scale."""

    detector: Detector
    names: tuple[str, ...]
    limit: float
    usual: Array
    """Medians of the metrics; NaN where one was never known."""

    def scores(self, values: Array) -> Array:
        """(samples,) of (samples, metrics), in their order."""
        return self.detector.score_samples(values)

    def periods(self, values: Array, scores: Array) -> tuple[Period, ...]:
        """Every episode of these samples."""
        found = episodes(scores, self.limit)
        if not found:
            return ()
        parts = self.detector.contributions(values)
        return tuple(
            Period(one.begin, one.end, one.over, one.peak / self.limit, self._evidence(values, parts, one))
            for one in found
        )

    def _evidence(self, values: Array, parts: Array, one: Episode) -> tuple[Deviation, ...]:
        """What adds most on average, each where it does so most."""
        begin, inside = one.begin, parts[one.begin : one.end + 1]
        share = inside.mean(axis=0) / max(float(inside.mean(axis=0).sum()), 1e-12)
        seen = values[begin + inside.argmax(axis=0), np.arange(len(self.names))]
        return tuple(
            Deviation(self.names[place], float(seen[place]), float(self.usual[place]), float(share[place]))
            for place in np.argsort(-share)[:SHOWN]
            if share[place] > 0
        )


def newest_scores(learned: Sequence[Learned], recent: Array) -> Array:
    """(services,): the score of each one's last sample, of (services, samples, metrics); all at once where they can."""
    ensembles = [one.detector for one in learned if isinstance(one.detector, Ensemble)]
    if len(ensembles) == len(learned):
        try:
            return Stacked.of(ensembles).newest(recent)
        except DetectorError:
            pass  # other members than the default's: one by one
    return np.array([one.scores(values)[-1] for one, values in zip(learned, recent, strict=True)])


def learn(
    detector: str,
    names: tuple[str, ...],
    history: Array,
    false_alarms_per_week: float,
    step_seconds: float,
    left_out: Mask | None = None,
) -> Learned:
    """From (samples, metrics), most of them normal. Samples left out keep their place in time, and teach nothing.

    Raises DetectorError for too short a history, or one of which too little is left.
    """
    kept = np.ones(len(history), dtype=np.bool_) if left_out is None else ~left_out
    if kept.sum() < LEAST_SAMPLES:
        raise DetectorError(f"history: expected at least {LEAST_SAMPLES} samples to learn from; found {kept.sum()}")
    taught = np.where(kept[:, None], history, np.nan)
    model = make(detector).fit(taught, np.random.default_rng(0))
    limit = Threshold.of(model.score_samples(taught)[kept], false_alarms_per_week, step_seconds).limit
    return Learned(model, names, limit, _medians(taught))


def _medians(values: Array) -> Array:
    known = np.isfinite(values).any(axis=0)
    found: Array = np.nanmedian(np.where(known, values, 0.0), axis=0)
    return np.where(known, found, np.nan)
