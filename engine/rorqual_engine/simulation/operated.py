"""The operator's own `decide` in the simulator: views become a Snapshot, plans become decisions. Nothing else decides.

What the operator cannot see in a cluster is not shown to it here either: requests that the gateway holds are unknown,
and latencies come as the engines' histograms have them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.decide import decide
from rorqual_engine.plan import Apply, Configuration, Memory, ScaleTo, ServicePlan
from rorqual_engine.simulation.policy import Decision, View
from rorqual_engine.simulation.scrape import Scrape
from rorqual_engine.snapshot import EngineMetrics, Growth, Node, Pod, Service, ServiceKey, Snapshot, Workload

TICK_SECONDS = 10.0
"""The operator's default."""
EPOCH = 1_700_000_000.0
"""When a run begins, for the operator."""
NODE_GPUS = 8
TTFT_BOUNDS = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0,
               80.0, 160.0, 640.0, 2560.0)  # fmt: skip
"""Of vllm:time_to_first_token_seconds (vllm/v1/metrics/loggers.py)."""
TPOT_BOUNDS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0,
               80.0)  # fmt: skip
"""Of vllm:inter_token_latency_seconds."""
NAMESPACE = "simulated"


@dataclass(slots=True)
class _Known:
    """What is kept of one service between two ticks."""

    spec: LLMServiceSpec
    memory: Memory = field(default_factory=Memory)
    configuration: Configuration | None = None
    seen_at: float | None = None
    """Of the newest scrape taken in, in seconds of the run."""


