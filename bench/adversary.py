"""Workloads on which Rorqual loses most to each rival, searched for.

    python bench/adversary.py [--policies mpc,hpa-in-flight,…] [--random 24] [--moves 80] [--seed 1] [--json]

A workload is half an hour of a chat in twelve levels of requests a second and the variation of its gaps. What a run
costs is its GPU-seconds, and missed requests at the price that a goal of 0.95 puts on one; Rorqual's loss is its cost
over the rival's (both from one replica that starts in 60 s, on the same requests). The search begins with random
levels, then changes the worst ones step by step. It finds bad workloads, not how often they come: for that stand the
median and the geometric mean over the random ones (`--moves 0` for those alone).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from autoscaling_runs import DEFAULT_GOAL, Contender, in_parallel, price_seconds, run_service, service_of

from rorqual_engine.simulation.arrivals import RateCurve
from rorqual_engine.simulation.score import Score, score
from rorqual_engine.simulation.workloads.shapes import CHAT_INPUTS, CHAT_OUTPUTS
from rorqual_engine.simulation.workloads.workload import drawn

LEVELS = 12
LEVEL_SECONDS = 150.0
RATES = (1.0, 40.0)
"""Requests a second: up to four replicas' worth."""
VARIATIONS = (1.0, 2.0)
"""Of the gaps between requests: Poisson, and bursty."""
STARTUP_SECONDS = 60.0
MOST_REPLICAS = 8
RIVALS = "mpc,hpa-in-flight,keda-queue,ray-serve,kthena,static-2"
RORQUAL = Contender("rorqual", "rorqual", {"goal": DEFAULT_GOAL})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A workload of the search."""

    levels: tuple[float, ...]
    variation: float
    seed: int


@dataclass(frozen=True, slots=True)
class Judged:
    """How both did on one."""

    candidate: Candidate
    ours: Score
    theirs: Score
    loss: float


def contender(name: str) -> Contender:
    kind, _, number = name.partition("-")
    if kind == "static":
        return Contender(name, "static-n", replicas=int(number))
    return Contender(name, name)


def judge(candidate: Candidate, rival: Contender) -> Judged:
    curve = RateCurve.of_steps(
        [LEVEL_SECONDS * place for place in range(LEVELS)], list(candidate.levels), LEVELS * LEVEL_SECONDS
    )
    generator = np.random.default_rng(candidate.seed)
    requests = drawn(curve, CHAT_INPUTS, CHAT_OUTPUTS, generator, candidate.variation)
    service = service_of(requests, MOST_REPLICAS, STARTUP_SECONDS)
    beside = service if rival.replicas is None else replace(service, initial_replicas=rival.replicas)
    ours = score(run_service(service, RORQUAL, candidate.seed))
    theirs = score(run_service(beside, rival, candidate.seed))
    price = price_seconds(service.facts)
    return Judged(candidate, ours, theirs, cost(ours, price) / cost(theirs, price))


def cost(one: Score, price: float) -> float:
    """GPU-seconds."""
    return 3600 * one.gpu_hours + price * (1 - one.good_rate) * one.requests


def at_random(random: np.random.Generator) -> Candidate:
    levels = np.exp(random.uniform(*np.log(RATES), LEVELS))
    return Candidate(tuple(levels.round(1).tolist()), float(random.choice(VARIATIONS)), int(random.integers(2**31)))


def changed(one: Candidate, random: np.random.Generator) -> Candidate:
    """One to three neighbouring levels anew, or moved by one place, or the other variation."""
    levels = np.array(one.levels)
    kind = random.random()
    if kind < 0.1:
        other = VARIATIONS[one.variation == VARIATIONS[0]]
        return replace(one, variation=other)
    if kind < 0.25:
        levels = np.roll(levels, int(random.choice((-1, 1))))
    else:
        begin, span = int(random.integers(LEVELS)), int(random.integers(1, 4))
        levels[begin : begin + span] = np.exp(random.uniform(*np.log(RATES)))
    return replace(one, levels=tuple(levels.round(1).tolist()))


def search(name: str, begin: Sequence[Candidate], moves: int, seed: int) -> tuple[Judged, list[float]]:
    """The workload with the greatest loss to that rival, and the losses of those begun with."""
    random = np.random.default_rng([seed, *name.encode()])
    rival = contender(name)
    tried = [judge(one, rival) for one in begin]
    worst = max(tried, key=lambda one: one.loss)
    for _ in range(moves):
        worst = max(worst, judge(changed(worst.candidate, random), rival), key=lambda one: one.loss)
    return worst, [one.loss for one in tried]


def row_of(name: str, worst: Judged, losses: Sequence[float]) -> dict[str, object]:
    logs = np.log(losses)
    return {
        "rival": name,
        "mean_loss": float(np.exp(logs.mean())),
        "mean_loss_error": float(np.exp(logs.mean()) * logs.std() / np.sqrt(len(logs))),
        "median_loss": float(np.median(losses)),
        "worst_loss": worst.loss,
        "good_rate": worst.ours.good_rate,
        "gpu_hours": worst.ours.gpu_hours,
        "rival_good_rate": worst.theirs.good_rate,
        "rival_gpu_hours": worst.theirs.gpu_hours,
        "requests_per_second": worst.candidate.levels,
        "variation": worst.candidate.variation,
        "seed": worst.candidate.seed,
    }


def show(rows: Sequence[dict[str, object]]) -> None:
    figures = f"{'mean':>7} {'±':4}{'median':>9}{'worst':>8}{'Rorqual there':>18}{'rival there':>18}"
    print(f"{'rival':16}{figures}  requests/s by 150 s (CV)")
    for row in rows:
        levels = " ".join(f"{one:.0f}" for one in row["requests_per_second"])  # type: ignore[attr-defined]
        print(
            f"{row['rival']:16}{row['mean_loss']:7.2f} {row['mean_loss_error']:4.2f}{row['median_loss']:9.2f}"
            f"{row['worst_loss']:8.2f}"
            f"{row['good_rate']:10.3f} {row['gpu_hours']:5.2f} h{row['rival_good_rate']:10.3f} "
            f"{row['rival_gpu_hours']:5.2f} h  {levels} ({row['variation']:g})"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policies", default=RIVALS, help="rivals, with commas; static-N is N replicas from the start")
    parser.add_argument("--random", type=int, default=24, help="workloads to begin with")
    parser.add_argument("--moves", type=int, default=80, help="of the search, for each rival")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    random = np.random.default_rng(asked.seed)
    begin = [at_random(random) for _ in range(asked.random)]
    names = asked.policies.split(",")
    found = in_parallel(search, [(name, begin, asked.moves, asked.seed) for name in names], asked.jobs, "searching")
    rows = [row_of(name, *one) for name, one in zip(names, found, strict=True)]
    if asked.json:
        print(json.dumps(rows, indent=1))
    else:
        show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
