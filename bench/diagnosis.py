"""Verdicts on runs in which one known thing goes wrong, and on runs in which nothing does.

    python bench/diagnosis.py [--seeds 20] [--first-seed 1] [--days 7] [--incidents NAMES] [--show NAME:SEED] [--json]

Each incident (`rorqual_engine/simulation/incidents.py`) is simulated with the operator's own `decide` in the loop,
ticks of 10 s, and a fixed number of replicas. What a run was called is the verdict that it had most often between the
incident's beginning and end, Healthy and Idle only where it had no other. The delay counts from the beginning to the
first tick with the right verdict. A false alarm is an episode of Fault, Overload, Misconfigured or Drift where nothing
is the matter: before an incident, after it has faded, and in clean runs: --days of ServeGen load (with its seasons and
bursts) each, and the recorded hours of Azure, on enough replicas.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from autoscaling_runs import in_parallel

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Health, Verdict
from rorqual_engine.simulation.incidents import INCIDENTS, Incident, Truth, a_spec, facts, incident
from rorqual_engine.simulation.operated import Operated
from rorqual_engine.simulation.requests import Requests
from rorqual_engine.simulation.run import Scenario, Service, simulate
from rorqual_engine.simulation.workloads.registry import workload

ALARMS = (Verdict.FAULT, Verdict.OVERLOAD, Verdict.MISCONFIGURED, Verdict.DRIFT)
QUIET = (Verdict.HEALTHY, Verdict.IDLE)
WEEK_SECONDS = 7 * 86_400.0
DAY_SECONDS = 86_400.0
CLEAN_REPLICAS = {"servegen-day": 4, "azure-conv": 3, "azure-code": 6}
"""Enough for the load, bursts included."""
NAME = "chat"


@dataclass(frozen=True, slots=True)
class Tick:
    """One verdict."""

    at: float
    health: Health


class Recorder(Operated):
    """Operates, and keeps every verdict."""

    def __init__(self, **given: object) -> None:
        super().__init__(**given)  # type: ignore[arg-type]
        self.ticks: list[Tick] = []

    def decide(self, views, scrapes):  # type: ignore[no-untyped-def]
        decided = super().decide(views, scrapes)
        self.ticks.append(Tick(views[NAME].now, self.plans[NAME].health))
        return decided


@dataclass(frozen=True, slots=True)
class Judged:
    """One run."""

    name: str
    seed: int
    truth: Verdict
    called: Verdict
    right_where: bool | None
    """None where no pod is at fault, or none was named."""
    delay_ticks: float | None
    """None where it was never told."""
    false_alarms: int
    quiet_seconds: float
    """In which there was nothing to tell."""


def ticks_of(one: Incident) -> list[Tick]:
    recorder = Recorder(specs={NAME: one.spec})
    simulate(Scenario({NAME: one.service}, seed=one.seed), recorder)
    return recorder.ticks


def judge(name: str, seed: int) -> Judged:
    one = incident(name, seed)
    ticks, truth = ticks_of(one), one.truth
    inside = [tick for tick in ticks if truth.begin <= tick.at <= truth.end]
    spared = [tick for tick in ticks if not truth.begin - 10 <= tick.at <= truth.end + truth.fades_seconds]
    if truth.verdict is Verdict.HEALTHY:
        spared = ticks
    return Judged(
        *(name, seed, truth.verdict, called(inside), _where(inside, truth), _delay(inside, truth)),
        false_alarms=episodes(spared),
        quiet_seconds=10.0 * len(spared),
    )


def called(ticks: Sequence[Tick]) -> Verdict:
    count = Counter(tick.health.verdict for tick in ticks if tick.health.verdict not in QUIET)
    return count.most_common(1)[0][0] if count else Verdict.HEALTHY


def _where(ticks: Sequence[Tick], truth: Truth) -> bool | None:
    """Whether the pods at fault, and no others, were named most of the time."""
    told = [tick.health for tick in ticks if tick.health.verdict is Verdict.FAULT]
    if not truth.replicas or not told:
        return None
    named = [{int(one.pod.rsplit("-", 1)[1]) for one in health.evidence if one.pod} for health in told]
    return Counter(one == set(truth.replicas) for one in named).most_common(1)[0][0]


def _delay(ticks: Sequence[Tick], truth: Truth) -> float | None:
    first = next((tick.at for tick in ticks if tick.health.verdict is truth.verdict), None)
    return None if first is None else (first - truth.begin) / 10.0


def episodes(ticks: Sequence[Tick]) -> int:
    """Of alarms in a row."""
    alarms = [tick.health.verdict in ALARMS for tick in ticks]
    return sum(now and not before for before, now in zip([False, *alarms], alarms, strict=False))


def of_fixed_size(replicas: int) -> LLMServiceSpec:
    """The incidents' service, which is not scaled."""
    spec = a_spec()
    scaling = spec.scaling.model_copy(update={"min_replicas": replicas, "max_replicas": replicas})
    return spec.model_copy(update={"scaling": scaling})


def clean_run(name: str, seed: int, days: float) -> Judged:
    requests = workload(name).draw(seed)
    replicas = CLEAN_REPLICAS[name]
    spec = of_fixed_size(replicas)
    service = Service(facts(spec), _first(requests, days * DAY_SECONDS), replicas)
    recorder = Recorder(specs={NAME: spec})
    simulate(Scenario({NAME: service}, seed=seed), recorder)
    ticks = recorder.ticks
    healthy = Verdict.HEALTHY
    return Judged(name, seed, healthy, called(ticks), None, None, episodes(ticks), 10.0 * len(ticks))


