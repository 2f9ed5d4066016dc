"""Scaling policies on the same requests, in the simulator that runs them all alike.

    python bench/autoscaling.py [--workloads gym] [--policies all] [--seeds 5] [--tune] [--clairvoyant] [--json]

Everybody has the same service: Llama 3.1 8B on one H100, TTFT 2 s and ITL 50 ms, timed by the performance law for the
workload's mean lengths. Runs begin cold, with one replica, or warm, with those that the demand of the first minutes
needs; static ones with their own number. Rivals run with their documented
settings and, with --tune, also with the best of their own search space on another seed (each setting alone, then the
best together; named with a *), by the price of misses that Rorqual's default goal has. `static-N` is hindsight: nobody
knows N beforehand; `static-person` is the number that was best on another seed. --clairvoyant searches for schedules
that know the trace and begin with as many replicas: `clairvoyant_ratio` is a policy's GPU-hours over the least that was
found at its good rate by search or by any policy of the run but the static ones (null for a fixed number that is better
than all of them); `clairvoyant_good_rate` is the best that was found.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np
from autoscaling_clairvoyant import Frontier, clairvoyance, most_good, ratio, with_runs
from autoscaling_frontier import Point, dominating, interpolate_misses
from autoscaling_runs import (
    GOALS,
    GROUPS,
    TUNING_SEED,
    Contender,
    Setting,
    Traces,
    expand,
    known_facts,
    price_seconds,
    read_file,
    requests_for,
    run_all,
)

from rorqual_engine.simulation.rivals.registry import RIVALS
from rorqual_engine.simulation.score import Score

CI_95 = 1.96
PERSON = "static-person"


def variants(kind: str) -> Iterator[Contender]:
    """Each setting's other values alone; the documented defaults first."""
    yield Contender(kind, kind)
    for setting, values in RIVALS[kind].search.items():
        for value in values[1:]:
            yield Contender(kind, kind, {setting: value})


def tune(
    names: Sequence[str], kinds: Sequence[str], options: argparse.Namespace, traces: Traces
) -> dict[tuple[str, str], dict[str, float]]:
    """The best settings of each rival on each workload, on a seed that is not scored."""
    tasks = [(name, variant) for name in names for kind in kinds for variant in variants(kind)]
    seeded = [(name, one, TUNING_SEED) for name, one in tasks]
    scores = run_all(seeded, setting_of(options), options.jobs, traces, "tuning rivals")
    costs: dict[tuple[str, str], list[tuple[float, dict[str, float]]]] = {}
    prices = {name: price_of(name, traces) for name in names}
    for (name, one), found in zip(tasks, scores, strict=True):
        missed = (1 - found.good_rate) * found.requests
        cost = found.gpu_hours * 3600 + prices[name] * missed
        costs.setdefault((name, one.kind), []).append((cost, one.settings))
    return {key: best_together(found) for key, found in costs.items()}


def price_of(name: str, traces: Traces) -> float:
    requests, most = requests_for(name, TUNING_SEED, traces)
    return price_seconds(known_facts(requests, most, 0.0))


def best_together(tried: Sequence[tuple[float, dict[str, float]]]) -> dict[str, float]:
    """Of every setting the value that was better alone than the defaults, which stand first."""
    default = tried[0][0]
    best: dict[str, tuple[float, float]] = {}
    for cost, settings in tried[1:]:
        ((setting, value),) = settings.items()
        if cost < best.get(setting, (default, 0.0))[0]:
            best[setting] = (cost, value)
    return {setting: value for setting, (_, value) in best.items()}


def contenders(kinds: Sequence[str], most: int) -> list[Contender]:
    rorqual = [Contender(f"rorqual-{goal:g}", "rorqual", {"goal": goal}) for goal in GOALS]
    statics = [Contender(f"static-{n}", "static-n", replicas=n) for n in range(1, most + 1)]
    return [*rorqual, *statics, *(Contender(kind, kind) for kind in kinds)]


