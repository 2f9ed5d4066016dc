"""From a history to its episodes, each with the metrics that it shows in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.detection.detectors import DetectorError
from rorqual_engine.detection.detectors.base import LEAST_SAMPLES
from rorqual_engine.detection.learned import Deviation, learn
from rorqual_operator.anomalies.series import Series, SeriesError


@dataclass(frozen=True, slots=True)
class Found:
    """An episode of a history."""

    since: float
    until: float
    """Time of its last sample."""
    over: bool
    score: float
    """Its peak, over the limit."""
    evidence: tuple[Deviation, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """All that was found, with what a picture needs."""

    series: Series
    detector: str
    learned: int
    """Samples that were learned from, the first ones."""
    scores: NDArray[np.float64]
    limit: float
    found: tuple[Found, ...]
    missing: tuple[str, ...]
    """Metrics that were never known while learning."""


def search(series: Series, detector: str, share: float, false_alarms_per_week: float) -> Result:
    """Learns from the first part of the series, and looks at all of it. Raises SeriesError for too short a one."""
    samples = int(len(series.at) * share)
    if samples < LEAST_SAMPLES:
        raise SeriesError(
            f"history: expected at least {LEAST_SAMPLES} samples to learn from; found {samples}, the first "
            f"{share:.0%} of {len(series.at)}"
        )
    history = series.values[:samples]
    try:
        learned = learn(detector, series.names, history, false_alarms_per_week, series.step_seconds)
    except DetectorError as error:
        raise SeriesError(str(error)) from error
    scores = learned.scores(series.values)
    found = tuple(
        Found(float(series.at[one.begin]), float(series.at[one.end]), one.over, one.score, one.evidence)
        for one in learned.periods(series.values, scores)
    )
    missing = tuple(name for name, value in zip(series.names, learned.usual.tolist(), strict=True) if np.isnan(value))
    return Result(series, detector, samples, scores, learned.limit, found, missing)
