"""Every shape at every number of sequences, predicted at once: what the search and the front choose from."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.sizing.calibration import corrected
from rorqual_engine.sizing.fit import Fit, fit_on
from rorqual_engine.sizing.objectives import Objective
from rorqual_engine.sizing.performance import Interval, Intervals, Load, Predictions, Setting, predict_many
from rorqual_engine.sizing.performance.prediction import INTERVAL_DEVIATIONS, Array
from rorqual_engine.sizing.question import Question, Rejection, Shape, list_shapes
from rorqual_engine.sizing.speed import setting_of

LEVELS = tuple(sorted({round(2 ** (step / 2)) for step in range(33)}))
"""Numbers of sequences that are tried: two to each doubling, up to the most that the API admits."""
BUSY_DEVIATIONS = 1.645
"""With Poisson arrivals the number of sequences at work has its mean as variance (M/G/infinity), so 95 % of the time
it stays below mean + 1.645 sqrt(mean)."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Operating points; every array has one entry a point."""

    shapes: tuple[Shape, ...]
    rejected: tuple[Rejection, ...]
    shape: NDArray[np.int64]
    """Index into `shapes`."""
    sequences: Array
    """Most sequences at once."""
    ttft: Intervals
    """Seconds with all sequences busy."""
    tpot: Intervals
    requests: Intervals
    """Arrivals a second of which 95 % of the time none waits for a sequence."""
    share_of_gpu: Array
    """Of each GPU that is paid for."""
    settings: tuple[Setting, ...]
    """As the performance law sees them."""

    def latency(self, objective: Objective) -> Intervals:
        """The latency that an objective is about, at its percentile."""
        found = self.ttft if objective.signal == "ttft" else self.tpot
        return Intervals(found.low * objective.spread, found.value * objective.spread, found.high * objective.spread)

    def latency_at(self, objective: Objective, point: int) -> Interval:
        """The same of one point."""
        found = (self.ttft if objective.signal == "ttft" else self.tpot).at(point)
        return Interval(found.low * objective.spread, found.value * objective.spread, found.high * objective.spread)

    def fit(self, question: Question, point: int) -> Fit:
        """The configuration at a point, with its memory. What is not needed for fewer sequences goes to the cache."""
        shape = self.shapes[self.shape[point]]
        return fit_at(question, shape, int(self.sequences[point])) or shape.fit


def fit_at(question: Question, shape: Shape, sequences: int) -> Fit | None:
    """The shape's configuration for that many sequences."""
    pins = replace(question.pins, max_concurrent_sequences=sequences)
    return fit_on(shape.engine, question.demand, pins, shape.offer, shape.replica)


def explore(question: Question) -> Grid:
    """All operating points of a question."""
    shapes, rejected = list_shapes(question)
    points: list[tuple[int, int, float, Setting]] = []
    for index, shape in enumerate(shapes):
        found = _points(question, shape)
        points += ((index, *point) for point in found)
        if not found:
            told = "the catalog does not tell its bandwidth and arithmetic, so nothing is known of its speed"
            rejected.append(Rejection(shape.replica, told))
    return _predicted(question, tuple(shapes), tuple(dict.fromkeys(rejected)), points)


def _points(question: Question, shape: Shape) -> list[tuple[int, float, Setting]]:
    """Sequences, share of the GPU paid for, and setting of every level of a shape; none when its speed is unknown."""
    pinned = question.pins.max_concurrent_sequences
    most = shape.most_sequences
    levels = [pinned] if pinned else [*(level for level in LEVELS if level < most), most]
    shared = {level: _share_of_gpu(question, shape, level) for level in levels}
    settings: dict[float, Setting | None] = {
        share: setting_of(
            shape.engine,
            shape.offer.gpu,
            shape.replica.tensor_parallel,
            most,
            share if shape.offer.packed else shape.offer.speed_share,
            shape.replica.pipeline_parallel,
        )
        for share in set(shared.values())
    }
    return [(level, shared[level], found) for level in levels if (found := settings[shared[level]]) is not None]


