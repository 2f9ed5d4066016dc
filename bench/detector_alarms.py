"""How often the operator's detector speaks, on days of a service's metrics: for nothing, and for something.

    python bench/detector_alarms.py [--days 8] [--first-seed 201] [--jobs 2] [--json]

Days of ServeGen's load on four replicas (the clean runs of `diagnosis.py`), simulated with `decide` in the loop. Once a
minute the service's metrics are what `rorqual_operator.anomalies.watch` would read, and it looks at them, one day after
the other. The clean days come first: every episode in them is a false alarm, after the first hour, in which nothing is
said. Then as many days, each with one fault of twenty minutes at a drawn time: told is one during which an episode was
under way; false alarms are episodes that begin elsewhere, but not in the hour after it.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from autoscaling_runs import in_parallel
from diagnosis import CLEAN_REPLICAS, DAY_SECONDS, NAME, of_fixed_size

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.simulation.incidents import a_spec, facts
from rorqual_engine.simulation.operated import Operated
from rorqual_engine.simulation.run import Fault, Scenario, Service, simulate
from rorqual_engine.simulation.workloads.registry import workload
from rorqual_engine.snapshot import Service as Seen
from rorqual_engine.snapshot import ServiceKey
from rorqual_operator.anomalies.expressions import expressions
from rorqual_operator.anomalies.prometheus import STEP_SECONDS, Row
from rorqual_operator.anomalies.series import Series
from rorqual_operator.anomalies.watch import Watch

WORKLOAD = "servegen-day"
LASTS_SECONDS, AFTER_SECONDS = 1200.0, 3600.0
EARLIEST_SECONDS = 2 * 3600.0
KEY = ServiceKey("bench", NAME)
KINDS = ("one-twice-as-slow", "all-half-again-as-slow", "one-leaks", "one-killed")


@dataclass(frozen=True, slots=True)
class Day:
    """Rows of one day, a minute each, and when what went wrong in it."""

    rows: tuple[Row, ...]
    kind: str = ""
    begin: float = np.inf


class Recorder(Operated):
    """Operates, and keeps a row of the service's metrics a minute."""

    def __init__(self, spec: LLMServiceSpec) -> None:
        super().__init__({NAME: spec})
        self.rows: list[Row] = []

    def decide(self, views, scrapes):  # type: ignore[no-untyped-def]
        decided = super().decide(views, scrapes)
        if views[NAME].now >= STEP_SECONDS * (len(self.rows) + 1):
            self.rows.append(row_of(self.seen[NAME]))
        return decided


def row_of(seen: Seen) -> Row:
    """As Prometheus would answer, but for the window, which is the operator's."""
    known = [pod.metrics for pod in seen.pods if pod.metrics is not None]
    if not known:
        return {}
    queue = [one.queue_time for one in known if one.queue_time.p95_seconds is not None]
    found = {
        "running": sum(one.running for one in known),
        "waiting": sum(one.waiting for one in known),
        "KV cache use": _mean([one.kv_use for one in known]),
        "requests/s": _sum([one.requests_per_second for one in known]),
        "prompt tokens/s": _sum([one.prompt_tokens_per_second for one in known]),
        "generated tokens/s": _sum([one.generation_tokens_per_second for one in known]),
        "preemptions/s": _sum([one.preemptions_per_second for one in known]),
        "TTFT p50": seen.service_ttft.p50_seconds,
        "TTFT p95": seen.service_ttft.p95_seconds,
        "TPOT p50": seen.service_tpot.p50_seconds,
        "TPOT p95": seen.service_tpot.p95_seconds,
        "queue time p50": _mean([one.p50_seconds for one in queue]),
        "queue time p95": _mean([one.p95_seconds for one in queue]),
        "busiest replica": _over_mean([one.running for one in known]),
        "fullest replica": _over_mean([one.kv_use for one in known]),
        "slowest replica": _over_mean([one.tpot_mean_seconds for one in known]),
    }
    return {name: float(value) for name, value in found.items() if value is not None}


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _over_mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return max(known) * len(known) / sum(known) if sum(known) > 0 else None


