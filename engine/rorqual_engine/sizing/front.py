"""The Pareto front: operating points that no other point beats in cost, TTFT, TPOT and throughput at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.sizing.alternative import Alternative, alternative_at, keep_ledger
from rorqual_engine.sizing.grid import explore
from rorqual_engine.sizing.performance.prediction import Array
from rorqual_engine.sizing.question import Question


@dataclass(frozen=True, slots=True)
class Front:
    """Points of the front, the cheapest first, and how many points there were."""

    points: tuple[Alternative, ...]
    explored: int


def pareto_front(question: Question) -> Front:
    """The front over all shapes and numbers of sequences of a question, each with the replicas that it needs."""
    grid = explore(question)
    ledger = keep_ledger(question, grid)
    cost = np.where(np.isnan(ledger.cost), ledger.rank, ledger.cost)
    figures = np.column_stack([cost, grid.ttft.value, grid.tpot.value, -grid.requests.value * ledger.replicas])
    kept = np.flatnonzero(undominated(figures))
    order = kept[np.lexsort((grid.tpot.value[kept], cost[kept]))]
    return Front(tuple(alternative_at(question, grid, ledger, int(point)) for point in order), len(figures))


def undominated(figures: Array) -> NDArray[np.bool_]:
    """Of rows of figures to be made small, shape (points, figures): which no other row beats or equals in all."""
    better = np.zeros(len(figures), dtype=bool)
    for row in range(len(figures)):
        no_worse = (figures <= figures[row]).all(axis=1)
        better[row] = not (no_worse & (figures < figures[row]).any(axis=1)).any()
    return better
