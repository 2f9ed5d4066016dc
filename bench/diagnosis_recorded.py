"""What the operator calls what happened to real engines on a GPU, from a recording of their metrics.

    python bench/diagnosis_recorded.py [data/gpu/incidents-h200.jsonl.xz] [--show SERVICE] [--json]

The recording is `bench/gpu/incidents.py`'s. Each moment goes the way it goes in the operator: the text of /metrics is
parsed, normalised over a window of 20 s, and `decide` is asked, with the service's memory of the moment before. A
service is judged by itself, as if its replicas had a node each. A fault was called what it is called when it ends,
whatever came before (a queue comes before a cache is seen to thrash); right is the right verdict with that pod alone in
the evidence. A false alarm is one where nothing is the matter and what was has faded. What happens to all services
together at the end of the recording is left out.
"""

import argparse
import json
import lzma
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpu.models import SMALL

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.catalog.dcgm_metrics import held_down_by
from rorqual_engine.decide import decide
from rorqual_engine.plan import Configuration, Health, Memory, Verdict
from rorqual_engine.snapshot import GPU, Node, Pod, Service, ServiceKey, Snapshot, Workload
from rorqual_operator.observe.metrics.growth import Steps
from rorqual_operator.observe.metrics.normalise import to_sample
from rorqual_operator.observe.metrics.sample import Sample
from rorqual_operator.observe.metrics.scrape import parse
from rorqual_operator.observe.metrics.window import Window

RECORDING = Path(__file__).resolve().parent.parent / "data" / "gpu" / "incidents-h200.jsonl.xz"
NAMESPACE = "recorded"
WINDOW_SECONDS = 20.0
PRODUCT = "NVIDIA-H200"
FADES_SECONDS = 60.0
"""After a fault, in which nothing counts: a window of metrics, and so long as symptoms linger."""
TRUTHS = {
    **dict.fromkeys(("freeze", "stuck", "starve", "kill"), (Verdict.FAULT,)),
    "overload": (Verdict.OVERLOAD, Verdict.MISCONFIGURED),  # its engines may work on four sequences at once
    "thrash": (Verdict.MISCONFIGURED,),
}
ALARMS = (Verdict.FAULT, Verdict.OVERLOAD, Verdict.MISCONFIGURED, Verdict.DRIFT)
Moment = Mapping[str, Any]
Call = tuple[str, str, tuple[str, ...]]
"""Verdict, reason, and the pods that the evidence names."""


@dataclass(frozen=True, slots=True)
class Tick:
    """What one service was called at one moment, and what was being done to it."""

    at: float
    """Seconds of the recording."""
    health: Health
    doing: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """One fault, or a service's quiet time."""

    service: str
    kind: str
    """`quiet` where nothing is the matter."""
    called: Call
    before: tuple[Call, ...]
    """What it was called earlier."""
    delay_seconds: float | None
    """From the beginning to the first moment at which it was called that."""
    right: bool
    seconds: float