def row_of(
    name: str, policy: str, scores: Sequence[Score], gpu_hour: float, frontiers: Sequence[Frontier] = ()
) -> dict[str, object]:
    def mean(figure: str) -> float:
        return float(np.mean([getattr(one, figure) for one in scores]))

    def finite(figure: str) -> float | None:
        found = mean(figure)
        return found if math.isfinite(found) else None

    rates = [one.good_rate for one in scores]
    half = CI_95 * float(np.std(rates, ddof=1)) / math.sqrt(len(rates)) if len(rates) > 1 else None
    return {
        "workload": name,
        "policy": policy,
        "seeds": len(scores),
        "good_rate": mean("good_rate"),
        "good_rate_ci": half,
        "goodput_per_gpu": mean("goodput_per_gpu"),
        "gpu_hours": mean("gpu_hours"),
        "cost": mean("gpu_hours") * gpu_hour,
        "ttft_p95": finite("ttft_p95"),
        "itl_p95": finite("itl_p95"),
        "scale_actions": mean("scale_actions"),
        "reversals": mean("reversals"),
        "clairvoyant_ratio": ratio(scores, frontiers),
        "clairvoyant_good_rate": most_good(frontiers),
    }


def person(rows_by_static: dict[str, list[Score]], tuning: dict[str, Score]) -> list[Score]:
    """The static number that was cheapest with a good rate of 95 % on the other seed, or that had the best rate."""
    good = [name for name, one in tuning.items() if one.good_rate >= 0.95]
    chosen = good[0] if good else max(tuning, key=lambda name: tuning[name].good_rate)
    return rows_by_static[chosen]


def measure(options: argparse.Namespace) -> list[dict[str, object]]:
    traces = {path: read_file(path) for path in options.trace}
    names = [*traces, *expand(options.workloads)]
    kinds = [
        kind for kind in (RIVALS if options.policies == "all" else options.policies.split(",")) if kind != "static"
    ]
    tuned = tune(names, kinds, options, traces) if options.tune else {}
    tasks = list(plan_tasks(names, kinds, tuned, options, traces))
    scores = run_all(tasks, setting_of(options), options.jobs, traces, "simulating")
    known = clairvoyance(names, options.seeds, setting_of(options), options.jobs, traces) if options.clairvoyant else {}
    return collect(tasks, scores, options.gpu_hour, known)


def setting_of(options: argparse.Namespace) -> Setting:
    return Setting(options.startup, options.start)


def plan_tasks(
    names: Sequence[str],
    kinds: Sequence[str],
    tuned: dict[tuple[str, str], dict[str, float]],
    options: argparse.Namespace,
    traces: Traces,
) -> Iterator[tuple[str, Contender, int]]:
    for name in names:
        _, most = requests_for(name, 1, traces)
        everyone = contenders(kinds, most)
        everyone += [
            Contender(f"{kind}*", kind, settings) for (of, kind), settings in tuned.items() if of == name and settings
        ]
        for one in everyone:
            seeds = range(1, options.seeds + 1)
            yield from ((name, one, seed) for seed in seeds)
            if one.kind == "static-n":
                yield name, one, TUNING_SEED


def collect(
    tasks: Sequence[tuple[str, Contender, int]],
    scores: Sequence[Score],
    gpu_hour: float,
    known: dict[str, list[Frontier]],
) -> list[dict[str, object]]:
    found: dict[str, dict[str, list[Score]]] = {}
    tuning: dict[str, dict[str, Score]] = {}
    for (name, one, seed), got in zip(tasks, scores, strict=True):
        if seed == TUNING_SEED:
            tuning.setdefault(name, {})[one.name] = got
        else:
            found.setdefault(name, {}).setdefault(one.name, []).append(got)
    rows = []
    for name, policies in found.items():
        online = [got for policy, got in policies.items() if not policy.startswith("static-")]
        frontiers = with_runs(known[name], online) if name in known else ()
        policies[PERSON] = person(policies, tuning[name])
        rows += [row_of(name, policy, got, gpu_hour, frontiers) for policy, got in policies.items()]
    gym = [row for row in rows if row["workload"] in GROUPS["gym"]]
    return [*rows, *(together(gym) if {row["workload"] for row in gym} == set(GROUPS["gym"]) else [])]


