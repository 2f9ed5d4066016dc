"""One run of a container, with a process and probes that a test controls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rorqual_sandbox.agent import run as run_module
from rorqual_sandbox.agent.account import Account
from rorqual_sandbox.agent.container import Observer
from rorqual_sandbox.agent.preparation import Prepared
from rorqual_sandbox.agent.record import Running, Terminated
from rorqual_sandbox.agent.run import Run
from rorqual_sandbox.agent.surroundings import Surroundings
from rorqual_sandbox.engines.launch import Launch
from rorqual_sandbox.layout import Layout


class FakeProcess:
    """Ends when `end` is called, or when it is stopped."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.grants: list[float] = []

    def end(self, code: int) -> None:
        self.ended.set_result(code)

    async def wait(self) -> int:
        return await asyncio.shield(self.ended)

    async def stop(self, grace_seconds: float) -> int:
        self.grants.append(grace_seconds)
        self.end(-15)
        return -15


class Probing:
    """Takes the place of the probes: `observer` is whom they tell, `verdict` what ends them."""

    def __init__(self) -> None:
        self.observer: Observer | None = None
        self.verdict: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def watch(self, _probes: Any, _checker: Any, observer: Observer, _clock: Any) -> str:
        self.observer = observer
        return await self.verdict


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def around(api: Any, clock: Any, told: list[str], tmp_path: Path) -> Surroundings:
    events = SimpleNamespace(record=lambda _pod, _kind, reason, message: told.append(f"{reason}: {message}"))
    layout = Layout(tmp_path)
    parts = SimpleNamespace(api=api, clock=clock, events=events, layout=layout, host_ip="127.1.0.1", session=None)
    return cast(Surroundings, parts)


@pytest.fixture
def account(pod: Any, around: Surroundings) -> Account:
    return Account(pod, "127.1.1.1", around)


@pytest.fixture
async def process(monkeypatch: pytest.MonkeyPatch) -> FakeProcess:
    process = FakeProcess()

    async def start(*_args: Any) -> FakeProcess:
        return process

    monkeypatch.setattr(run_module.ContainerProcess, "start", start)
    return process


@pytest.fixture
async def probing(monkeypatch: pytest.MonkeyPatch) -> Probing:
    probing = Probing()
    monkeypatch.setattr(run_module, "watch_probes", probing.watch)
    return probing


def begin(account: Account, around: Surroundings) -> asyncio.Task[tuple[Terminated, float]]:
    launch = Launch(("engine",), notes=("the simulator ignores --dtype",))
    return asyncio.create_task(Run(account, around, Prepared(launch, {})).finish())


async def observer_of(probing: Probing, until: Any) -> Observer:
    return cast(Observer, await until(lambda: probing.observer))


async def test_a_run_that_ends_by_itself(
    account: Account, around: Surroundings, process: FakeProcess, probing: Probing, clock: Any, until: Any
) -> None:
    task = begin(account, around)
    await observer_of(probing, until)
    assert isinstance(account.record.state, Running)
    clock.elapsed_seconds += 60
    process.end(3)
    ended, ran_seconds = await task
    assert (ended.exit_code, ran_seconds) == (3, 60)
    assert account.record.state == ended and process.grants == []


async def test_a_signal_becomes_an_exit_code(
    account: Account, around: Surroundings, process: FakeProcess, probing: Probing
) -> None:
    process.end(-9)
    ended, _ = await begin(account, around)
    assert ended.exit_code == 137


async def test_a_failed_probe_stops_it_within_the_grace_period(
    account: Account, around: Surroundings, process: FakeProcess, probing: Probing, told: list[str]
) -> None:
    account.pod["spec"]["terminationGracePeriodSeconds"] = 4
    probing.verdict.set_result("liveness probe failed: 500")
    ended, _ = await begin(account, around)
    assert (process.grants, ended.exit_code) == ([4], 143)
    assert told[-1] == "Killing: Container engine: liveness probe failed: 500"


async def test_it_is_not_ready_while_it_is_being_stopped(
    account: Account, around: Surroundings, process: FakeProcess, probing: Probing, until: Any
) -> None:
    ready_at_stop: list[bool] = []
    stop = process.stop

    async def note(grace_seconds: float) -> int:
        ready_at_stop.append(account.record.ready)
        return await stop(grace_seconds)

    process.stop = note  # type: ignore[method-assign]
    task = begin(account, around)
    (await observer_of(probing, until)).ready(True)  # noqa: FBT003
    probing.verdict.set_result("liveness probe failed: 500")
    await task
    assert ready_at_stop == [False]


async def test_probes_set_the_record_and_the_end_unsets_it(
    account: Account, around: Surroundings, process: FakeProcess, probing: Probing, until: Any
) -> None:
    task = begin(account, around)
    observer = await observer_of(probing, until)
    observer.started()
    observer.ready(True)  # noqa: FBT003
    assert account.record.started and account.record.ready
    process.end(0)
    await task
    assert not account.record.started and not account.record.ready


async def test_failures_are_news_only_of_a_ready_container(
    account: Account, around: Surroundings, process: FakeProcess, probing: Probing, told: list[str], until: Any
) -> None:
    task = begin(account, around)
    observer = await observer_of(probing, until)
    observer.unhealthy("while loading")
    observer.ready(True)  # noqa: FBT003
    observer.unhealthy("afterwards")
    process.end(0)
    await task
    assert told == ["Started: Started container engine the simulator ignores --dtype", "Unhealthy: afterwards"]


async def test_a_command_that_cannot_be_executed_is_a_crash(
    account: Account, around: Surroundings, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    async def start(*_args: Any) -> Any:
        raise FileNotFoundError("no such file: engine")

    monkeypatch.setattr(run_module.ContainerProcess, "start", start)
    ended, _ = await begin(account, around)
    assert ended.exit_code == 127 and told == ["Failed: Error: no such file: engine"]


async def test_a_cancelled_run_stops_probing(
    account: Account, around: Surroundings, process: FakeProcess, probing: Probing, until: Any
) -> None:
    task = begin(account, around)
    await observer_of(probing, until)
    task.cancel()
    await asyncio.wait({task})
    assert probing.verdict.cancelled() and process.grants == []
