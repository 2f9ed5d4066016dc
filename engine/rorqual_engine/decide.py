"""From what is known to what is to be done: the one place where sizing, detection, scaling and the fleet meet.

Pure: the same snapshot and time give the same plan. The operator, the simulator and the tests call the same `decide`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from rorqual_engine.commands import choose_commands
from rorqual_engine.detection import Diagnosis, active, blame_shared, diagnose, usual_with_others
from rorqual_engine.fleet import Claim, Grant, Inventory, arbitrate
from rorqual_engine.plan import Configuration, Memory, ScaleEvent, ScaleTo, ServicePlan, Stall
from rorqual_engine.scaling import (
    Bounds,
    Desire,
    Foresight,
    Load,
    Question,
    ask,
    desire,
    foresee,
    longest_period_seconds,
    read_bounds,
    read_load,
)
from rorqual_engine.sizing import Sizing, concurrent_sequences, observe, size
from rorqual_engine.snapshot import Pod, Service, ServiceKey, Snapshot


@dataclass(frozen=True, slots=True)
class Prepared:
    """One service as it is before its replicas are thought of."""

    service: Service
    diagnosis: Diagnosis
    sequences: int
    sizing: Sizing | None = None
    bounds: Bounds | None = None
    load: Load = field(default_factory=Load)
    question: Question | None = None
    """None where there is nothing to plan with."""
    stall: Stall | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One service, considered alone."""

    service: Service
    diagnosis: Diagnosis
    sizing: Sizing | None
    desire: Desire | None
    stall: Stall | None = None
    foresight: Foresight | None = None

    @property
    def configuration(self) -> Configuration | None:
        """What its replicas are to run with; what they run with, while the spec cannot be carried out."""
        if self.sizing is not None and not self.service.paused:
            return self.sizing.configuration
        return self.service.workload.configuration if self.service.workload else None

    @property
    def current(self) -> int:
        return self.service.workload.replicas if self.service.workload else 0

    @property
    def wanted(self) -> int:
        return self.current if self.desire is None or self.service.paused else self.desire.replicas


def decide(snapshot: Snapshot, now: float) -> dict[ServiceKey, ServicePlan]:
    """A plan for each service of the snapshot at time `now` (seconds since the epoch)."""
    inventory = Inventory.of(snapshot.nodes)
    with_others = usual_with_others(snapshot.services)
    prepared = _share_places(
        [_prepare(service, inventory, with_others.get(service.key), now) for service in snapshot.services]
    )
    cases = [_consider(one, foresight, now) for one, foresight in zip(prepared, _foresee(prepared), strict=True)]
    grants = arbitrate(inventory, (claim for case in cases if (claim := _claim(case)) is not None))
    return {case.service.key: _plan(case, grants.get(case.service.key), now) for case in cases}


def _prepare(service: Service, inventory: Inventory, with_others: float | None, now: float) -> Prepared:
    running = service.workload.configuration if service.workload else None
    sequences = concurrent_sequences(service.spec, running, inventory)
    capability = service.memory.sized.capability if service.memory.sized else None
    diagnosis = diagnose(service, sequences, capability, _last_active_at(service, now), now, with_others)
    sizing = size(service, inventory, now)
    if isinstance(sizing, Stall):
        return Prepared(service, diagnosis, sequences, stall=sizing)
    bounds = read_bounds(service.spec, sizing.configuration.gpu, now)
    if isinstance(bounds, Stall):
        return Prepared(service, diagnosis, sequences, sizing, stall=bounds)
    load = read_load(service, diagnosis.faulty_pods, now)
    question = ask(service, load, sizing.capability, bounds, now)
    return Prepared(service, diagnosis, sequences, sizing, bounds, load, question)


def _share_places(prepared: Sequence[Prepared]) -> list[Prepared]:
    """With what services' faults have in common told of each."""
    found = blame_shared([one.service for one in prepared], [one.diagnosis for one in prepared])
    return [
        one if one.diagnosis is diagnosis else replace(one, diagnosis=diagnosis)
        for one, diagnosis in zip(prepared, found, strict=True)
    ]


def _foresee(prepared: Sequence[Prepared]) -> list[Foresight | None]:
    """Planned for together, which is many times faster than one by one."""
    questions = [one.question for one in prepared if one.question is not None]
    found = iter(foresee(questions))
    return [None if one.question is None else next(found) for one in prepared]


