"""One run: services, their policies, and time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from rorqual_engine.simulation.fleet import Fleet, Startup
from rorqual_engine.simulation.history import History
from rorqual_engine.simulation.policy import Decision, Facts, Policy, Standing, View
from rorqual_engine.simulation.pool import Pool
from rorqual_engine.simulation.requests import Requests
from rorqual_engine.simulation.scrape import Scrape, record, scrape
from rorqual_engine.simulation.state import Engine

PROGRESS_SECONDS = 600.0
"""Of simulated time between two reports of progress."""


FAULT_KINDS = ("kill", "slow", "silent", "heard", "leak", "deploy")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that happens to a replica at a time; the replica is told by its number (0 is the first)."""

    at: float
    replica: int
    kind: str
    """`kill`: dies and starts anew. `slow`: by `slowness`. `silent`: its metrics are gone. `heard`: they are back.
    `leak`: holds `tokens` more of its KV cache for nobody. `deploy`: runs another version, of that slowness."""
    slowness: float = 1.0
    """Of its pace: 2 takes twice as long, infinite is stuck, 1 is sound again."""
    tokens: int = 0

    def __post_init__(self) -> None:
        if self.kind not in FAULT_KINDS:
            raise ValueError(f"fault {self.kind!r} at {self.at:g} s: expected one of {', '.join(FAULT_KINDS)}")
        if not self.slowness > 0:
            raise ValueError(f"fault {self.kind!r} at {self.at:g} s: slowness is {self.slowness:g}; expected above 0")


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a run."""

    facts: Facts
    requests: Requests
    initial_replicas: int = 1
    startup_variation: float = 0.0
    """Standard deviation of the start-up time over its mean."""
    least_load: bool = True
    """The gateway picks the replica with the fewest requests; else they take turns."""
    faults: tuple[Fault, ...] = ()
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """Services on one pool of GPUs."""

    services: Mapping[str, Service]
    gpus: int | None = None
    """Of the pool; None for as many as anybody asks for."""
    scrape_seconds: float = 5.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.services:
            raise ValueError("scenario: expected at least one service")
        if not self.scrape_seconds > 0:
            raise ValueError(f"scenario: scrape_seconds is {self.scrape_seconds:g}; expected above 0")

    @property
    def duration_seconds(self) -> float:
        return max(one.requests.duration_seconds for one in self.services.values())


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as it was carried out."""

    at: float
    before: int
    replicas: int
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one service."""

    service: Service
    fleet: Fleet
    history: History
    decisions: tuple[Decided, ...]


class Controller(Protocol):
    """Decides for all services of a run together."""

    def interval_seconds(self, name: str) -> float: ...
    def decide(self, views: Mapping[str, View], scrapes: Mapping[str, Scrape]) -> Mapping[str, Decision]:
        """For those services whose turn it is: the keys of `views`."""
        ...


@dataclass(frozen=True, slots=True)
class Separate:
    """Each service has a policy of its own."""

    policies: Mapping[str, Policy]

    def interval_seconds(self, name: str) -> float:
        return self.policies[name].interval_seconds

    def decide(self, views: Mapping[str, View], scrapes: Mapping[str, Scrape]) -> Mapping[str, Decision]:  # noqa: ARG002
        return {name: self.policies[name].decide(view) for name, view in views.items()}


def simulate(
    scenario: Scenario, controller: Controller, progress: Callable[[float], None] | None = None
) -> dict[str, Outcome]:
    """Runs until the end of the longest trace; `progress` is told the seconds of the run that are over."""
    return _Run(scenario, controller).go(progress)


@dataclass(slots=True)
class _Member:
    """A service in a run."""

    service: Service
    fleet: Fleet
    next_decision: float
    history: History = field(default_factory=History)
    seen: Scrape | None = None
    silent: set[int] = field(default_factory=set)
    decisions: list[Decided] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


class _Run:
    def __init__(self, scenario: Scenario, controller: Controller) -> None:
        self._scenario, self._controller = scenario, controller
        pool = Pool(scenario.gpus)
        seeds = np.random.SeedSequence(scenario.seed).spawn(len(scenario.services))
        self._members = {
            name: _Member(
                service,
                _fleet(service, pool, np.random.default_rng(seed)),
                _interval(controller, name),
                faults=sorted(service.faults, key=lambda fault: fault.at),
            )
            for (name, service), seed in zip(scenario.services.items(), seeds, strict=True)
        }
        self._first_served = sorted(self._members.values(), key=lambda one: -one.service.priority)

    def go(self, progress: Callable[[float], None] | None) -> dict[str, Outcome]:
        end, told = self._scenario.duration_seconds, 0.0
        for member in self._first_served:
            member.fleet.begin(member.service.initial_replicas)
        next_scrape = 0.0
        now = 0.0
        while now <= end:
            self._happen(now)
            if now >= next_scrape:
                self._scrape(now)
                next_scrape += self._scenario.scrape_seconds
            self._decide(now)
            if progress is not None and now - told >= PROGRESS_SECONDS:
                told = now
                progress(now)
            now = min(self._next_event(), next_scrape)
        for member in self._members.values():
            member.fleet.advance(end)
            member.fleet.end(end)
        return {name: _outcome(member) for name, member in self._members.items()}

    def _next_event(self) -> float:
        times = [member.fleet.next_ready() for member in self._members.values()]
        times += [member.next_decision for member in self._members.values()]
        times += [member.faults[0].at for member in self._members.values() if member.faults]
        return min(times)

    def _happen(self, now: float) -> None:
        for member in self._members.values():
            member.fleet.advance(now)
        self._place(now)
        for member in self._members.values():
            member.fleet.make_ready(now)
            while member.faults and member.faults[0].at <= now:
                _strike(member, member.faults.pop(0), now)

    def _place(self, now: float) -> None:
        """Gives the pool's free GPUs out, to the service of the highest priority first."""
        for member in self._first_served:
            member.fleet.place(now)

    def _scrape(self, now: float) -> None:
        for member in self._members.values():
            member.seen = scrape(member.fleet, now, frozenset(member.silent))
            record(member.history, member.fleet, member.seen)

    def _decide(self, now: float) -> None:
        due = [name for name, member in self._members.items() if member.next_decision <= now]
        if not due:
            return
        views = {name: _view(self._members[name], now) for name in due}
        scrapes = {name: seen for name in due if (seen := self._members[name].seen) is not None}
        for name, decision in self._controller.decide(views, scrapes).items():
            _carry_out(self._members[name], decision, now)
        self._place(now)
        for name in due:
            self._members[name].next_decision = now + _interval(self._controller, name)