class Judge:
    """Some of the recording's services, as one operator sees them."""

    def __init__(self, groups: Sequence[Mapping[str, Any]]) -> None:
        self._groups = groups
        self._window, self._steps = Window(WINDOW_SECONDS), Steps()
        self._memories: dict[str, Memory] = {}
        self._unanswered: dict[str, float] = {}

    def look(self, moment: Moment) -> dict[str, Health]:
        """By service."""
        at, replicas = moment["at"], moment["replicas"]
        names = [f"{group['name']}-{number}" for group in self._groups for number in range(group["replicas"])]
        self._take(at, {name: replicas[name] for name in names})
        gpu = _gpu(moment["gpu"])
        services = tuple(self._service(group, replicas, gpu, at) for group in self._groups)
        nodes = tuple(Node(f"node-of-{name}", PRODUCT, 1, 1) for name in names)
        plans = decide(Snapshot(services, nodes), at)
        self._memories = {key.name: plan.memory for key, plan in plans.items()}
        return {key.name: plan.health for key, plan in plans.items()}

    def _take(self, at: float, replicas: Mapping[str, Any]) -> None:
        found: dict[tuple[str, str], Sample] = {}
        for name, told in replicas.items():
            sample = to_sample(at, "scrape", parse(told["metrics"] + "\n")) if told["metrics"] is not None else None
            if sample is not None and sample.complete and told["ready"]:
                found[NAMESPACE, name] = sample
            if sample is None and (told["ready"] or told["lost_at"] is not None):
                self._unanswered.setdefault(name, at)
            else:
                self._unanswered.pop(name, None)
        known = {(NAMESPACE, name) for name in replicas}
        self._window.take(found, known)
        starting = {(NAMESPACE, name) for name, told in replicas.items() if not told["ready"]}
        self._steps.take(found, known, starting)

    def _service(self, group: Mapping[str, Any], replicas: Mapping[str, Any], gpu: GPU, at: float) -> Service:
        names = [f"{group['name']}-{number}" for number in range(group["replicas"])]
        pods = tuple(self._pod(name, replicas[name], gpu) for name in names)
        serving = [(NAMESPACE, pod.name) for pod in pods if pod.serving]
        configuration = Configuration(PRODUCT, 1, max_concurrent_sequences=group["sequences"])
        return Service(
            key=ServiceKey(NAMESPACE, group["name"]),
            uid=group["name"],
            generation=1,
            created_at=min(pod.created_at for pod in pods),
            spec=spec_of(group),
            workload=Workload(group["replicas"], configuration, rolled_out=True),
            pods=pods,
            service_ttft=self._window.latency(serving, "ttft"),
            service_tpot=self._window.latency(serving, "tpot"),
            growth=self._steps.growth([(NAMESPACE, name) for name in names], at),
            memory=self._memories.get(group["name"], Memory()),
        )

    def _pod(self, name: str, told: Mapping[str, Any], gpu: GPU) -> Pod:
        return Pod(
            name=name,
            node=f"node-of-{name}",
            created_at=told["created_at"],
            phase="Running",
            ready=told["ready"],
            ready_since=told["ready_since"],
            lost_at=told["lost_at"],
            version="1",
            restarts=told["restarts"],
            last_restart_at=told["last_restart_at"],
            metrics=self._window.metrics((NAMESPACE, name)) if told["ready"] else None,
            unanswered_since=self._unanswered.get(name),
            gpus=(gpu,),
            gpu_product=PRODUCT,
        )


def _gpu(told: Mapping[str, Any]) -> GPU:
    return GPU(
        index="0",
        clock_mhz=told["clock_mhz"],
        temperature_celsius=told["temperature_celsius"],
        busy=told["busy_percent"] / 100.0,
        held_down_by=held_down_by(int(told["throttle_reasons"])),
    )


def spec_of(group: Mapping[str, Any]) -> LLMServiceSpec:
    replicas = group["replicas"]
    return LLMServiceSpec.model_validate(
        {
            "model": {"name": "rorqual/small", "configJson": json.dumps(SMALL), "maxContextTokens": 1024},
            "hardware": [{"gpu": PRODUCT}],
            "sharing": {"scheme": "HAMi"},
            "objectives": {"ttft": {"p95": "2s"}, "tpot": {"p95": "200ms"}},
            "configuration": {"maxConcurrentSequences": group["sequences"]},
            "workload": {"inputTokens": group["input_tokens"], "outputTokens": group["output_tokens"]},
            "scaling": {"minReplicas": replicas, "maxReplicas": replicas},
        }
    )


def read(file: Path) -> tuple[Mapping[str, Any], list[Moment]]:
    """What was recorded, and its moments."""
    with lzma.open(file, "rt") as lines:
        head, *moments = (json.loads(line) for line in lines)
    return head, moments


def ticks_of(groups: Sequence[Mapping[str, Any]], moments: Iterable[Moment]) -> dict[str, list[Tick]]:
    judge, found, begin = Judge(groups), {group["name"]: list[Tick]() for group in groups}, None
    for moment in moments:
        begin = moment["at"] if begin is None else begin
        for name, health in judge.look(moment).items():
            found[name].append(Tick(moment["at"] - begin, health, moment["doing"].get(name)))
    return found