def day(seed: int, kind: str = "") -> Day:
    replicas = CLEAN_REPLICAS[WORKLOAD]
    spec = of_fixed_size(replicas)
    begin = float(np.random.default_rng(seed).uniform(EARLIEST_SECONDS, DAY_SECONDS - 2 * AFTER_SECONDS))
    service = Service(facts(spec), workload(WORKLOAD).draw(seed), replicas, faults=faults(kind, begin, replicas))
    recorder = Recorder(spec)
    simulate(Scenario({NAME: service}, seed=seed), recorder)
    return Day(tuple(recorder.rows), kind, begin if kind else np.inf)


def faults(kind: str, begin: float, replicas: int) -> tuple[Fault, ...]:
    """Sorted by time."""
    end = begin + LASTS_SECONDS
    if kind == "one-twice-as-slow":
        return Fault(begin, 1, "slow", 2.0), Fault(end, 1, "slow", 1.0)
    if kind == "all-half-again-as-slow":
        every = range(replicas)
        return (*(Fault(begin, n, "slow", 1.5) for n in every), *(Fault(end, n, "slow", 1.0) for n in every))
    if kind == "one-leaks":
        tokens = int(0.7 * facts(a_spec()).kv_tokens / 20)
        return tuple(Fault(begin + 60.0 * minute, 1, "leak", tokens=tokens) for minute in range(20))
    if kind == "one-killed":
        return (Fault(begin, 1, "kill"),)
    return ()


class Store:
    """Days as a metrics store, a row a look."""

    names, step_seconds = tuple(expressions(STEP_SECONDS)), STEP_SECONDS

    def __init__(self, days: Sequence[Day]) -> None:
        self._rows = iter([row for one in days for row in one.rows])
        self.at = 0.0

    def now(self) -> dict[ServiceKey, Row]:
        self.at += STEP_SECONDS
        return {KEY: next(self._rows)}

    def past(self, begin: float, end: float) -> dict[ServiceKey, Series]:  # noqa: ARG002 nothing was before
        return {}


async def told(days: Sequence[Day]) -> list[float | None]:
    """Of every look: when the episode that is under way began."""
    store = Store(days)
    watch = Watch(store, lambda: store.at)
    found: list[float | None] = []
    watch.find(KEY, a_spec(), "")
    for _ in range(sum(len(one.rows) for one in days)):
        await watch.look()
        found.append(watch.find(KEY, a_spec(), "").since)
    return found


def judge(days: Sequence[Day], since: Sequence[float | None]) -> dict[str, object]:
    """False alarms a week, and faults told by kind."""
    begun = sorted({one for one in since if one is not None})
    begins, kinds, start = [], [], 0.0
    for one in days:
        if one.kind:
            begins.append(start + one.begin)
            kinds.append(one.kind)
        start += STEP_SECONDS * len(one.rows)
    under_way = [STEP_SECONDS * (place + 1) for place, one in enumerate(since) if one is not None]
    noticed = [any(begin <= at <= begin + LASTS_SECONDS for at in under_way) for begin in begins]
    false = [at for at in begun if not any(b <= at <= b + LASTS_SECONDS + AFTER_SECONDS for b in begins)]
    return {
        "days": len(days),
        "false_alarms": len(false),
        "faults": {
            kind: f"{sum(n for k, n in zip(kinds, noticed, strict=True) if k == kind)} of {kinds.count(kind)}"
            for kind in dict.fromkeys(kinds)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=8)
    parser.add_argument("--first-seed", type=int, default=201)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    first = options.first_seed
    wanted = [(first + place, "") for place in range(options.days)]
    wanted += [(first + options.days + place, KINDS[place % len(KINDS)]) for place in range(options.days)]
    days = in_parallel(day, wanted, options.jobs, "days")
    since = asyncio.run(told(days))
    clean = sum(len(one.rows) for one in days[: options.days])
    rows = {
        "clean": judge(days[: options.days], since[:clean]),
        "with a fault a day": judge(days[options.days :], _from(since[clean:], STEP_SECONDS * clean)),
    }
    print(json.dumps(rows, indent=1) if options.json else _text(rows))


def _from(since: Sequence[float | None], start: float) -> list[float | None]:
    """Times from that one on; what began before it is left out."""
    return [None if one is None or one < start else one - start for one in since]


def _text(rows: dict[str, dict[str, object]]) -> str:
    return "\n".join(f"{name:20}{row['days']} days, {row['false_alarms']} false alarms, told: {row['faults']}"
                     for name, row in rows.items())  # fmt: skip


if __name__ == "__main__":
    main()