def _interval(controller: Controller, name: str) -> float:
    seconds = controller.interval_seconds(name)
    if not seconds > 0:
        raise ValueError(f"service {name!r}: its policy's interval_seconds is {seconds:g}; expected above 0")
    return seconds


def _fleet(service: Service, pool: Pool, random: np.random.Generator) -> Fleet:
    facts = service.facts
    return Fleet(
        requests=service.requests,
        engine=engine_of(facts, service.least_load),
        startup=Startup(facts.startup_seconds, service.startup_variation),
        pool=pool,
        random=random,
        most=facts.max_replicas,
        gpus_per_replica=facts.gpus_per_replica,
    )


def engine_of(facts: Facts, least_load: bool = True) -> Engine:
    """A replica as the kernel sees it."""
    timing = facts.timing
    return Engine(
        sequences=facts.sequences,
        kv_tokens=facts.kv_tokens,
        batched_tokens=facts.batched_tokens,
        block_tokens=16,
        step=timing.step_seconds,
        sequence=timing.sequence_seconds,
        context=timing.context_seconds,
        prompt=timing.prompt_seconds,
        attention=timing.attention_seconds,
        least_load=least_load,
    )


def _strike(member: _Member, fault: Fault, now: float) -> None:
    if fault.kind == "kill":
        member.fleet.fail(fault.replica, now)
    elif fault.kind == "slow":
        member.fleet.slow(fault.replica, fault.slowness, now)
    elif fault.kind == "deploy":
        member.fleet.deploy(fault.replica, fault.slowness, now)
    elif fault.kind == "leak":
        member.fleet.leak(fault.replica, fault.tokens)
    elif fault.kind == "silent":
        member.silent.add(fault.replica)
    else:
        member.silent.discard(fault.replica)


def _view(member: _Member, now: float) -> View:
    """Replicas as they are now, by their figures of the last scrape: one that is ready since then has none."""
    seen, fleet = member.seen, member.fleet
    if seen is None:
        raise ValueError(f"no scrape before {now:g} s")
    serving = {one.number for one in fleet.serving}
    kept = np.array([number in serving for number in seen.numbers], dtype=bool)
    return View(
        now=now,
        asked=fleet.asked,
        starting_seconds=np.array([now - one.asked_at for one in fleet.starting]),
        draining=len(fleet.draining),
        running=seen.running[kept],
        waiting=seen.waiting[kept],
        kv_use=seen.kv_use[kept],
        waiting_tokens=seen.waiting_tokens[kept],
        missing=len(serving) - int(kept.sum()),
        held=seen.held,
        history=member.history,
        numbers=tuple(number for number in seen.numbers if number in serving),
        startup_seconds={one.number: one.startup_seconds for one in fleet.serving},
        ready_at={one.number: one.ready_at for one in fleet.serving},
        starting_numbers=tuple(one.number for one in fleet.starting),
        standings={one.number: Standing(one.restarts, one.died_at, one.version) for one in fleet.replicas},
    )


def _carry_out(member: _Member, decision: Decision, now: float) -> None:
    facts, before = member.service.facts, member.fleet.asked
    replicas = min(max(decision.replicas, facts.min_replicas), facts.max_replicas)
    member.decisions.append(Decided(now, before, replicas, decision.why))
    if replicas != before:
        member.fleet.scale_to(replicas, now)


def _outcome(member: _Member) -> Outcome:
    return Outcome(member.service, member.fleet, member.history, tuple(member.decisions))