def _share_of_gpu(question: Question, shape: Shape, level: int) -> float:
    """Whole, or the slice, or the memory share: a shared GPU's speed and price are counted in proportion to it."""
    if not shape.offer.packed:
        return shape.offer.cost_share
    found = fit_at(question, shape, level)
    return found.configuration.gpu_memory_share or 1.0 if found else 1.0


def _predicted(
    question: Question,
    shapes: tuple[Shape, ...],
    rejected: tuple[Rejection, ...],
    points: list[tuple[int, int, float, Setting]],
) -> Grid:
    index = np.array([point[0] for point in points], dtype=np.int64)
    sequences = np.array([point[1] for point in points], dtype=np.float64)
    share = np.array([point[2] for point in points], dtype=np.float64)
    if not points:
        none = Intervals(share, share, share)
        return Grid(shapes, rejected, index, sequences, none, none, none, share, ())
    busy = mean_busy(sequences)
    settings = tuple(point[3] for point in points)
    loads = [load_of(question, count) for count in (*sequences, *busy)]
    answer = predict_many([*settings, *settings], loads)
    known = np.array([calibrates(question, shape) for shape in shapes])[index]
    ttft, tpot, requests = _calibrated(question, answer, np.tile(known, 2), np.concatenate([sequences, busy]))
    count = len(points)
    return Grid(
        *(shapes, rejected, index, sequences),
        ttft=_part(ttft, slice(count)),
        tpot=_part(tpot, slice(count)),
        requests=_scaled(_part(requests, slice(count, None)), busy / np.maximum(busy, 1.0)),
        share_of_gpu=share,
        settings=settings,
    )


def load_of(question: Question, concurrency: float) -> Load:
    """The workload with so many requests in flight."""
    lengths = (question.input_tokens, question.output_tokens, question.prefix_hit_rate)
    return Load(max(concurrency, 1.0), *lengths, question.prompts.square, question.answers.square)


def calibrates(question: Question, shape: Shape) -> bool:
    """Whether what was observed is of that kind of replica."""
    known = question.calibration
    return known is not None and known.replica == shape.replica


def _calibrated(
    question: Question, law: Predictions, known: NDArray[np.bool_], concurrency: Array
) -> tuple[Intervals, Intervals, Intervals]:
    """TTFT, TPOT and requests a second of all points, corrected where the service's own engines were observed."""
    calibration = question.calibration
    ttft, tpot, requests = law.ttft_seconds, law.tpot_seconds, law.requests_per_second
    if calibration is None or not known.any():
        return ttft, tpot, requests
    at, load = np.maximum(concurrency, 1.0), (question.input_tokens, question.output_tokens)
    ttft_known = corrected(ttft, calibration.ttft, calibration, load, at)
    tpot_known = corrected(tpot, calibration.tpot, calibration, load, at)
    requests_known = corrected(requests, calibration.rate, calibration, load, at)
    return _either(known, ttft_known, ttft), _either(known, tpot_known, tpot), _either(known, requests_known, requests)


def _either(which: NDArray[np.bool_], one: Intervals, other: Intervals) -> Intervals:
    low, value, high = (np.where(which, getattr(one, name), getattr(other, name)) for name in ("low", "value", "high"))
    return Intervals(low, value, high)


def mean_busy(sequences: Array) -> Array:
    """Mean number of sequences at work at which all `sequences` are busy 5 % of the time."""
    half = BUSY_DEVIATIONS / 2
    return (np.sqrt(half**2 + sequences) - half) ** 2


def at_confidence(found: Intervals, deviations: float) -> Array:
    """The value that is not exceeded with the confidence of so many standard deviations (lognormal errors)."""
    sigma = np.log(found.high / found.value) / INTERVAL_DEVIATIONS
    bound: Array = found.value * np.exp(deviations * sigma)
    return bound


def bound_at_confidence(found: Interval, deviations: float) -> float:
    """The same of one value."""
    return found.value * math.exp(deviations * math.log(found.high / found.value) / INTERVAL_DEVIATIONS)


def _part(found: Intervals, which: slice) -> Intervals:
    return Intervals(found.low[which], found.value[which], found.high[which])


def _scaled(found: Intervals, by: Array) -> Intervals:
    return Intervals(found.low * by, found.value * by, found.high * by)
