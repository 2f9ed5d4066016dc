"""From a history to its episodes, each with the metrics that it shows in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.detection.detectors import DetectorError
from rorqual_engine.detection.detectors.base import LEAST_SAMPLES
from rorqual_engine.detection.detectors.catalog import make
from rorqual_engine.detection.threshold import Threshold, episodes
from rorqual_operator.anomalies.series import Series, SeriesError

SHOWN = 3
"""Metrics of an episode."""


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


def search(series: Series, detector: str, learn: float, false_alarms_per_week: float) -> Result:
    """Learns from the first part of the series, and looks at all of it. Raises SeriesError for too short a one."""
    learned = int(len(series.at) * learn)
    if learned < LEAST_SAMPLES:
        raise SeriesError(
            f"history: expected at least {LEAST_SAMPLES} samples to learn from; found {learned}, the first "
            f"{learn:.0%} of {len(series.at)}"
        )
    try:
        model = make(detector).fit(series.values[:learned], np.random.default_rng(0))
    except DetectorError as error:
        raise SeriesError(str(error)) from error
    scores = model.score_samples(series.values)
    limit = Threshold.of(scores[:learned], false_alarms_per_week, series.step_seconds).limit
    parts = model.contributions(series.values)
    usual = _medians(series.values[:learned])
    found = tuple(
        Found(
            since=float(series.at[one.begin]),
            until=float(series.at[one.end]),
            over=one.over,
            score=one.peak / limit,
            evidence=_evidence(series, parts[one.begin : one.end + 1], one.begin, usual),
        )
        for one in episodes(scores, limit)
    )
    missing = tuple(name for name, value in zip(series.names, usual.tolist(), strict=True) if np.isnan(value))
    return Result(series, detector, learned, scores, limit, found, missing)


def _medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.isfinite(values).any(axis=0)
    found: NDArray[np.float64] = np.nanmedian(np.where(known, values, 0.0), axis=0)
    return np.where(known, found, np.nan)


def _evidence(
    series: Series, parts: NDArray[np.float64], begin: int, usual: NDArray[np.float64]
) -> tuple[Deviation, ...]:
    share = parts.mean(axis=0) / max(float(parts.mean(axis=0).sum()), 1e-12)
    seen = series.values[begin + parts.argmax(axis=0), np.arange(len(series.names))]
    order = np.argsort(-share)[:SHOWN]
    return tuple(
        Deviation(series.names[place], float(seen[place]), float(usual[place]), float(share[place]))
        for place in order
        if share[place] > 0
    )
