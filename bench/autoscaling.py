"""Scaling policies on the same requests, in the simulator that runs them all alike.

    python bench/autoscaling.py [--workloads gym] [--policies all] [--seeds 5] [--tune] [--clairvoyant] [--json]

Everybody has the same service: Llama 3.1 8B on one H100, TTFT 2 s and ITL 50 ms, timed by the performance law for the
workload's mean lengths. Runs begin cold, with one replica, but for the static ones. Rivals run with their documented
settings and, with --tune, also with the best of their own search space on another seed (each setting alone, then the
best together; named with a *), by the price of misses that Rorqual's default goal has. `static-N` is hindsight: nobody
knows N beforehand; `static-person` is the number that was best on another seed. --clairvoyant searches for schedules
that know the trace and begin with one replica, too: `clairvoyant_ratio` is a policy's GPU-hours over the least that was
found at its good rate, null where none reached it; below 1 the search found nothing as good.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from autoscaling_frontier import Point, dominating, interpolate_misses
from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import Progress

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Stall
from rorqual_engine.simulation.clairvoyant import Effort, search
from rorqual_engine.simulation.facts import ITL_SECONDS, TTFT_SECONDS, facts_of
from rorqual_engine.simulation.operated import TICK_SECONDS, OperatedAlone
from rorqual_engine.simulation.policy import Facts, Policy
from rorqual_engine.simulation.requests import Requests
from rorqual_engine.simulation.rivals.registry import RIVALS
from rorqual_engine.simulation.rivals.static import Static
from rorqual_engine.simulation.run import Scenario, Separate, Service, simulate
from rorqual_engine.simulation.score import Score, score
from rorqual_engine.simulation.traces.read import Reading, read_trace
from rorqual_engine.simulation.workloads.registry import WORKLOADS, workload
from rorqual_operator.study.policies import with_goal

GPU = "NVIDIA-H100-80GB-HBM3"
MODEL = "meta-llama/Llama-3.1-8B-Instruct"
GOALS = (0.8, 0.9, 0.95, 0.98)
DEFAULT_GOAL = 0.95
TUNING_SEED = 1000
GROUPS = {
    "gym": [name for name in WORKLOADS if name.startswith("gym-")],
    "hour": ["steady", "step", "ramp", "cycles", "composition-shift", "bursts"],
    "azure": ["azure-conv", "azure-code"],
}
GYM_TICK_SECONDS = 5.0
"""The protocol of the gym's recipes."""
CI_95 = 1.96
CLAIRVOYANT_SLOTS = 36
CLAIRVOYANT_MOVES = 150
PERSON = "static-person"


@dataclass(frozen=True, slots=True)
class Contender:
    """A policy with its settings; `replicas` is what its runs begin with."""

    name: str
    kind: str
    settings: dict[str, float] = field(default_factory=dict)
    replicas: int = 1

    def make(self, facts: Facts, spec: LLMServiceSpec, tick: float) -> Policy:
        if self.kind == "rorqual":
            return OperatedAlone(with_goal(spec, self.settings["goal"]), tick_seconds=tick)
        if self.kind == "static-n":
            return Static(facts, replicas=self.replicas)
        return RIVALS[self.kind].make(facts, **self.settings)


def spec_of(requests: Requests, most: int) -> LLMServiceSpec:
    """With as many sequences as memory allows: sizing for these objectives is another bench's matter."""
    body = {
        "model": {"name": MODEL},
        "hardware": [{"gpu": GPU}],
        "workload": {
            "inputTokens": max(1, round(float(requests.input_tokens.mean()))),
            "outputTokens": max(1, round(float(requests.output_tokens.mean()))),
        },
        "scaling": {"minReplicas": 1, "maxReplicas": most},
    }
    sequences = sized(LLMServiceSpec.model_validate(body), 0.0).sequences
    promised = {
        "objectives": {"ttft": {"p95": f"{TTFT_SECONDS:g}s"}, "tpot": {"p95": f"{1000 * ITL_SECONDS:g}ms"}},
        "configuration": {"maxConcurrentSequences": sequences, "tensorParallel": 1},
    }
    return LLMServiceSpec.model_validate({**body, **promised})