def together(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Means over workloads for policies that ran on all; for a tuned rival its defaults count where they were best."""
    names = sorted({str(row["workload"]) for row in rows})
    table = {(row["workload"], row["policy"]): row for row in rows}
    merged = []
    for policy in dict.fromkeys(str(row["policy"]) for row in rows):
        parts = [table.get((name, policy)) or table.get((name, policy.rstrip("*"))) for name in names]
        if all(part is not None for part in parts):
            merged.append({**mean_row(parts), "workload": "gym (all seven)", "policy": policy})  # type: ignore[arg-type]
    return merged


def mean_row(parts: Sequence[dict[str, object]]) -> dict[str, object]:
    made = dict(parts[0])
    for key, value in parts[0].items():
        values = [part[key] for part in parts]
        if isinstance(value, float):
            made[key] = float(np.mean(values)) if all(isinstance(one, float) for one in values) else None  # type: ignore[arg-type]
    halves = [part["good_rate_ci"] for part in parts]
    known = all(isinstance(half, float) for half in halves)
    made["good_rate_ci"] = math.sqrt(sum(half**2 for half in halves)) / len(halves) if known else None  # type: ignore[operator]
    return made


def show(rows: Sequence[dict[str, object]]) -> None:
    for name in dict.fromkeys(row["workload"] for row in rows):
        of = [row for row in rows if row["workload"] == name]
        print(
            f"\n{name}\n{'policy':28} {'good':>7} {'±':>6} {'GPU-h':>7} {'good/s/GPU':>10} {'changes':>8} {'turns':>6} "
            f"{'clairv.':>8}"
        )
        for row in sorted(of, key=lambda row: float(row["good_rate"]), reverse=True):  # type: ignore[arg-type]
            half = f"{row['good_rate_ci']:6.3f}" if row["good_rate_ci"] is not None else "     -"
            print(
                f"{row['policy']:28} {row['good_rate']:7.3f} {half} {row['gpu_hours']:7.3f} "
                f"{row['goodput_per_gpu']:10.3f} {row['scale_actions']:8.1f} {row['reversals']:6.1f} "
                f"{'-' if row['clairvoyant_ratio'] is None else format(row['clairvoyant_ratio'], '.2f'):>8}"
            )
        conclude(of)


def conclude(rows: Sequence[dict[str, object]]) -> None:
    """Who beats Rorqual's curve on both figures, and what it misses beside the best rival at the same GPU-hours."""
    points = [Point(str(row["policy"]), float(row["gpu_hours"]), float(row["good_rate"])) for row in rows]  # type: ignore[arg-type]
    ours = [point for point in points if point.name.startswith("rorqual-")]
    hindsight = [point for point in points if point.name.startswith("static-") and point.name != PERSON]
    rivals = [point for point in points if not point.name.startswith(("rorqual-", "static-"))]
    online = [*rivals, *(point for point in points if point.name == PERSON)]
    print(f"  above and left of Rorqual's curve: {', '.join(dominating(ours, online)) or 'nobody'}")
    print(f"  with hindsight: {', '.join(dominating(ours, hindsight)) or 'nobody'}")
    for point in ours:
        best = interpolate_misses(rivals, point.gpu_hours)
        if best is not None and best > 0:
            fewer = 1 - (1 - point.good_rate) / best
            print(f"  {point.name}: {fewer:+.0%} fewer misses than the rivals' frontier at {point.gpu_hours:.3f} GPU-h")
    compare_goodput(rows)


def compare_goodput(rows: Sequence[dict[str, object]]) -> None:
    """Good requests a second and GPU, beside the best rival whose good rate is no lower."""
    for one in rows:
        if not str(one["policy"]).startswith("rorqual-"):
            continue
        rivals = [
            row
            for row in rows
            if not str(row["policy"]).startswith(("rorqual-", "static-")) and row["good_rate"] >= one["good_rate"]  # type: ignore[operator]
        ]
        best = max(rivals, key=lambda row: float(row["goodput_per_gpu"]), default=None)  # type: ignore[arg-type]
        if best is None:
            print(f"  {one['policy']}: no rival has as good a rate")
        else:
            more = float(one["goodput_per_gpu"]) / float(best["goodput_per_gpu"]) - 1  # type: ignore[arg-type]
            print(f"  {one['policy']}: {more:+.0%} goodput per GPU beside {best['policy']}, the best of as good a rate")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace", nargs="*", default=[], help="files with requests, in any format that is read")
    parser.add_argument("--workloads", default="gym", help="names, or gym, hour, azure, servegen; with commas")
    parser.add_argument("--policies", default="all", help="rivals by name, with commas")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--startup", type=float, default=30.0, help="seconds until a replica is ready")
    parser.add_argument("--start", choices=("cold", "warm"), default="cold", help="with one replica, or with enough")
    parser.add_argument("--gpu-hour", type=float, default=3.0, help="price of a GPU for an hour, in any currency")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tune", action="store_true", help="run rivals with their best settings, too (named with a *)")
    parser.add_argument("--clairvoyant", action="store_true", help="compare with schedules that know the trace")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    rows = measure(options)
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        show(rows)
    print(f"{len(rows)} rows in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
