"""One policy on one workload: what every bench of scaling runs, and what it runs it on."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import Progress

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Stall
from rorqual_engine.simulation.facts import ITL_SECONDS, TTFT_SECONDS, facts_of
from rorqual_engine.simulation.opening import OPENING_SECONDS
from rorqual_engine.simulation.operated import TICK_SECONDS, OperatedAlone
from rorqual_engine.simulation.policy import Facts, Policy
from rorqual_engine.simulation.requests import Requests
from rorqual_engine.simulation.rivals.registry import RIVALS
from rorqual_engine.simulation.rivals.static import Static
from rorqual_engine.simulation.run import Outcome, Scenario, Separate, Service, simulate
from rorqual_engine.simulation.score import Score, score
from rorqual_engine.simulation.traces.read import Reading, read_trace
from rorqual_engine.simulation.workloads.registry import WORKLOADS, workload
from rorqual_engine.simulation.workloads.workload import Start
from rorqual_operator.study import start
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
    "servegen": ["servegen-day"],
}
GYM_TICK_SECONDS = 5.0
"""The protocol of the gym's recipes."""
STARTUP_VARIATION = 0.1
MOST_REPLICAS = 8
"""For a trace from a file."""
Result = TypeVar("Result")
Traces = dict[str, Requests]
"""Those from files, by their path."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A policy with its settings; `replicas` is what its runs begin with, None for what the setting says."""

    name: str
    kind: str
    settings: dict[str, float] = field(default_factory=dict)
    replicas: int | None = None

    def make(self, facts: Facts, spec: LLMServiceSpec, tick: float) -> Policy:
        if self.kind == "rorqual":
            return OperatedAlone(with_goal(spec, self.settings["goal"]), tick_seconds=tick)
        if self.kind == "static-n":
            return Static(facts, replicas=self.replicas or 1)
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


def requests_for(name: str, seed: int, traces: Traces) -> tuple[Requests, int]:
    """Requests, and the most replicas; a trace is the same for every seed, start-ups apart."""
    if name in traces:
        return traces[name], MOST_REPLICAS
    found = workload(name)
    return found.draw(seed), found.max_replicas


@dataclass(frozen=True, slots=True)
class Setting:
    """What is the same for all runs of a bench."""

    startup_seconds: float
    start: Start = "cold"


def service_for(name: str, seed: int, setting: Setting, traces: Traces) -> Service:
    """The workload as a service that begins cold or warm."""
    requests, most = requests_for(name, seed, traces)
    made = service_of(requests, most, setting.startup_seconds)
    if setting.start == "cold":
        return made
    opening = OPENING_SECONDS if name in traces else workload(name).opening_seconds
    return replace(made, initial_replicas=start.warm(made.facts, requests, opening))


def service_of(requests: Requests, most: int, startup: float, replicas: int = 1) -> Service:
    facts = known_facts(requests, most, startup)
    return Service(facts, requests, replicas, startup_variation=STARTUP_VARIATION)


def tick_of(name: str) -> float:
    return GYM_TICK_SECONDS if name in GROUPS["gym"] else TICK_SECONDS


def run_service(service: Service, contender: Contender, seed: int, tick: float = TICK_SECONDS) -> Outcome:
    """One run of that service under that policy."""
    spec = spec_of(service.requests, service.facts.max_replicas)
    policy = contender.make(service.facts, spec, tick)
    return simulate(Scenario({"it": service}, seed=seed), Separate({"it": policy}))["it"]


def run_one(name: str, contender: Contender, seed: int, setting: Setting, traces: Traces) -> Score:
    service = service_for(name, seed, setting, traces)
    if contender.replicas is not None:
        service = replace(service, initial_replicas=contender.replicas)
    return score(run_service(service, contender, seed, tick_of(name)))


def price_seconds(facts: Facts) -> float:
    """Of one miss at the default goal, in seconds of a GPU: what a request takes of it, by the odds of the goal."""
    timing = facts.timing
    token = timing.step_seconds / facts.sequences + timing.sequence_seconds
    seconds = timing.prefill_seconds(facts.input_tokens) + facts.output_tokens * token
    return DEFAULT_GOAL / (1 - DEFAULT_GOAL) * seconds


def run_all(
    tasks: Sequence[tuple[str, Contender, int]], setting: Setting, jobs: int, traces: Traces, label: str
) -> list[Score]:
    """Every task's score, in parallel, with a progress bar on stderr."""
    return in_parallel(run_one, [(*task, setting, traces) for task in tasks], jobs, label)


def in_parallel(work: Callable[..., Result], tasks: Sequence[tuple[Any, ...]], jobs: int, label: str) -> list[Result]:
    """The results in the order of the tasks, with a progress bar on stderr."""
    results: list[Result] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(label, total=len(tasks))
        for found in Parallel(n_jobs=jobs, return_as="generator")(delayed(work)(*task) for task in tasks):
            results.append(found)
            progress.advance(bar)
    return results


def expand(given: str) -> Iterable[str]:
    for name in given.split(",") if given else []:
        yield from GROUPS.get(name, [name])


def read_file(path: str) -> Requests:
    with Path(path).open(encoding="utf-8") as lines:
        return read_trace(lines, Reading())
