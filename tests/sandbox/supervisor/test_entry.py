"""The supervisor's process: its lock, its network, its guard; without a control plane."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from rorqual_sandbox.build import Binaries
from rorqual_sandbox.components import Endpoints, Plan
from rorqual_sandbox.errors import BuildFailedError, ComponentFailedError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.locks import is_held
from rorqual_sandbox.network import Network, claim_network
from rorqual_sandbox.options import Options
from rorqual_sandbox.state import Phase, State
from rorqual_sandbox.supervisor import __main__ as command
from rorqual_sandbox.supervisor import entry
from rorqual_sandbox.tenancy import occupy


class FakeGuard:
    """Notes that it was let go."""

    def __init__(self) -> None:
        self.let_go = 0

    def communicate(self) -> None:
        self.let_go += 1


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "s")


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeGuard:
    """Binaries that are not there: the start fails at etcd, after the guard was set."""
    guard = FakeGuard()
    monkeypatch.setattr(entry, "start_guard", lambda _instance, _env: guard)
    monkeypatch.setattr(entry, "ensure_built", lambda: Binaries(tmp_path))
    return guard


def test_a_start_that_fails_gives_lock_and_network_back(layout: Layout, guard: FakeGuard) -> None:
    number = _free_number()
    with pytest.raises(ComponentFailedError, match="etcd cannot be started"):
        entry.supervise(layout, occupy(layout, Options()), on_ready=pytest.fail)
    state = State.read(layout.state)
    assert state is not None and (state.phase, state.network) == (Phase.FAILED, number)
    assert not is_held(layout.lock) and _free_number() == number
    assert guard.let_go == 1


def _free_number() -> int:
    network, claim = claim_network()
    claim.close()
    return network.number


def test_an_earlier_failure_gives_the_lock_back_too(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise BuildFailedError("no")

    monkeypatch.setattr(entry, "ensure_built", fail)
    with pytest.raises(BuildFailedError):
        entry.supervise(layout, occupy(layout, Options()), on_ready=pytest.fail)
    assert not is_held(layout.lock)


def test_the_first_state_says_where_all_will_be(layout: Layout, tmp_path: Path) -> None:
    network = Network(246)
    plan = Plan(layout, Binaries(tmp_path), network, Endpoints(network.host, *range(1, 9)))
    assert entry.first_state(plan, "abc") == State(
        Phase.STARTING,
        os.getpid(),
        "abc",
        246,
        "https://127.246.0.1:3",
        "http://127.246.0.1:7",
        "http://127.246.0.1:8",
        str(tmp_path),
    )


@pytest.mark.parametrize(("error", "status"), [(None, 0), (ComponentFailedError("etcd did not get up"), 1)])
def test_the_commands_status(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception | None, status: int
) -> None:
    asked: list[tuple[str, int]] = []

    def supervise(layout: Layout, lock: int, on_ready: Any) -> None:
        asked.append((layout.name, lock))
        if error:
            raise error

    monkeypatch.setattr(command, "supervise", supervise)
    assert command.main(["/state/mine", "7"]) == status
    assert asked == [("mine", 7)]
    assert ("etcd did not get up" in caplog.text) is (error is not None)
