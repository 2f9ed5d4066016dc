"""The phases of a sandbox, with fakes for all that it starts."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from rorqual_sandbox import control
from rorqual_sandbox.errors import ComponentFailedError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.state import Phase, State
from rorqual_sandbox.supervisor.lifecycle import Supervisor

STATE = State(Phase.STARTING, 1, "abc", 7, "https://s", "http://p", "http://a", "/bin")


class FakeCrew:
    """Notes the phase in which it is stopped."""

    def __init__(self, layout: Layout) -> None:
        self.stopped_in: list[Phase] = []
        self._layout = layout

    async def start(self, name: str) -> None: ...

    async def stop(self, name: str) -> None: ...

    async def describe(self) -> list[dict[str, Any]]:
        return [{"name": "etcd"}]

    async def stop_all(self) -> None:
        self.stopped_in.append(phase(self._layout))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "s")
    layout.create()
    return layout


@pytest.fixture
def crew(layout: Layout) -> FakeCrew:
    return FakeCrew(layout)


def phase(layout: Layout) -> Phase:
    state = State.read(layout.state)
    assert state is not None
    return state.phase


async def ask(layout: Layout, **request: Any) -> dict[str, Any]:
    return await asyncio.to_thread(control.ask, layout, **request)


async def start_at_once() -> None: ...


async def never_start() -> None:
    await asyncio.Event().wait()


async def test_it_goes_from_starting_over_ready_to_stopping(layout: Layout, crew: FakeCrew) -> None:
    phases: list[Phase] = []
    ready = asyncio.Event()

    async def start() -> None:
        phases.append(phase(layout))

    running = asyncio.create_task(Supervisor(layout, STATE, crew, start).run(ready.set))
    await ready.wait()
    phases.append(phase(layout))
    await ask(layout, command="shutdown")
    await running
    assert [*phases, *crew.stopped_in] == [Phase.STARTING, Phase.READY, Phase.STOPPING]


async def test_it_answers_while_it_runs(layout: Layout, crew: FakeCrew) -> None:
    ready = asyncio.Event()
    running = asyncio.create_task(Supervisor(layout, STATE, crew, start_at_once).run(ready.set))
    await ready.wait()
    answer = await ask(layout, command="status")
    assert (answer["state"]["phase"], answer["components"]) == ("ready", [{"name": "etcd"}])
    await ask(layout, command="shutdown")
    await running


async def test_it_can_be_stopped_before_it_is_ready(layout: Layout, crew: FakeCrew, until: Any) -> None:
    called_off: list[bool] = []

    async def start() -> None:
        try:
            await never_start()
        finally:
            called_off.append(True)

    running = asyncio.create_task(Supervisor(layout, STATE, crew, start).run(pytest.fail))
    await until(lambda: (layout.root / "control.sock").exists())
    await ask(layout, command="shutdown")
    await running
    assert called_off == [True] and crew.stopped_in == [Phase.STOPPING]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_signals_stop_it(layout: Layout, crew: FakeCrew, number: signal.Signals) -> None:
    await Supervisor(layout, STATE, crew, start_at_once).run(lambda: os.kill(os.getpid(), number))
    assert crew.stopped_in == [Phase.STOPPING]


async def test_a_failed_start_stops_what_had_started_and_is_written_down(layout: Layout, crew: FakeCrew) -> None:
    async def start() -> None:
        raise ComponentFailedError("etcd did not get up")

    with pytest.raises(ComponentFailedError):
        await Supervisor(layout, STATE, crew, start).run(pytest.fail)
    state = State.read(layout.state)
    assert state is not None and (state.phase, state.message) == (Phase.FAILED, "etcd did not get up")
    assert crew.stopped_in == [Phase.STARTING]


async def test_an_error_of_another_kind_stops_everything_too(layout: Layout, crew: FakeCrew) -> None:
    async def start() -> None:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        await Supervisor(layout, STATE, crew, start).run(pytest.fail)
    assert crew.stopped_in


async def test_it_no_longer_answers_once_it_stops(layout: Layout, crew: FakeCrew) -> None:
    refused: list[Exception] = []

    async def stop_all() -> None:
        try:
            await ask(layout, command="status")
        except Exception as error:
            refused.append(error)

    crew.stop_all = stop_all  # type: ignore[method-assign]
    await Supervisor(layout, STATE, crew, start_at_once).run(lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert "does not answer" in str(refused[0])