def sized(spec: LLMServiceSpec, startup: float) -> Facts:
    found = facts_of(spec, startup)
    if isinstance(found, Stall):
        raise SystemExit(f"{MODEL} on {GPU}: {found.message}")
    return found


def known_facts(requests: Requests, most: int, startup: float) -> Facts:
    return sized(spec_of(requests, most), startup)


def requests_for(name: str, seed: int, traces: dict[str, Requests]) -> tuple[Requests, int]:
    """Requests, and the most replicas; a trace is the same for every seed, start-ups apart."""
    if name in traces:
        return traces[name], 8
    found = workload(name)
    return found.draw(seed), found.max_replicas


def run_one(name: str, contender: Contender, seed: int, startup: float, traces: dict[str, Requests]) -> Score:
    requests, most = requests_for(name, seed, traces)
    spec = spec_of(requests, most)
    facts = sized(spec, startup)
    service = Service(facts, requests, contender.replicas, startup_variation=0.1)
    policy = contender.make(facts, spec, GYM_TICK_SECONDS if name in GROUPS["gym"] else TICK_SECONDS)
    return score(simulate(Scenario({"it": service}, seed=seed), Separate({"it": policy}))["it"])


def price_seconds(name: str, traces: dict[str, Requests]) -> float:
    """Of one miss at the default goal, in seconds of a GPU."""
    requests, most = requests_for(name, TUNING_SEED, traces)
    facts = known_facts(requests, most, 30.0)
    timing = facts.timing
    token = timing.step_seconds / facts.sequences + timing.sequence_seconds
    seconds = timing.prefill_seconds(facts.input_tokens) + facts.output_tokens * token
    return DEFAULT_GOAL / (1 - DEFAULT_GOAL) * seconds


def variants(kind: str) -> Iterator[Contender]:
    """Each setting's other values alone; the documented defaults first."""
    yield Contender(kind, kind)
    for setting, values in RIVALS[kind].search.items():
        for value in values[1:]:
            yield Contender(kind, kind, {setting: value})


def tune(names: Sequence[str], kinds: Sequence[str], options: argparse.Namespace, traces: dict[str, Requests]):  # type: ignore[no-untyped-def]
    """The best settings of each rival on each workload, on a seed that is not scored."""
    tasks = [(name, variant) for name in names for kind in kinds for variant in variants(kind)]
    scores = run_all([(name, one, TUNING_SEED) for name, one in tasks], options, traces, "tuning rivals")
    costs: dict[tuple[str, str], list[tuple[float, dict[str, float]]]] = {}
    prices = {name: price_seconds(name, traces) for name in names}
    for (name, one), found in zip(tasks, scores, strict=True):
        missed = (1 - found.good_rate) * found.requests
        cost = found.gpu_hours * 3600 + prices[name] * missed
        costs.setdefault((name, one.kind), []).append((cost, one.settings))
    return {key: best_together(found) for key, found in costs.items()}


def best_together(tried: Sequence[tuple[float, dict[str, float]]]) -> dict[str, float]:
    """Of every setting the value that was better alone than the defaults, which stand first."""
    default = tried[0][0]
    best: dict[str, tuple[float, float]] = {}
    for cost, settings in tried[1:]:
        ((setting, value),) = settings.items()
        if cost < best.get(setting, (default, 0.0))[0]:
            best[setting] = (cost, value)
    return {setting: value for setting, (_, value) in best.items()}


def run_all(
    tasks: Sequence[tuple[str, Contender, int]], options: argparse.Namespace, traces: dict[str, Requests], label: str
) -> list[Score]:
    """Every task's score, in parallel, with a progress bar on stderr."""
    results: list[Score] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(label, total=len(tasks))
        pool = Parallel(n_jobs=options.jobs, return_as="generator")
        for found in pool(delayed(run_one)(name, one, seed, options.startup, traces) for name, one, seed in tasks):
            results.append(found)
            progress.advance(bar)
    return results


