"""What schedules could do that know the trace, as a measure for those who do not."""

from collections.abc import Sequence

import numpy as np
from autoscaling_frontier import Point
from autoscaling_runs import Contender, Setting, Traces, in_parallel, price_seconds, run_service, service_for, tick_of

from rorqual_engine.simulation.clairvoyant import Effort, schedule_of, search
from rorqual_engine.simulation.score import Score

SLOTS = 120
LEAST_SLOT_SECONDS = 5.0
MOVES = 150
"""For each price of a miss."""
PRICE_FACTORS = (0.25, 1.0, 4.0)
"""Of a miss at the default goal."""
BEGUN_WITH = (
    Contender("rorqual-0.8", "rorqual", {"goal": 0.8}),
    Contender("rorqual-0.95", "rorqual", {"goal": 0.95}),
    Contender("rorqual-0.98", "rorqual", {"goal": 0.98}),
    Contender("mpc", "mpc"),
)
"""Whose schedules the search begins with, too."""
Frontier = list[Point]


def clairvoyance(
    names: Sequence[str], seeds: int, setting: Setting, jobs: int, traces: Traces
) -> dict[str, list[Frontier]]:
    """One frontier a seed, by workload."""
    tasks = [(name, seed, setting, traces) for name in names for seed in range(1, seeds + 1)]
    found = in_parallel(know_all, tasks, jobs, "searching for schedules that know the trace")
    by_name: dict[str, list[Frontier]] = {}
    for (name, *_), points in zip(tasks, found, strict=True):
        by_name.setdefault(name, []).append(points)
    return by_name


def know_all(name: str, seed: int, setting: Setting, traces: Traces) -> Frontier:
    """The frontier of schedules found for that draw."""
    service = service_for(name, seed, setting, traces)
    slot = max(LEAST_SLOT_SECONDS, service.requests.duration_seconds / SLOTS)
    price = price_seconds(service.facts)
    effort = Effort(tuple(price * factor for factor in PRICE_FACTORS), slot, MOVES)
    known = [schedule_of(run_service(service, one, seed, tick_of(name)), slot) for one in BEGUN_WITH]
    found = search(service, effort, seed, known)
    return [Point("clairvoyant", one.score.gpu_hours, one.score.good_rate) for one in found]


def with_runs(frontiers: Sequence[Frontier], runs: Sequence[Sequence[Score]]) -> list[Frontier]:
    """With what policies reached, which who knows the trace could have done, too; one frontier a seed."""
    return [
        [*points, *(Point("a policy", one.gpu_hours, one.good_rate) for one in scores)]
        for points, scores in zip(frontiers, zip(*runs, strict=True), strict=True)
    ]


def ratio(scores: Sequence[Score], frontiers: Sequence[Frontier]) -> float | None:
    """GPU-hours over the least known at no lower good rate, mean over the seeds; None without frontiers."""
    if not frontiers:
        return None
    ratios = []
    for one, points in zip(scores, frontiers, strict=True):
        least = min((point.gpu_hours for point in points if point.good_rate >= one.good_rate), default=None)
        if least is None:
            return None
        ratios.append(one.gpu_hours / least)
    return float(np.mean(ratios))


def most_good(frontiers: Sequence[Frontier]) -> float | None:
    """The best good rate that was found, mean over the seeds."""
    return float(np.mean([max(one.good_rate for one in points) for points in frontiers])) if frontiers else None
