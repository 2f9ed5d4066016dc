"""Components are started, watched, stopped, and never restarted behind one's back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from rorqual_sandbox import process
from rorqual_sandbox.components import Component
from rorqual_sandbox.errors import ComponentFailedError
from rorqual_sandbox.health import HealthProbe
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.runner import Runner


class Healthy:
    """A probe for processes that serve nothing: healthy as soon as they run."""

    async def is_healthy(self, component: Component) -> bool:
        return True

    async def wait_healthy(
        self, component: Component, exit_status: Callable[[], int | None], timeout_seconds: float
    ) -> None:
        return None


def sleeper(name: str) -> Component:
    return Component(name, ("sleep", "60"), 1, "http://127.0.0.1:1/")


@pytest.fixture
def deaths() -> list[tuple[str, int]]:
    return []


@pytest.fixture
def runner(tmp_path: Path, deaths: list[tuple[str, int]]) -> Runner:
    components = {name: sleeper(name) for name in ("one", "two")}
    probe = cast(HealthProbe, Healthy())
    return Runner(Layout(tmp_path), components, os.environ, probe, lambda c, status: deaths.append((c.name, status)))


async def states(runner: Runner) -> dict[str, str]:
    return {row["name"]: row["state"] for row in await runner.describe()}


async def test_start_and_stop(runner: Runner, deaths: list[tuple[str, int]]) -> None:
    await runner.start("one")
    assert await states(runner) == {"one": "running", "two": "not started"}
    await runner.stop("one")
    await runner.stop("one")
    await runner.stop("two")
    assert (await states(runner))["one"] == "stopped"
    assert deaths == []


async def test_a_death_is_told_and_shown(runner: Runner, deaths: list[tuple[str, int]], until: Any) -> None:
    await runner.start("one")
    os.kill((await runner.describe())[0]["pid"], 9)
    await until(lambda: deaths)
    assert deaths == [("one", -9)]
    row = (await runner.describe())[0]
    assert (row["state"], row["healthy"], row["pid"]) == ("died (-9)", False, None)


async def test_a_stopped_component_starts_again_but_a_running_one_does_not(runner: Runner) -> None:
    await runner.start("one")
    with pytest.raises(ComponentFailedError, match="runs already"):
        await runner.start("one")
    await runner.stop("one")
    await runner.start("one")
    await runner.stop_all()
    assert (await states(runner))["one"] == "stopped"


async def test_all_are_stopped_in_the_reverse_of_their_order(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[int] = []
    stop = process.stop

    async def note(child: asyncio.subprocess.Process, grace_seconds: float) -> int:
        stopped.append(child.pid)
        return await stop(child, grace_seconds)

    monkeypatch.setattr(process, "stop", note)
    await runner.start("two")
    await runner.start("one")  # not the order of starting counts, but that of the components
    one, two = (row["pid"] for row in await runner.describe())
    await runner.stop_all()
    assert stopped == [two, one]


async def test_the_dead_are_passed_over_when_all_are_stopped(
    runner: Runner, deaths: list[tuple[str, int]], until: Any
) -> None:
    await runner.start("one")
    await runner.start("two")
    os.kill((await runner.describe())[0]["pid"], 9)
    await until(lambda: deaths)
    await runner.stop_all()
    assert deaths == [("one", -9)]  # "two" was stopped, and is not mourned


async def test_a_component_that_died_can_be_started_again(
    runner: Runner, deaths: list[tuple[str, int]], until: Any
) -> None:
    await runner.start("one")
    os.kill((await runner.describe())[0]["pid"], 9)
    await until(lambda: deaths)
    await runner.start("one")
    assert (await states(runner))["one"] == "running"
    await runner.stop_all()


async def test_a_program_that_is_missing_is_an_error_of_its_component(tmp_path: Path) -> None:
    etcd = Component("etcd", (str(tmp_path / "etcd"),), 1, "http://127.0.0.1:1/")
    runner = Runner(Layout(tmp_path), {"etcd": etcd}, os.environ, cast(HealthProbe, Healthy()), lambda *_: None)
    with pytest.raises(ComponentFailedError, match=r"etcd cannot be started: .*No such file"):
        await runner.start("etcd")
    assert (await states(runner))["etcd"] == "not started"


async def test_an_unknown_component_is_refused(runner: Runner) -> None:
    with pytest.raises(ComponentFailedError, match="no component 'three'; there are one, two"):
        await runner.start("three")
