"""The end of a pod, with a process that a test ends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rorqual_sandbox.agent.account import Account
from rorqual_sandbox.agent.record import Running, Terminated
from rorqual_sandbox.agent.run import Run
from rorqual_sandbox.agent.surroundings import Surroundings
from rorqual_sandbox.agent.termination import terminate
from rorqual_sandbox.layout import Layout


class FakeProcess:
    """Ends with `code` when it is stopped, and notes the grace it was given."""

    def __init__(self, code: int = -15, pid: int | None = 42) -> None:
        self.pid, self.grants = pid, list[float]()
        self._code = code

    async def stop(self, grace_seconds: float) -> int:
        self.grants.append(grace_seconds)
        return self._code


@pytest.fixture
def around(api: Any, clock: Any, tmp_path: Path) -> Surroundings:
    events = SimpleNamespace(record=lambda *_: None)
    parts = SimpleNamespace(
        api=api, clock=clock, events=events, layout=Layout(tmp_path), host_ip="127.1.0.1", session=None
    )
    return cast(Surroundings, parts)


@pytest.fixture
def account(pod: Any, around: Surroundings, clock: Any) -> Account:
    account = Account(pod, "127.1.1.1", around)
    account.publish(state=Running(clock.now()), ready=True)
    return account


def run(process: FakeProcess | None) -> Run:
    return cast(Run, SimpleNamespace(process=process, env={}))


async def test_the_end_is_written_before_the_object_goes(account: Account, around: Surroundings, api: Any) -> None:
    order: list[str] = []
    patch, delete = api.patch, api.delete

    async def note_patch(path: str, body: Any, content_type: str = "") -> Any:
        order.append("patch")
        return await patch(path, body)

    async def note_delete(path: str, body: Any = None) -> Any:
        order.append("delete")
        return await delete(path, body)

    api.patch, api.delete = note_patch, note_delete
    await terminate(account, around, run(FakeProcess()))
    assert order[-1] == "delete" and "patch" in order
    (container,) = api.patches[-1]["status"]["containerStatuses"]
    assert container["state"]["terminated"]["exitCode"] == 143 and not container["ready"]


async def test_the_process_has_the_whole_grace_without_a_hook(account: Account, around: Surroundings) -> None:
    account.pod["spec"]["terminationGracePeriodSeconds"] = 12
    process = FakeProcess()
    await terminate(account, around, run(process))
    assert process.grants == [12]


async def test_the_hook_takes_its_time_from_the_grace(account: Account, around: Surroundings) -> None:
    account.pod["spec"]["terminationGracePeriodSeconds"] = 12
    account.container["lifecycle"] = {"preStop": {"sleep": {"seconds": 5}}}
    process = FakeProcess()
    await terminate(account, around, run(process))
    assert process.grants == [7]


async def test_no_grace_is_left_after_a_hook_that_took_all(account: Account, around: Surroundings) -> None:
    account.pod["spec"]["terminationGracePeriodSeconds"] = 3
    account.container["lifecycle"] = {"preStop": {"sleep": {"seconds": 5}}}
    process = FakeProcess(code=-9)
    await terminate(account, around, run(process))
    assert process.grants == [0]
    assert isinstance(account.record.state, Terminated) and account.record.state.exit_code == 137


@pytest.mark.parametrize("process", [None, FakeProcess(pid=None)])
async def test_what_does_not_run_is_only_removed(
    account: Account, around: Surroundings, api: Any, process: FakeProcess | None
) -> None:
    before = account.record
    await terminate(account, around, run(process))
    await terminate(account, around, None)
    assert account.record == before and len(api.deleted) == 2
    assert process is None or process.grants == []


async def test_an_api_server_that_is_away_delays_the_end(
    account: Account, around: Surroundings, api: Any, clock: Any
) -> None:
    api.failures = [ConnectionError(), ConnectionError()]
    await asyncio.wait_for(terminate(account, around, run(FakeProcess())), 20)
    assert len(api.deleted) == 1 and clock.sleeps
