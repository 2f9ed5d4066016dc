"""The search: the cheapest way to run a service that keeps its objectives with the confidence asked for.

All shapes (GPU, tensor and pipeline parallel, tokens of a step) at all numbers of sequences are predicted at once; of
each shape the best point is kept, and of the shapes the one that meets the objectives, on the hardware preferred, at
the least cost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.plan import Replica
from rorqual_engine.sizing.alternative import Alternative, Ledger, alternative_at, keep_ledger, most_replicas
from rorqual_engine.sizing.grid import Grid, explore
from rorqual_engine.sizing.question import Question, Rejection

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the search found."""

    alternatives: tuple[Alternative, ...]
    """One for each shape that fits and whose speed is known, the best first."""
    rejected: tuple[Rejection, ...]
    """Shapes that do not fit, or of whose speed nothing is known."""

    @property
    def best(self) -> Alternative | None:
        """The first alternative, whether it meets the objectives or only comes nearest; None without any."""
        return self.alternatives[0] if self.alternatives else None

    @property
    def possible(self) -> bool:
        return self.best is not None and self.best.meets


@lru_cache(maxsize=2048)
def search(question: Question) -> Answer:
    """The alternatives of a question. Pure, so answers are kept by question."""
    grid = explore(question)
    return choose(question, grid, keep_ledger(question, grid))


def choose(question: Question, grid: Grid, ledger: Ledger) -> Answer:
    """The best point of every shape, in order of preference."""
    allowed = ledger.replicas <= most_replicas(question, grid)
    chosen = [_best_point(grid, ledger, allowed, index) for index in range(len(grid.shapes))]
    points = [point for point in chosen if point is not None]
    points.sort(key=lambda point: _preference(question, grid, ledger, allowed, point))
    found = (alternative_at(question, grid, ledger, point) for point in _distinct(grid, points))
    return Answer(tuple(found), grid.rejected)


def _distinct(grid: Grid, points: Iterable[int]) -> list[int]:
    """The first of each kind of replica: the same with another step size is no alternative to a reader."""
    kept: dict[tuple[int, Replica], int] = {}
    for point in points:
        shape = grid.shapes[grid.shape[point]]
        kept.setdefault((shape.place, shape.replica), point)
    return list(kept.values())


def _best_point(grid: Grid, ledger: Ledger, allowed: Flags, index: int) -> int | None:
    """Of one shape: the cheapest point that meets everything, with most sequences; else the one that comes nearest."""
    points = np.flatnonzero(grid.shape == index)
    if not len(points):
        return None
    good = points[(ledger.slack[points] >= 1) & allowed[points]]
    if len(good):
        return int(min(good, key=lambda point: (round(float(ledger.rank[point]), 9), -grid.sequences[point])))
    keeping = points[ledger.slack[points] >= 1]
    if len(keeping):
        return int(keeping[np.argmin(ledger.replicas[keeping])])
    return int(points[np.argmax(ledger.slack[points])])


def _preference(question: Question, grid: Grid, ledger: Ledger, allowed: Flags, point: int) -> tuple[float, ...]:
    """Meets first; then what runs and what the cluster has; then cost, where every price is known; then the order."""
    shape = grid.shapes[grid.shape[point]]
    meets = ledger.slack[point] >= 1 and bool(allowed[point])
    nearness = -min(1.0, float(ledger.slack[point]))
    priced = all(offer.cost_per_hour is not None for offer in question.offers)
    order = 0.0 if priced else float(shape.place)
    rank, replica = float(ledger.rank[point]), shape.replica
    if not meets:
        return (1.0, nearness, float(ledger.replicas[point]), rank, shape.place)
    return (0.0, shape.offer.tier, order, round(rank, 9), replica.gpus, replica.pipeline_parallel, shape.place)