def _consider(one: Prepared, foresight: Foresight | None, now: float) -> Case:
    if one.bounds is None:
        return Case(one.service, one.diagnosis, one.sizing, None, one.stall)
    wanted = desire(one.service, one.load, one.sequences, one.bounds, foresight, now)
    return Case(one.service, one.diagnosis, one.sizing, wanted, foresight=foresight)


def _claim(case: Case) -> Claim | None:
    """What a service asks of the fleet; None where GPUs are not counted or its configuration is not known."""
    wanted, service = case.configuration, case.service
    if wanted is None or service.spec.sharing.scheme != "Exclusive":
        return None
    running = (service.workload.configuration if service.workload else None) or wanted
    same_shape = running.replica == wanted.replica
    replicas = _placed(service.pods)
    released = {node: count * running.gpus for node, count in replicas.items()}
    return Claim(
        key=service.key,
        priority=service.spec.priority,
        gpu=wanted.gpu,
        gpus_per_replica=wanted.gpus,
        current=case.current,
        wanted=case.wanted,
        held=replicas if same_shape else {},
        released=released if not same_shape and running.gpu == wanted.gpu else {},
        gains=_gains(case.foresight),
        tentative=service.spec.scaling.mode == "Advisory" or service.foreign_autoscaler is not None,
    )


def _gains(foresight: Foresight | None) -> dict[int, float]:
    """Good requests a second that each replica more is expected to bring."""
    if foresight is None:
        return {}
    seen = foresight.outlook
    pairs = pairwise(seen.options)
    return {
        more.replicas: (more.good_rate - fewer.good_rate) * seen.expected_per_second
        for fewer, more in pairs
        if more.replicas == fewer.replicas + 1
    }


def _placed(pods: tuple[Pod, ...]) -> dict[str, int]:
    """Replicas that hold GPUs, by node. Ending ones are left out: their GPUs are neither theirs nor free."""
    placed: dict[str, int] = {}
    for pod in pods:
        if pod.node is not None and not pod.terminating and pod.phase in ("Pending", "Running"):
            placed[pod.node] = placed.get(pod.node, 0) + 1
    return placed


def _plan(case: Case, grant: Grant | None, now: float) -> ServicePlan:
    choice = choose_commands(case.service, case.sizing, case.desire, case.stall, grant)
    return ServicePlan(
        commands=choice.commands,
        desired_replicas=choice.replicas,
        health=case.diagnosis.health,
        recommendation=case.sizing.recommendation if case.sizing else None,
        stall=case.stall,
        shortage=grant.shortage if grant else None,
        signals=case.desire.signals if case.desire else (),
        limited_by=choice.limited_by,
        outlook=case.desire.outlook if case.desire else None,
        memory=_remember(case, next((c for c in choice.commands if isinstance(c, ScaleTo)), None), now),
    )


def _remember(case: Case, scale: ScaleTo | None, now: float) -> Memory:
    service, old = case.service, case.service.memory
    carried_out = case.sizing is not None and case.stall is None and not service.paused
    verdict = case.diagnosis.health.verdict
    change = (ScaleEvent(now, scale.replicas - scale.current),) if scale else ()
    longest = longest_period_seconds(service.spec.scaling.behavior)
    made = Memory(
        proposals=case.desire.proposals if case.desire and not service.paused else old.proposals,
        events=(*(event for event in old.events if now - event.at < longest), *change),
        last_active_at=now if _active(service, now) else old.last_active_at,
        known_since=now if old.known_since is None else old.known_since,
        configured_generation=service.generation if carried_out else old.configured_generation,
        configured=case.sizing.configuration if case.sizing and carried_out else old.configured,
        configured_model=service.config_text if carried_out else old.configured_model,
        verdict=verdict,
        verdict_since=old.verdict_since if old.verdict is verdict else now,
        observations=old.observations,
        observed=old.observed,
        observed_at=old.observed_at,
        experience=case.foresight.experience if case.foresight else old.experience,
        watch=case.diagnosis.watch,
        sized=case.sizing.sized if case.sizing else None,
    )
    return observe(service, made, now)


def _last_active_at(service: Service, now: float) -> float:
    """When a request was last seen; never before anything was known."""
    if _active(service, now):
        return now
    memory = service.memory
    known = [at for at in (memory.last_active_at, memory.known_since) if at is not None]
    return max(known, default=now)


def _active(service: Service, now: float) -> bool:
    return any(active(one) for pod in service.pods if (one := pod.fresh_metrics(now)) is not None)
