"""The agent keeps one worker for each of its pods."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest

from rorqual_sandbox.agent import service
from rorqual_sandbox.agent.addresses import AddressPool
from rorqual_sandbox.agent.record import Record
from rorqual_sandbox.agent.service import Agent
from rorqual_sandbox.agent.surroundings import Surroundings
from rorqual_sandbox.agent.watch import Change


@dataclass
class Around:
    """The part of the surroundings that the agent itself uses."""

    api: Any
    clock: Any


class FakeWorker:
    """Runs until it vanishes; `faults` are raised first."""

    made: list[FakeWorker]
    faults: list[Exception]

    def __init__(self, pod: Any, ip: str, around: Any) -> None:
        self.pod, self.updates = pod, 0
        self.record = Record(ip, "127.1.0.1", around.clock.now())
        self._gone = asyncio.Event()
        FakeWorker.made.append(self)

    def update(self, pod: Any) -> None:
        self.updates += 1

    def vanish(self) -> None:
        self._gone.set()

    @property
    def vanished(self) -> bool:
        return self._gone.is_set()

    async def run(self) -> None:
        if FakeWorker.faults:
            raise FakeWorker.faults.pop()
        await self._gone.wait()


@pytest.fixture(autouse=True)
def workers(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeWorker.made, FakeWorker.faults = [], []
    monkeypatch.setattr(service, "PodWorker", FakeWorker)


def changes(monkeypatch: pytest.MonkeyPatch, pods: list[Any], nodes: list[Any]) -> None:
    async def follow(api: Any, path: str, params: Any, clock: Any) -> Any:
        for change in pods if path.endswith("pods") else nodes:
            yield change
            await asyncio.sleep(0.01)
        await asyncio.Event().wait()

    monkeypatch.setattr(service, "follow", follow)


async def run(agent: Agent, done: Callable[[], bool]) -> None:
    task = asyncio.create_task(agent.run())
    async with asyncio.timeout(20):
        while True:
            if done():
                break
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.wait({task})


def make(api: Any, clock: Any) -> Agent:
    return Agent(cast(Surroundings, Around(api, clock)), AddressPool(["127.1.1.1", "127.1.1.2"]))


def present(item: Any) -> Change:
    return Change("present", item)


def gone(item: Any) -> Change:
    return Change("gone", item)


async def test_one_worker_follows_a_pod(api: Any, clock: Any, pod: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    changes(monkeypatch, [present(pod), present(pod), gone(pod)], [])
    agent = make(api, clock)
    await run(agent, lambda: bool(FakeWorker.made) and agent._workers == {})
    (worker,) = FakeWorker.made
    assert worker.updates == 1


async def test_finished_pods_are_left_alone(api: Any, clock: Any, pod: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pod["status"]["phase"] = "Succeeded"
    running = {**pod, "metadata": {**pod["metadata"], "uid": "u2"}, "status": {"phase": "Running"}}
    changes(monkeypatch, [present(pod), present(running)], [])
    await run(make(api, clock), lambda: bool(FakeWorker.made))
    assert [worker.pod["metadata"]["uid"] for worker in FakeWorker.made] == ["u2"]


async def test_a_lost_node_takes_its_pods(api: Any, clock: Any, pod: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    other, node = {"metadata": {"name": "a100-0"}}, {"metadata": {"name": "h100-0"}}
    changes(monkeypatch, [present(pod)], [present(other), gone(other), gone(node)])
    agent = make(api, clock)
    await run(agent, lambda: bool(FakeWorker.made) and agent._workers == {})


async def test_a_worker_that_fails_is_replaced_under_the_same_address(
    api: Any, clock: Any, pod: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeWorker.faults = [RuntimeError("bug")]
    changes(monkeypatch, [present(pod)], [])
    await run(make(api, clock), lambda: len(FakeWorker.made) == 2)
    assert {worker.record.ip for worker in FakeWorker.made} == {"127.1.1.1"}


async def test_a_worker_that_fails_as_its_pod_goes_is_not_replaced(
    api: Any, clock: Any, pod: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.sleep = lambda seconds: asyncio.sleep(0.1)
    FakeWorker.faults = [RuntimeError("bug")]
    changes(monkeypatch, [present(pod), gone(pod)], [])
    agent = make(api, clock)
    await run(agent, lambda: bool(FakeWorker.made) and agent._workers == {})
    assert len(FakeWorker.made) == 1
