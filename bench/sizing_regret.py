"""The regret of a recommended concurrency: what its goodput lacks of the best that was measured on the same curve."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sizing_rows import Measured

from rorqual_engine.sizing.objectives import deviations
from rorqual_engine.sizing.performance.points import LOAD_COLUMNS, SETTING_COLUMNS
from rorqual_engine.sizing.performance.prediction import Array

OBJECTIVES = ((0.5, 0.02), (1.0, 0.03), (2.0, 0.05), (5.0, 0.1))
"""TTFT and TPOT in seconds: from a chat that must feel instant to one that only must not stall."""
FEWEST_LEVELS = 4
CONCURRENCY = (*SETTING_COLUMNS, *LOAD_COLUMNS).index("concurrency")
"""Row of the table of points."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One deployment under one kind of load; places of its rows, by rising concurrency, one a level."""

    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Speeds:
    """What somebody says of every row, and how sure he is (standard deviations of the logarithms; 0: quite)."""

    ttft: Array
    tpot: Array
    ttft_spread: Array | float = 0.0
    tpot_spread: Array | float = 0.0

    def bounds(self, confidence: float) -> tuple[Array, Array]:
        """Latencies that are both kept with that confidence, as the search takes them."""
        sure = deviations(confidence, 2)
        return self.ttft * np.exp(sure * self.ttft_spread), self.tpot * np.exp(sure * self.tpot_spread)


def curves_of(data: Measured) -> list[Curve]:
    """Curves of enough levels, in a fixed order; of rows at the same level the first counts."""
    found: dict[tuple[object, ...], dict[float, int]] = defaultdict(dict)
    for place in data.distinct():
        column = data.points.table[:, place]
        key = (data.named[place], data.rows[place]["backend_version"], *np.delete(column, CONCURRENCY))
        found[key].setdefault(float(data.points["concurrency"][place]), int(place))
    ordered = [Curve(tuple(levels[at] for at in sorted(levels))) for levels in found.values()]
    return sorted((curve for curve in ordered if len(curve.places) >= FEWEST_LEVELS), key=lambda curve: curve.places)


def regrets(data: Measured, curves: Sequence[Curve], choose: Callable[[Curve, float, float], int]) -> Array:
    """One regret for each curve and pair of objectives that some level meets; `choose` gives a place of the curve."""
    found = []
    for curve in curves:
        places = np.array(curve.places)
        for ttft, tpot in OBJECTIVES:
            good = data.rate[places] * (data.ttft[places] <= ttft) * (data.tpot[places] <= tpot)
            if good.max() > 0:
                chosen = curve.places.index(choose(curve, ttft, tpot))
                found.append(1.0 - good[chosen] / good.max())
    return np.array(found)


def by_speeds(data: Measured, speeds: Speeds, confidence: float) -> Callable[[Curve, float, float], int]:
    """The search's rule: most requests a second of the levels that keep both objectives with the confidence asked for;
    where none does, the level that comes nearest."""
    output = data.points["output_tokens"]
    rate = data.points["concurrency"] / (speeds.ttft + speeds.tpot * (output - 1.0))
    bounds = speeds.bounds(confidence)

    def choose(curve: Curve, ttft: float, tpot: float) -> int:
        places = np.array(curve.places)
        slack = np.minimum(ttft / bounds[0][places], tpot / bounds[1][places])
        if slack.max() < 1:
            return curve.places[int(np.argmax(slack))]
        return curve.places[int(np.argmax(np.where(slack >= 1, rate[places], 0.0)))]

    return choose


def at_most(data: Measured, limit: Callable[[int], float]) -> Callable[[Curve, float, float], int]:
    """The highest level within a rule's limit; the lowest where all are above it."""

    def choose(curve: Curve, _ttft: float, _tpot: float) -> int:
        within = [p for p in curve.places if data.points["concurrency"][p] <= limit(p) * data.points["data"][p]]
        return within[-1] if within else curve.places[0]

    return choose


def enova_limit(parameters: float) -> float:
    """ENOVA's rule: the power of two in 8..1024 nearest to 256 x 7e9 / parameters."""
    return min((2.0**power for power in range(3, 11)), key=lambda size: abs(size - 256 * 7e9 / parameters))
