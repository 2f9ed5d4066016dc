"""The performance law: TTFT, TPOT and throughput of a setting under a load, each with its interval."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.sizing.performance.artefact import Artefact, Margins, shipped
from rorqual_engine.sizing.performance.correction import figures_of
from rorqual_engine.sizing.performance.physics import FREE_OVERLOAD, Parts, physical_law
from rorqual_engine.sizing.performance.points import Points, points_of
from rorqual_engine.sizing.performance.prediction import (
    INTERVAL_DEVIATIONS,
    Array,
    Intervals,
    Prediction,
    Predictions,
)
from rorqual_engine.sizing.performance.setting import Load, Setting
from rorqual_engine.sizing.performance.work import work_of


def predict(setting: Setting, load: Load) -> Prediction:
    """One setting under one load."""
    return predict_many((setting,), (load,)).at(0)


def predict_many(settings: Sequence[Setting], loads: Sequence[Load]) -> Predictions:
    """One prediction for each pair of setting and load; give the same object again where a setting comes again."""
    return predict_points(points_of(settings, loads), shipped())


def predict_points(points: Points, artefact: Artefact) -> Predictions:
    """The same for points that are already laid out as columns, by a given artefact."""
    ttft, tpot, overload = values(points, artefact)
    output = np.maximum(points["output_tokens"], 1.0)
    rate = points["concurrency"] / (ttft + tpot * (output - 1.0))
    full = overload > FREE_OVERLOAD
    doubt = points["doubt"]
    requests = _interval(rate, "throughput", full, doubt, artefact)
    return Predictions(
        ttft_seconds=_interval(ttft, "ttft", full, doubt, artefact),
        tpot_seconds=_interval(tpot, "tpot", full, doubt, artefact),
        tokens_per_second=Intervals(requests.low * output, requests.value * output, requests.high * output),
        requests_per_second=requests,
    )


def values(points: Points, artefact: Artefact) -> tuple[Array, Array, Array]:
    """TTFT and TPOT in seconds, and requests in flight over those that run.

    The correction is that of lengths all alike: it was learned on such loads, and what their spread costs is physics.
    """
    parts, figures = _physics(points, artefact)
    alike = points.alike()
    if alike is not points:
        _, figures = _physics(alike, artefact)
    ttft, tpot = (
        parts.ttft * np.exp(artefact.ttft.of(figures)),
        parts.tpot * np.exp(artefact.tpot.of(figures)),
    )
    return ttft, tpot, parts.overload


def _physics(points: Points, artefact: Artefact) -> tuple[Parts, Array]:
    """The physical law's parts, and the figures that the correction follows from."""
    work = work_of(points)
    parts = physical_law(points, work, artefact.matrix)
    return parts, figures_of(points, work, parts)


def margins_at(metric: str, full: NDArray[np.bool_], doubt: Array, artefact: Artefact) -> tuple[Array, Array]:
    """What to add to the logarithm for the bounds of the interval, at points where requests wait for a place or not."""

    def bound(side: int) -> Array:
        margins: tuple[Margins, Margins] = (artefact.full, artefact.free)
        return np.hypot(np.where(full, margins[0][metric][side], margins[1][metric][side]), INTERVAL_DEVIATIONS * doubt)

    return -bound(0), bound(1)


def _interval(value: Array, metric: str, full: NDArray[np.bool_], doubt: Array, artefact: Artefact) -> Intervals:
    low, high = margins_at(metric, full, doubt, artefact)
    return Intervals(value * np.exp(low), value, value * np.exp(high))
