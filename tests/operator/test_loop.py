"""Rounds come, whatever goes wrong in one of them or with one service."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rorqual_engine.plan import Memory, ServicePlan
from rorqual_engine.snapshot import Service, ServiceKey, Snapshot
from rorqual_operator import loop as loops
from rorqual_operator.kube import Object
from rorqual_operator.loop import SHORTEST_PAUSE_SECONDS, Loop, Round
from rorqual_operator.observe.world import Observation

from .builders import plan, service, service_item
from .virtual_time import in_virtual_time, now

PERIOD = 10.0
A, B = ServiceKey("llm", "a"), ServiceKey("llm", "b")


class FakeWorld:
    """A cluster with these services."""

    scope = "all namespaces"

    def __init__(self, *keys: ServiceKey) -> None:
        self.keys = keys
        self.invalid: dict[ServiceKey, str] = {}
        self.memories: dict[ServiceKey, Memory] = {}
        self.error: Exception | None = None

    async def synced(self) -> None:
        await asyncio.sleep(0)

    def engine_pods(self) -> dict[ServiceKey, list[Object]]:
        return {}

    def observe(self, readings: object, memories: dict[ServiceKey, Memory], now: float) -> Observation:
        if self.error:
            raise self.error
        self.memories = dict(memories)
        services = tuple(service(key=key) for key in self.keys if key not in self.invalid)
        return Observation(Snapshot(services, ()), {key: service_item(key.name) for key in self.keys}, self.invalid)


class FakeReadings:
    async def update(self, pods: object, now: float) -> None: ...
    async def recall(self, now: float) -> None: ...


class FakeActor:
    """Carries nothing out; services in `failing` raise or refuse."""

    def __init__(self) -> None:
        self.acted: list[ServiceKey] = []
        self.told_invalid: list[str] = []
        self.failing: dict[ServiceKey, Exception | None] = {}

    async def carry_out(self, item: Object, of: Service, plan: ServicePlan, now: float) -> bool:
        if of.key in self.failing:
            error = self.failing[of.key]
            if error:
                raise error
            return False
        self.acted.append(of.key)
        return True

    async def report_invalid(self, item: Object, message: str, now: float) -> None:
        self.told_invalid.append(message)

    def forget(self, alive: object) -> None: ...


class Listened:
    def __init__(self) -> None:
        self.rounds: list[tuple[float, Round]] = []
        self.failed: list[tuple[float, Exception]] = []

    def round_done(self, done: Round) -> None:
        self.rounds.append((now(), done))

    def round_failed(self, error: Exception) -> None:
        self.failed.append((now(), error))


class Bench:
    """A Loop among fakes, on virtual time."""

    def __init__(self, *keys: ServiceKey) -> None:
        self.world, self.actor, self.listener, self.wake = FakeWorld(*keys), FakeActor(), Listened(), asyncio.Event()
        parts: Any = (self.world, FakeReadings(), self.actor, self.listener)
        self.loop = Loop(*parts, now, PERIOD, self.wake)

    @contextmanager
    def running(self) -> Iterator[None]:
        task = asyncio.create_task(self.loop.run())
        try:
            yield
            assert not task.done(), "the loop ended"
        finally:
            task.cancel()


@pytest.fixture(autouse=True)
def remembering_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans that do nothing and remember when they were made."""

    def decide(snapshot: Snapshot, at: float) -> dict[ServiceKey, ServicePlan]:
        return {of.key: plan(memory=Memory(known_since=at)) for of in snapshot.services}

    monkeypatch.setattr(loops, "decide", decide)


def at(bench: Bench) -> list[float]:
    return [when for when, _ in bench.listener.rounds]


@in_virtual_time
async def test_rounds_come_every_period() -> None:
    bench = Bench()
    with bench.running():
        await asyncio.sleep(35)
    assert at(bench) == [0, 10, 20, 30]


@in_virtual_time
async def test_wake_brings_the_next_round_forward() -> None:
    bench = Bench()
    with bench.running():
        await asyncio.sleep(3)
        bench.wake.set()
        await asyncio.sleep(9)
    assert at(bench) == [0, 3]


@in_virtual_time
async def test_many_wakes_are_one_round_after_the_shortest_pause() -> None:
    bench = Bench()
    with bench.running():
        for _ in range(10):
            await asyncio.sleep(0.01)
            bench.wake.set()
        await asyncio.sleep(5)
    assert at(bench) == [0, SHORTEST_PAUSE_SECONDS]


@in_virtual_time
async def test_failing_round_is_reported_and_the_next_one_comes() -> None:
    bench = Bench(A)
    bench.world.error = KeyError("spec")
    with bench.running():
        await asyncio.sleep(1)
        bench.world.error = None
        await asyncio.sleep(10)
    assert [(when, type(error)) for when, error in bench.listener.failed] == [(0, KeyError)]
    assert at(bench) == [10]


@pytest.mark.parametrize("error", [ValueError("a status that cannot be read"), None])
def test_failure_of_one_service_does_not_stop_the_others(error: Exception | None) -> None:
    @in_virtual_time
    async def scenario() -> None:
        bench = Bench(A, B)
        bench.actor.failing = {A: error}
        done = await bench.loop.tick()
        assert bench.actor.acted == [B]
        assert done.failures == 1

    scenario()


@in_virtual_time
async def test_nothing_is_remembered_of_a_plan_that_was_not_carried_out() -> None:
    bench = Bench(A, B)
    bench.actor.failing = {A: None}
    await bench.loop.tick()
    await bench.loop.tick()
    assert bench.world.memories == {B: Memory(known_since=0.0)}


@in_virtual_time
async def test_memories_of_services_that_are_gone_are_dropped() -> None:
    bench = Bench(A, B)
    await bench.loop.tick()
    bench.world.keys = (B,)
    await bench.loop.tick()
    bench.world.keys = (A, B)
    await bench.loop.tick()
    assert set(bench.world.memories) == {B}


@in_virtual_time
async def test_invalid_services_are_told_and_not_decided_on() -> None:
    bench = Bench(A, B)
    bench.world.invalid = {A: "spec.model: Field required"}
    done = await bench.loop.tick()
    assert set(done.plans) == {B}
    assert bench.actor.told_invalid == ["spec.model: Field required"]


@in_virtual_time
async def test_memory_survives_a_spec_that_is_invalid_for_a_while() -> None:
    bench = Bench(A)
    await bench.loop.tick()
    bench.world.invalid = {A: "no"}
    await bench.loop.tick()
    bench.world.invalid = {}
    await bench.loop.tick()
    assert set(bench.world.memories) == {A}


@in_virtual_time
async def test_everything_in_a_round_happens_at_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, times = Bench(A), []

    async def slow(item: Object, of: Service, plan: ServicePlan, when: float) -> bool:
        times.append(when)
        await asyncio.sleep(2)
        return True

    monkeypatch.setattr(bench.actor, "carry_out", slow)
    done = await bench.loop.tick()
    assert (done.started_at, times, done.ended_at) == (0.0, [0.0], 2.0)