def _first(requests: Requests, seconds: float) -> Requests:
    if requests.duration_seconds <= seconds:
        return requests
    kept = requests.arrival_seconds < seconds
    columns = {name: getattr(requests, name)[kept] for name in ("arrival_seconds", "input_tokens", "output_tokens",
                                                                "cached_tokens")}  # fmt: skip
    return replace(requests, duration_seconds=seconds, **columns)


def row_of(name: str, runs: Sequence[Judged]) -> dict[str, object]:
    delays = [one.delay_ticks for one in runs if one.delay_ticks is not None]
    placed = [one.right_where for one in runs if one.right_where is not None]
    confused = [{one.truth, one.called} == {Verdict.FAULT, Verdict.OVERLOAD} for one in runs]
    weeks = sum(one.quiet_seconds for one in runs) / WEEK_SECONDS
    return {
        "incident": name,
        "runs": len(runs),
        "truth": str(runs[0].truth),
        "right_verdict": float(np.mean([one.called is one.truth for one in runs])),
        "called": dict(Counter(str(one.called) for one in runs)),
        "overload_for_fault_or_reverse": float(np.mean(confused)),
        "right_pod": float(np.mean(placed)) if placed else None,
        "median_delay_ticks": float(np.median(delays)) if delays else None,
        "false_alarms": sum(one.false_alarms for one in runs),
        "quiet_weeks": weeks,
    }


def measure(asked: argparse.Namespace) -> list[dict[str, object]]:
    names = asked.incidents.split(",") if asked.incidents else list(INCIDENTS)
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    found = in_parallel(judge, [(name, seed) for name in names for seed in seeds], asked.jobs, "incidents")
    rows = [row_of(name, [one for one in found if one.name == name]) for name in names]
    whole, rest = int(asked.days), asked.days % 1
    tasks = [("servegen-day", asked.first_seed + day, 1.0) for day in range(whole)]
    tasks += [("servegen-day", asked.first_seed + whole, rest)] if rest else []
    if asked.days:
        tasks += [(name, asked.first_seed, 1.0) for name in ("azure-conv", "azure-code")]
    clean = in_parallel(clean_run, tasks, asked.jobs, "clean runs")
    rows += [
        row_of(f"clean {name}", [one for one in clean if one.name == name]) for name in {one.name for one in clean}
    ]
    return [*rows, together(rows)]


def together(rows: Sequence[dict[str, object]]) -> dict[str, object]:
    """Means over the incidents in which something is the matter; false alarms over all quiet time."""
    wrong = [row for row in rows if row["truth"] != str(Verdict.HEALTHY)]

    def middle(figure: str, of: Callable[[Sequence[object]], object]) -> float | None:
        values = [row[figure] for row in wrong if row[figure] is not None]
        return float(of(values)) if values else None  # type: ignore[arg-type]

    return {
        "incident": "all",
        "runs": sum(row["runs"] for row in rows),  # type: ignore[misc]
        "truth": "",
        "right_verdict": middle("right_verdict", np.mean),
        "called": {},
        "overload_for_fault_or_reverse": middle("overload_for_fault_or_reverse", np.mean),
        "right_pod": middle("right_pod", np.mean),
        "median_delay_ticks": middle("median_delay_ticks", np.median),
        "false_alarms": sum(row["false_alarms"] for row in rows),  # type: ignore[misc]
        "quiet_weeks": sum(row["quiet_weeks"] for row in rows),  # type: ignore[misc]
    }


def show(rows: Sequence[dict[str, object]]) -> None:
    head = f"{'incident':20}{'runs':>5}{'right':>7}{'pod':>6}{'delay':>7}{'alarms':>8}{'weeks':>7}"
    print(f"{head}  truth, and what else it was called")
    for row in rows:
        right, pod = ("-" if row[name] is None else f"{row[name]:.0%}" for name in ("right_verdict", "right_pod"))
        delay = "-" if row["median_delay_ticks"] is None else f"{row['median_delay_ticks']:.1f}"
        others = {name: count for name, count in row["called"].items() if name != row["truth"]}  # type: ignore[attr-defined]
        print(f"{row['incident']:20}{row['runs']:5}{right:>7}{pod:>6}{delay:>7}{row['false_alarms']:8}"
              f"{row['quiet_weeks']:7.2f}  {row['truth']} {others or ''}")  # fmt: skip


def tell(name: str, seed: int) -> None:
    """Every change of verdict in one run."""
    one = incident(name, seed)
    print(f"{one.truth}")
    before = None
    for tick in ticks_of(one):
        if tick.health.verdict is not before:
            health = tick.health
            print(f"{tick.at:7.0f} s  {health.verdict} {health.reason} {health.scope} {health.where} {health.message}")
        before = tick.health.verdict


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20, help="of each incident")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--days", type=float, default=7.0, help="of clean ServeGen load; 0 for no clean runs")
    parser.add_argument("--incidents", help="names with commas; all without")
    parser.add_argument("--show", metavar="NAME:SEED", help="tell the verdicts of one run")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.show:
        name, _, seed = asked.show.partition(":")
        tell(name, int(seed or 1))
        return 0
    rows = measure(asked)
    if asked.json:
        print(json.dumps(rows, indent=1))
    else:
        show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
