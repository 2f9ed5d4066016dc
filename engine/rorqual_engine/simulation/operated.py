"""The operator's own `decide` in the simulator: views become a Snapshot, plans become decisions. Nothing else decides.

What the operator cannot see in a cluster is not shown to it here either: requests that the gateway holds are unknown,
and latencies come as the engines' histograms have them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.decide import decide
from rorqual_engine.plan import Apply, Configuration, Memory, ScaleTo, ServicePlan
from rorqual_engine.simulation.observed import EPOCH, NODE_GPUS, Watched, growth_of, latencies_of, pods_of
from rorqual_engine.simulation.policy import Decision, View
from rorqual_engine.simulation.scrape import Scrape
from rorqual_engine.snapshot import Node, Service, ServiceKey, Snapshot, Workload

TICK_SECONDS = 10.0
"""The operator's default."""
NAMESPACE = "simulated"


@dataclass(slots=True)
class _Known:
    """What is kept of one service between two ticks."""

    spec: LLMServiceSpec
    memory: Memory = field(default_factory=Memory)
    configuration: Configuration | None = None
    watched: Watched = field(default_factory=Watched)


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
        self.seen: dict[str, Service] = {}
        """What they were made from."""

    def interval_seconds(self, name: str) -> float:  # noqa: ARG002 every service has the same tick
        return self._tick_seconds

    def decide(self, views: Mapping[str, View], scrapes: Mapping[str, Scrape]) -> Mapping[str, Decision]:
        now = EPOCH + max(view.now for view in views.values())
        for name, view in views.items():
            self._known[name].watched.take(scrapes.get(name), view)
        self.seen = {name: self._service(name, view) for name, view in views.items()}
        plans = decide(Snapshot(tuple(self.seen.values()), self._nodes(views)), now)
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
        ttft, tpot = latencies_of(view)
        return Service(
            key=ServiceKey(NAMESPACE, name),
            uid=name,
            generation=1,
            created_at=EPOCH,
            spec=known.spec,
            workload=Workload(view.asked, known.configuration, rolled_out=True),
            pods=pods_of(name, view, known.watched, self._gpus_per_replica(name)),
            service_ttft=ttft,
            service_tpot=tpot,
            growth=growth_of(known.watched, view),
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

    @property
    def seen(self) -> Service:
        """What it was made from."""
        return self._whole.seen["service"]


def _placed(view: View) -> int:
    return view.ready + view.starting + view.draining