def spans(ticks: Sequence[Tick]) -> Iterator[tuple[str, list[Tick]]]:
    """What was done, each time with its ticks up to when it has faded; `quiet` for what lies between."""
    kind, faded, held, before = "quiet", 0.0, list[Tick](), None
    for tick in ticks:
        begins = tick.doing is not None and before is None
        ends = kind != "quiet" and tick.doing is None and tick.at >= faded
        if begins or ends:
            if held:
                yield kind, held
            kind, held = tick.doing or "quiet", []
        if tick.doing is not None:
            faded = tick.at + FADES_SECONDS
        held.append(tick)
        before = tick.doing
    if held:
        yield kind, held


def judged(service: str, kind: str, ticks: Sequence[Tick]) -> Told:
    """By what it was called when it ended; in quiet time, by any alarm."""
    going = [tick for tick in ticks if tick.doing is not None or kind == "quiet"]
    calls = [_told(tick) for tick in going if tick.health.verdict in ALARMS]
    last = _told(going[-1])
    seconds = ticks[-1].at - ticks[0].at
    if not calls or (kind != "quiet" and last[0] not in ALARMS):
        return Told(service, kind, ("none", "", ()), (), None, kind == "quiet", seconds)
    called = calls[-1]
    first = next(tick for tick in going if _told(tick) == called)
    before = tuple(dict.fromkeys(call for call in calls if call != called))
    right = kind != "quiet" and called[0] in TRUTHS[kind] and _placed(service, kind, called[2])
    return Told(service, kind, called, before, first.at - ticks[0].at, right, seconds)


def _told(tick: Tick) -> Call:
    health = tick.health
    return str(health.verdict), str(health.reason), tuple(sorted({one.pod for one in health.evidence if one.pod}))


def _placed(service: str, kind: str, pods: Sequence[str]) -> bool:
    """The pod at fault alone; a fault of a configuration or a load has none."""
    return TRUTHS[kind] != (Verdict.FAULT,) or tuple(pods) == (f"{service}-0",)


def measure(file: Path) -> list[Told]:
    head, moments = read(file)
    apart = [moment for moment in moments if "all" not in moment["doing"]]
    found = []
    for group in head["groups"]:
        ticks = ticks_of([group], apart)[group["name"]]
        found += [judged(group["name"], kind, span) for kind, span in spans(ticks)]
    return found


def show(found: Sequence[Told]) -> None:
    print(f"{'service':12}{'what happened':16}{'for':>6}{'told after':>12}  called")
    for one in found:
        delay = "-" if one.delay_seconds is None or one.kind == "quiet" else f"{one.delay_seconds:.0f} s"
        before = f" (before: {'; '.join(map(_words, one.before))})" if one.before else ""
        wrong = "" if one.right else "WRONG "
        print(f"{one.service:12}{one.kind:16}{one.seconds:4.0f} s{delay:>12}  {wrong}{_words(one.called)}{before}")
    faults, quiet = ([one for one in found if (one.kind == "quiet") is still] for still in (False, True))
    right, alarms = sum(one.right for one in faults), sum(not one.right for one in quiet)
    minutes = sum(one.seconds for one in quiet) / 60
    print(f"{right} of {len(faults)} right, {alarms} false alarms in {minutes:.0f} quiet minutes of a service")


def _words(call: Call) -> str:
    verdict, reason, pods = call
    return f"{verdict} {reason} {', '.join(pods)}".strip()


def tell(file: Path, service: str) -> None:
    """Every change of verdict of one service."""
    head, moments = read(file)
    groups = [group for group in head["groups"] if group["name"] == service]
    before = None
    for tick in ticks_of(groups, moments)[service]:
        health = tick.health
        if (health.verdict, health.reason, tick.doing) != before:
            told = f"{health.verdict} {health.reason} {health.message}"
            print(f"{tick.at:5.0f} s {tick.doing or '':9} {told}")
        before = (health.verdict, health.reason, tick.doing)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=RECORDING)
    parser.add_argument("--show", metavar="SERVICE", help="tell every change of verdict of one service")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.show:
        tell(asked.file, asked.show)
        return
    found = measure(asked.file)
    if asked.json:
        print(json.dumps([{name: getattr(one, name) for name in Told.__slots__} for one in found], indent=1))
    else:
        show(found)


if __name__ == "__main__":
    main()