class Operated:
    """Decides for all services together, as the operator does with every tick."""

    def __init__(
        self, specs: Mapping[str, LLMServiceSpec], gpus: int | None = None, tick_seconds: float = TICK_SECONDS
    ) -> None:
        """`gpus` is the size of the pool; None for as many as anybody may ask for."""
        self._known = {name: _Known(spec) for name, spec in specs.items()}
        self._gpus, self._tick_seconds = gpus, tick_seconds
        self.plans: dict[str, ServicePlan] = {}
        """Of the last tick."""

    def interval_seconds(self, name: str) -> float:  # noqa: ARG002 every service has the same tick
        return self._tick_seconds

    def decide(self, views: Mapping[str, View], scrapes: Mapping[str, Scrape]) -> Mapping[str, Decision]:  # noqa: ARG002
        now = EPOCH + max(view.now for view in views.values())
        services = tuple(self._service(name, view) for name, view in views.items())
        plans = decide(Snapshot(services, self._nodes(views)), now)
        self.plans = {key.name: plan for key, plan in plans.items()}
        return {name: self._carry_out(name, view, self.plans[name]) for name, view in views.items()}

    def _carry_out(self, name: str, view: View, plan: ServicePlan) -> Decision:
        known = self._known[name]
        known.memory = plan.memory
        wanted, why = view.asked, ""
        for command in plan.commands:
            if isinstance(command, Apply):
                known.configuration = command.configuration
                continue
            wanted = command.replicas if isinstance(command, ScaleTo) else wanted
            why = f"{command.reason}: {command.message}"
        return Decision(wanted, why)

    def _service(self, name: str, view: View) -> Service:
        known = self._known[name]
        return Service(
            key=ServiceKey(NAMESPACE, name),
            uid=name,
            generation=1,
            created_at=EPOCH,
            spec=known.spec,
            workload=Workload(view.asked, known.configuration, rolled_out=True),
            pods=_pods(name, view, self._gpus_per_replica(name)),
            growth=_growth(known, view),
            memory=known.memory,
        )

    def _gpus_per_replica(self, name: str) -> int:
        configuration = self._known[name].configuration
        return configuration.gpus if configuration else 1

    def _nodes(self, views: Mapping[str, View]) -> tuple[Node, ...]:
        """Nodes of eight GPUs, filled in turn by what is placed."""
        held = sum(_placed(view) * self._gpus_per_replica(name) for name, view in views.items())
        most = self._gpus
        if most is None:
            most = sum(
                2 * known.spec.scaling.max_replicas * max(1, self._gpus_per_replica(name))
                for name, known in self._known.items()
            )
        product = next(iter(self._known.values())).spec.hardware[0].gpu
        nodes = []
        for place in range(-(-most // NODE_GPUS)):
            there = min(NODE_GPUS, most - place * NODE_GPUS)
            used = min(there, max(0, held - place * NODE_GPUS))
            nodes.append(Node(f"node-{place}", product, there, used))
        return tuple(nodes)


class OperatedAlone:
    """`Operated` for one service, behind the Protocol of policies."""

    def __init__(self, spec: LLMServiceSpec, gpus: int | None = None, tick_seconds: float = TICK_SECONDS) -> None:
        self.interval_seconds = tick_seconds
        self._whole = Operated({"service": spec}, gpus, tick_seconds)

    def decide(self, view: View) -> Decision:
        return self._whole.decide({"service": view}, {})["service"]

    @property
    def plan(self) -> ServicePlan:
        """Of the last tick."""
        return self._whole.plans["service"]


def _placed(view: View) -> int:
    return view.ready + view.starting + view.draining


def _pods(name: str, view: View, gpus: int) -> tuple[Pod, ...]:
    now = EPOCH + view.now
    at = EPOCH + (float(view.history.column("at")[-1]) if len(view.history) else view.now)
    pods = []
    for place, number in enumerate(view.numbers):
        metrics = EngineMetrics(
            observed_at=at,
            source="prometheus",
            running=float(view.running[place]),
            waiting=float(view.waiting[place]),
            kv_use=float(view.kv_use[place]),
        )
        pods.append(_ready_pod(f"{name}-{number}", view.startup_seconds.get(number), now, place * gpus, metrics))
    unheard = [number for number in view.startup_seconds if number not in view.numbers]
    for number in unheard:
        place = len(pods) * gpus
        pods.append(_ready_pod(f"{name}-{number}", view.startup_seconds[number], now, place, None))
    for place, since in enumerate(view.starting_seconds):
        node = f"node-{len(pods) * gpus // NODE_GPUS}"
        pods.append(Pod(f"{name}-starting-{place}", node, now - float(since), "Pending", ready=False))
    return tuple(pods)


def _ready_pod(name: str, took: float | None, now: float, gpu: int, metrics: EngineMetrics | None) -> Pod:
    created = now - (took or 0.0)
    return Pod(name, f"node-{gpu // NODE_GPUS}", created, "Running", ready=True, ready_since=now, metrics=metrics)


def _growth(known: _Known, view: View) -> Growth | None:
    """Since the scrape that the last tick saw; None when there is no newer one."""
    history = view.history
    if not len(history) or history.column("at")[-1] == known.seen_at:
        return None
    newest = float(history.column("at")[-1])
    since = newest if known.seen_at is None else known.seen_at
    known.seen_at, seconds = newest, newest - since
    window = history.window(seconds)
    return Growth(
        since=EPOCH + since,
        at=EPOCH + newest,
        arrived=max(0.0, window.counts["arrived"] - window.growth_of_held),
        finished=window.counts["finished"],
        prompt_tokens=window.counts["prompt_tokens"],
        generated_tokens=window.counts["generated_tokens"],
        ttft=_buckets(window.ttft_seconds, TTFT_BOUNDS),
        tpot=_buckets(window.itl_seconds, TPOT_BOUNDS),
    )


def _buckets(seconds: NDArray[np.float64], bounds: tuple[float, ...]) -> dict[float, float]:
    ordered = np.sort(seconds)
    counts = np.searchsorted(ordered, bounds, side="right")
    return {**dict(zip(bounds, counts.astype(float).tolist(), strict=True)), float("inf"): float(len(ordered))}
