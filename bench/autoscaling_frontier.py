"""Good rate against GPU-hours: who stands above and left of whom."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Point:
    """One policy on one workload."""

    name: str
    gpu_hours: float
    good_rate: float


def frontier(points: Sequence[Point]) -> list[Point]:
    """Those that no other beats on both figures, the cheapest first."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda one: (one.gpu_hours, -one.good_rate)):
        if not kept or point.good_rate > kept[-1].good_rate:
            kept.append(point)
    return kept


def good_rate_at(points: Sequence[Point], gpu_hours: float) -> float | None:
    """Of the frontier at so many GPU-hours, straight between its points; None below the cheapest."""
    edge = frontier(points)
    if not edge or gpu_hours < edge[0].gpu_hours:
        return None
    return float(np.interp(gpu_hours, [one.gpu_hours for one in edge], [one.good_rate for one in edge]))


def dominating(curve: Sequence[Point], others: Sequence[Point]) -> list[str]:
    """Names of the points above the curve, within its range of GPU-hours, or as good as its best for less."""
    edge = frontier(curve)
    if not edge:
        return [one.name for one in others]
    names = []
    for one in others:
        here = good_rate_at(curve, one.gpu_hours)
        if here is None:
            above = one.good_rate >= edge[0].good_rate
        else:
            above = one.good_rate > here and one.gpu_hours <= edge[-1].gpu_hours
        if above:
            names.append(one.name)
    return names


def interpolate_misses(points: Sequence[Point], gpu_hours: float) -> float | None:
    """Share of missed requests on the points' frontier at so many GPU-hours."""
    rate = good_rate_at(points, gpu_hours)
    return None if rate is None else 1.0 - rate
