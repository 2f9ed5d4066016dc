"""How long a large service takes to simulate: ServeGen's m-large at its full rate, under the operator's own `decide`.

    python bench/simulator_fleet.py RATES.csv [--days 2] [--factor 1.0] [--replicas 64] [--jobs 2] [--json]

RATES.csv has `t_s,req_per_s`, as ServeGen's; lengths and gaps are drawn as for the workload servegen-day. Days are
simulated apart, each from a warm start, so that one day's requests are in memory at a time; all of them are scored.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from autoscaling_runs import Contender, in_parallel, run_service, service_of

from rorqual_engine.simulation.opening import OPENING_SECONDS
from rorqual_engine.simulation.score import score
from rorqual_engine.simulation.traces.servegen import draw_at, read_rates
from rorqual_engine.simulation.workloads.recorded import SERVEGEN_DRAW
from rorqual_operator.study import start

DAY_SECONDS = 86_400.0
STARTUP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Day:
    """One day done."""

    day: int
    requests: int
    replicas: float
    """Mean."""
    most: int
    good_rate: float
    gpu_hours: float
    seconds: float
    """Of wall time, drawing the requests included."""


def run(file: Path, day: int, factor: float, replicas: int) -> Day:
    began = time.perf_counter()
    with file.open(encoding="utf-8") as lines:
        rates = read_rates(lines).between(day * DAY_SECONDS, (day + 1) * DAY_SECONDS)
    requests = draw_at(rates, replace(SERVEGEN_DRAW, factor=factor), np.random.default_rng(day))
    service = service_of(requests, replicas, STARTUP_SECONDS)
    service = replace(service, initial_replicas=start.warm(service.facts, requests, OPENING_SECONDS))
    outcome = run_service(service, Contender("rorqual", "rorqual", {"goal": 0.95}), day)
    found = score(outcome)
    hours = requests.duration_seconds / 3600
    return Day(
        day=day,
        requests=len(requests),
        replicas=found.gpu_hours / hours,
        most=max(one.replicas for one in outcome.decisions),
        good_rate=found.good_rate,
        gpu_hours=found.gpu_hours,
        seconds=time.perf_counter() - began,
    )


def show(days: Sequence[Day], wall: float) -> None:
    print(f"{'day':>4}{'requests':>13}{'replicas':>10}{'most':>6}{'good':>8}{'GPU-h':>9}{'wall':>8}")
    for one in days:
        print(f"{one.day:4}{one.requests:13,}{one.replicas:10.1f}{one.most:6}{one.good_rate:8.4f}{one.gpu_hours:9.1f}"
              f"{one.seconds:7.0f}s")  # fmt: skip
    total = sum(one.requests for one in days)
    print(f"{total:,} requests in {wall:.0f} s: {total / wall:,.0f} a second of wall time")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rates", type=Path)
    parser.add_argument("--days", type=int, default=2)
    parser.add_argument("--factor", type=float, default=1.0, help="on the rates")
    parser.add_argument("--replicas", type=int, default=64, help="the most")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    began = time.perf_counter()
    tasks = [(asked.rates, day, asked.factor, asked.replicas) for day in range(asked.days)]
    days = in_parallel(run, tasks, asked.jobs, "days")
    wall = time.perf_counter() - began
    if asked.json:
        print(json.dumps([{name: getattr(one, name) for name in Day.__slots__} for one in days], indent=1))
    else:
        show(days, wall)
    return 0


if __name__ == "__main__":
    sys.exit(main())
