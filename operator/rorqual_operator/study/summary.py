"""A policy's runs as one row, and which rows nobody beats."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from rorqual_engine.simulation.score import Score
from rorqual_operator.study.sweep import Run

T_975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
"""Quantiles of Student's t distribution, for 1 to 15 degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Row:
    """Means over the seeds."""

    workload: str
    policy: str
    seeds: int
    good_rate: float
    good_rate_ci: tuple[float, float] | None
    """95 %, of the mean over the seeds; None for one seed."""
    goodput_per_gpu: float
    """Good requests a second and GPU held."""
    gpu_hours: float
    cost: float | None
    """Of the GPU-hours, where the price is known."""
    ttft_p95: float
    itl_p95: float
    """Seconds; infinite where a twentieth of the requests had no answer at the run's end."""
    scale_actions: float
    reversals: float


def summarise(runs: Sequence[Run], workload: str, gpu_hour: float | None) -> list[Row]:
    """One row a policy and service, by service: the highest good rate first, then the fewest GPU-hours."""
    services = dict.fromkeys(run.service for run in runs)
    rows: list[Row] = []
    for service in services:
        name = workload if len(services) == 1 else f"{workload}/{service}"
        rows += _of_service([run for run in runs if run.service == service], name, gpu_hour)
    return rows


def _of_service(runs: Sequence[Run], workload: str, gpu_hour: float | None) -> list[Row]:
    names = dict.fromkeys(run.policy for run in runs)
    rows = [_row(name, [run.score for run in runs if run.policy == name], workload, gpu_hour) for name in names]
    return sorted(rows, key=lambda row: (-row.good_rate, row.gpu_hours))


def by_workload(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """In their order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.workload, []).append(row)
    return found


def unbeaten(row: Row, rows: Sequence[Row]) -> bool:
    """Whether no other has as good a rate for as few GPU-hours, and is better in one of both."""
    return not any(
        other.good_rate >= row.good_rate
        and other.gpu_hours <= row.gpu_hours
        and (other.good_rate, other.gpu_hours) != (row.good_rate, row.gpu_hours)
        for other in rows
    )


def _row(policy: str, scores: Sequence[Score], workload: str, gpu_hour: float | None) -> Row:
    def mean(of: Callable[[Score], float]) -> float:
        return fmean(of(one) for one in scores)

    hours = mean(lambda one: one.gpu_hours)
    return Row(
        workload=workload,
        policy=policy,
        seeds=len(scores),
        good_rate=mean(lambda one: one.good_rate),
        good_rate_ci=interval([one.good_rate for one in scores]),
        goodput_per_gpu=mean(lambda one: one.goodput_per_gpu),
        gpu_hours=hours,
        cost=None if gpu_hour is None else hours * gpu_hour,
        ttft_p95=mean(lambda one: one.ttft_p95),
        itl_p95=mean(lambda one: one.itl_p95),
        scale_actions=mean(lambda one: one.scale_actions),
        reversals=mean(lambda one: one.reversals),
    )


def interval(shares: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of the mean of shares, by Student's t; None for a single one."""
    if len(shares) < 2:
        return None
    freedom = len(shares) - 1
    quantile = T_975[freedom - 1] if freedom <= len(T_975) else 1.96 + 2.4 / freedom
    half = quantile * stdev(shares) / math.sqrt(len(shares))
    middle = fmean(shares)
    return max(0.0, middle - half), min(1.0, middle + half)