def contenders(kinds: Sequence[str], most: int) -> list[Contender]:
    rorqual = [Contender(f"rorqual-{goal:g}", "rorqual", {"goal": goal}) for goal in GOALS]
    statics = [Contender(f"static-{n}", "static-n", replicas=n) for n in range(1, most + 1)]
    return [*rorqual, *statics, *(Contender(kind, kind) for kind in kinds)]


def know_all(name: str, seed: int, startup: float, traces: dict[str, Requests]) -> list[Point]:
    """The frontier of schedules found for that draw."""
    requests, most = requests_for(name, seed, traces)
    facts = known_facts(requests, most, startup)
    price = price_seconds(name, traces)
    slot = max(5.0, requests.duration_seconds / CLAIRVOYANT_SLOTS)
    effort = Effort((price / 4, price, price * 4), slot, CLAIRVOYANT_MOVES)
    found = search(Service(facts, requests, 1, startup_variation=0.1), effort, seed)
    return [Point("clairvoyant", one.score.gpu_hours, one.score.good_rate) for one in found]


def clairvoyance(
    names: Sequence[str], options: argparse.Namespace, traces: dict[str, Requests]
) -> dict[str, list[list[Point]]]:
    """One frontier a seed, by workload."""
    tasks = [(name, seed) for name in names for seed in range(1, options.seeds + 1)]
    found = Parallel(n_jobs=options.jobs)(delayed(know_all)(*task, options.startup, traces) for task in tasks)
    by_name: dict[str, list[list[Point]]] = {}
    for (name, _), points in zip(tasks, found, strict=True):
        by_name.setdefault(name, []).append(points)
    return by_name


def ratio(scores: Sequence[Score], frontiers: Sequence[Sequence[Point]]) -> float | None:
    """GPU-hours over the least known at no lower good rate, mean over the seeds; None where a seed has none."""
    ratios = []
    for one, points in zip(scores, frontiers, strict=True):
        least = min((p.gpu_hours for p in points if p.good_rate >= one.good_rate), default=None)
        if least is None:
            return None
        ratios.append(one.gpu_hours / least)
    return float(np.mean(ratios)) if ratios else None


def row_of(
    name: str, policy: str, scores: Sequence[Score], frontiers: Sequence[Sequence[Point]] = ()
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
        "cost": None,
        "ttft_p95": finite("ttft_p95"),
        "itl_p95": finite("itl_p95"),
        "scale_actions": mean("scale_actions"),
        "reversals": mean("reversals"),
        "clairvoyant_ratio": ratio(scores, frontiers) if frontiers else None,
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
    scores = run_all(tasks, options, traces, "simulating")
    known = clairvoyance(names, options, traces) if options.clairvoyant else {}
    return collect(tasks, scores, known)


def plan_tasks(
    names: Sequence[str],
    kinds: Sequence[str],
    tuned: dict[tuple[str, str], dict[str, float]],
    options: argparse.Namespace,
    traces: dict[str, Requests],
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
    tasks: Sequence[tuple[str, Contender, int]], scores: Sequence[Score], known: dict[str, list[list[Point]]]
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
        policies[PERSON] = person(policies, tuning[name])
        rows += [row_of(name, policy, got, known.get(name, ())) for policy, got in policies.items()]
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


def expand(given: str) -> Iterable[str]:
    for name in given.split(",") if given else []:
        yield from GROUPS.get(name, [name])


def read_file(path: str) -> Requests:
    with Path(path).open(encoding="utf-8") as lines:
        return read_trace(lines, Reading())


def show(rows: Sequence[dict[str, object]]) -> None:
    for name in dict.fromkeys(row["workload"] for row in rows):
        of = [row for row in rows if row["workload"] == name]
        print(
            f"\n{name}\n{'policy':28} {'good':>7} {'±':>6} {'GPU-h':>7} {'good/s/GPU':>10} {'changes':>8} {'turns':>6}"
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


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace", nargs="*", default=[], help="files with requests, in any format that is read")
    parser.add_argument("--workloads", default="gym", help="names, or gym, hour, azure; with commas")
    parser.add_argument("--policies", default="all", help="rivals by name, with commas")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--startup", type=float, default=30.0, help="seconds until a replica is ready")
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
