"""How soon policies recover from a tenfold step, for each time that a replica takes to start.

    python bench/step_recovery.py [--startups 0,30,60,120,300] [--policies mpc,hpa-in-flight,…] [--seeds 5] [--json]

The workload is `step-startup`: 2 requests/s, 20 from minute 10 to minute 20, from a warm start. A policy has recovered
when from then on, to the end of the step, 95 % of the requests of every ten seconds are good. `informed` is told of the
step when it begins, not before: it asks for N replicas at once, keeps them to the end of the step, and N is the one
that recovers soonest (the fewest of equals). Turns are changes of direction, of which two load changes need one.
"""

import argparse
import json
import sys
from collections.abc import Sequence

import numpy as np
from autoscaling_runs import Contender, Setting, in_parallel, run_service, service_for

from rorqual_engine.simulation.clairvoyant import Scheduled
from rorqual_engine.simulation.run import Outcome, Scenario, Separate, Service, simulate
from rorqual_engine.simulation.score import request_is_good, score

WORKLOAD = "step-startup"
STEP = (600.0, 1200.0)
BIN_SECONDS = 10.0
RECOVERED = 0.95
SLOT_SECONDS = 5.0
RIVALS = "mpc,hpa-in-flight,hpa-waiting,keda-queue,ray-serve,dynamo-sla-load,aibrix-apa,knative,kthena"
INFORMED = "informed"
Row = dict[str, object]


def recovery_seconds(outcome: Outcome) -> float:
    """From the step on; its whole length where it never recovers."""
    begin, end = STEP
    at, good = outcome.service.requests.arrival_seconds, request_is_good(outcome)
    place = ((at - begin) / BIN_SECONDS).astype(np.int64)
    bins = round((end - begin) / BIN_SECONDS)
    inside = (at >= begin) & (at < end)
    came = np.bincount(place[inside], minlength=bins)
    kept = np.bincount(place[inside], good[inside].astype(float), minlength=bins)
    bad = np.flatnonzero(kept < RECOVERED * came)
    return float((bad[-1] + 1) * BIN_SECONDS) if len(bad) else 0.0


def figures(outcome: Outcome) -> Row:
    found = score(outcome)
    return {
        "recovery_seconds": recovery_seconds(outcome),
        "good_rate": found.good_rate,
        "gpu_hours": found.gpu_hours,
        "peak_replicas": float(max([outcome.service.initial_replicas, *(one.replicas for one in outcome.decisions)])),
        "turns": float(found.reversals),
    }


def informed(service: Service, seed: int) -> Row:
    """The best of all numbers that could be asked for at the step."""
    slots = round(service.requests.duration_seconds / SLOT_SECONDS)
    at = SLOT_SECONDS * np.arange(slots)
    tried = []
    for number in range(service.initial_replicas, service.facts.max_replicas + 1):
        inside = (at >= STEP[0]) & (at < STEP[1])
        schedule = tuple(np.where(inside, number, service.initial_replicas).tolist())
        controller = Separate({"it": Scheduled(schedule, SLOT_SECONDS)})
        tried.append(figures(simulate(Scenario({"it": service}, seed=seed), controller)["it"]))
    return min(tried, key=lambda row: row["recovery_seconds"])  # type: ignore[arg-type, return-value]


def run(policy: str, startup: float, seed: int) -> Row:
    service = service_for(WORKLOAD, seed, Setting(startup, "warm"), {})
    if policy == INFORMED:
        return informed(service, seed)
    name, _, goal = policy.partition("@")
    settings = {"goal": float(goal)} if goal else {}
    return figures(run_service(service, Contender(policy, name, settings), seed))


def measure(policies: Sequence[str], startups: Sequence[float], seeds: int, jobs: int) -> list[Row]:
    """One row a start-up and policy, means over the seeds."""
    tasks = [(policy, startup, seed) for startup in startups for policy in policies for seed in range(1, seeds + 1)]
    found = in_parallel(run, tasks, jobs, "simulating")
    rows: list[Row] = []
    for place in range(0, len(tasks), seeds):
        policy, startup, _ = tasks[place]
        part = found[place : place + seeds]
        means = {name: float(np.mean([one[name] for one in part])) for name in part[0]}  # type: ignore[misc]
        rows.append({"startup_seconds": startup, "policy": policy, "seeds": seeds, **means})
    return [_beside_informed(row, rows) for row in rows]


def _beside_informed(row: Row, rows: Sequence[Row]) -> Row:
    best = next(one for one in rows if one["policy"] == INFORMED and one["startup_seconds"] == row["startup_seconds"])[
        "recovery_seconds"
    ]
    ratio = row["recovery_seconds"] / best if best else None  # type: ignore[operator]
    return {**row, "informed_ratio": ratio}


def show(rows: Sequence[Row]) -> None:
    for startup in dict.fromkeys(row["startup_seconds"] for row in rows):
        print(f"\nstart-up {startup:g} s\n{'policy':20}{'recovery':>10}{'of informed':>12}{'good':>8}{'GPU-h':>8}"
              f"{'peak':>6}{'turns':>7}")  # fmt: skip
        for row in (one for one in rows if one["startup_seconds"] == startup):
            ratio = "-" if row["informed_ratio"] is None else f"{row['informed_ratio']:.2f}"
            print(f"{row['policy']:20}{row['recovery_seconds']:8.0f} s{ratio:>12}{row['good_rate']:8.3f}"
                  f"{row['gpu_hours']:8.3f}{row['peak_replicas']:6.1f}{row['turns']:7.1f}")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--startups", default="0,30,60,120,300", help="seconds, with commas")
    parser.add_argument("--policies", default=RIVALS, help="rivals, with commas")
    parser.add_argument("--goals", default="0.9,0.95,0.98", help="of Rorqual, with commas")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    startups = [float(one) for one in asked.startups.split(",")]
    policies = [INFORMED, *(f"rorqual@{goal}" for goal in asked.goals.split(",")), *asked.policies.split(",")]
    rows = measure(policies, startups, asked.seeds, asked.jobs)
    if asked.json:
        print(json.dumps(rows, indent=1))
    else:
        show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
