"""Another predictor in place of the law, where it knows a shape: asked for a few points, by which all are ranked anew.

Such a predictor takes a second for a point, and the law a microsecond. So the law searches all points, and the oracle
is asked for the best one of each shape and for half and twice its sequences. Its figures take the place of the law's;
what the law says of lengths that differ, and the law's margins, stay: they hold 92 % (TTFT), 98 % (TPOT) and all
(throughput) of AIConfigurator's errors on the 63 rows that bench/sizing.py asks it for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.sizing.alternative import keep_ledger
from rorqual_engine.sizing.grid import Grid, calibrates, explore, load_of, mean_busy
from rorqual_engine.sizing.performance import Intervals, Load, Predictions, Setting, predict_many
from rorqual_engine.sizing.performance.prediction import Array
from rorqual_engine.sizing.question import Question
from rorqual_engine.sizing.search import Answer, choose
from rorqual_engine.sizing.spread import UNTOLD

Points = NDArray[np.int64]
"""Places in a grid."""
MOST_ASKED = 6
"""Alternatives, the best by the law: more take minutes."""
STEPS = (-2, 0, 2)
"""Levels of sequences beside the law's best one: two are a factor of two."""


class PerformanceOracle(Protocol):
    """Predicts as the law does."""

    @property
    def name(self) -> str:
        """As it is to be told."""

    def predict(self, settings: Sequence[Setting], loads: Sequence[Load]) -> Predictions:
        """One prediction for each pair; values are NaN where it cannot say, and bounds where it tells none."""


@dataclass(frozen=True, slots=True)
class Consultation:
    """The search, ranked anew."""

    oracle: str
    answer: Answer
    """Alternatives by the oracle have its name as `basis`."""
    asked: int
    """Alternatives."""
    answered: int


def consult(question: Question, answer: Answer, oracle: PerformanceOracle) -> Consultation:
    """The answer to a question by the oracle's figures, and by the law's where it does not know a shape whole.

    A shape is ranked by one of the two, never by both; what the service's own engines showed is left as it is.
    """
    grid = explore(question)
    best = _best_points(grid, answer)
    asked = [point for point in best if not calibrates(question, grid.shapes[grid.shape[point]])][:MOST_ASKED]
    points = np.array(sorted({*best, *(near for point in asked for near in _beside(grid, point))}), dtype=np.int64)
    shapes = grid.shape[points]
    wanted = np.isin(shapes, grid.shape[asked])
    ratios = np.ones((3, len(points)))
    if wanted.any():
        ratios[:, wanted] = _ratios(question, grid, points[wanted], oracle)
    silent = np.isin(shapes, shapes[~np.isfinite(ratios).all(axis=0)])
    ratios[:, silent] = 1.0
    known = {grid.shapes[place] for place in set(shapes[wanted & ~silent].tolist())}
    corrected = _at(grid, points, ratios)
    ranked = choose(question, corrected, keep_ledger(question, corrected))
    told = (replace(one, basis=oracle.name) if one.shape in known else one for one in ranked.alternatives)
    return Consultation(oracle.name, replace(ranked, alternatives=tuple(told)), len(asked), len(known))


def _best_points(grid: Grid, answer: Answer) -> list[int]:
    """Where the alternatives are in the grid, the best first."""
    places = {shape: place for place, shape in enumerate(grid.shapes)}
    found = []
    for one in answer.alternatives:
        points = np.flatnonzero(grid.shape == places[one.shape])
        sequences = one.configuration.max_concurrent_sequences or one.shape.most_sequences
        found.append(int(points[np.argmin(np.abs(grid.sequences[points] - sequences))]))
    return found


def _beside(grid: Grid, point: int) -> list[int]:
    """The point, and those of its shape with half and twice the sequences, as far as there are such."""
    points = np.flatnonzero(grid.shape == grid.shape[point]).tolist()
    at = points.index(point)
    return [points[at + step] for step in STEPS if 0 <= at + step < len(points)]


def _ratios(question: Question, grid: Grid, points: Points, oracle: PerformanceOracle) -> Array:
    """What the oracle says over what the law says of TTFT, TPOT and requests a second, shape (3, points).

    Both of prompts and answers that are all alike: an oracle knows no others.
    """
    alike = replace(question, prompts=UNTOLD, answers=UNTOLD)
    sequences = grid.sequences[points]
    loads = [load_of(alike, count) for count in (*sequences, *mean_busy(sequences))]
    settings = [grid.settings[point] for point in points] * 2
    its, law = oracle.predict(settings, loads), predict_many(settings, loads)
    busy, free = slice(len(points)), slice(len(points), None)
    return np.array(
        [
            its.ttft_seconds.value[busy] / law.ttft_seconds.value[busy],
            its.tpot_seconds.value[busy] / law.tpot_seconds.value[busy],
            its.requests_per_second.value[free] / law.requests_per_second.value[free],
        ]
    )


def _at(grid: Grid, points: Points, ratios: Array) -> Grid:
    """The grid of those points alone, with its figures multiplied."""
    ttft, tpot, requests = (
        Intervals(found.low[points] * ratio, found.value[points] * ratio, found.high[points] * ratio)
        for found, ratio in zip((grid.ttft, grid.tpot, grid.requests), ratios, strict=True)
    )
    settings = tuple(grid.settings[point] for point in points)
    share = grid.share_of_gpu[points]
    return Grid(
        grid.shapes, grid.rejected, grid.shape[points], grid.sequences[points], ttft, tpot, requests, share, settings
    )
