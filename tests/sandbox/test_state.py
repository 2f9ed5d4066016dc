"""What is written down about a sandbox, and where."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rorqual_sandbox.errors import NotRunningError, SandboxError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.locks import is_held, try_hold
from rorqual_sandbox.nodes import NodeSpec
from rorqual_sandbox.options import Engine, Options
from rorqual_sandbox.paths import cache_directory, check_name, state_root
from rorqual_sandbox.state import Phase, State, running_state

STATE = State(Phase.READY, 1, "abc", 7, "https://127.7.0.1:6443", "http://p", "http://a", "/bin")


def test_options_survive_the_file(tmp_path: Path) -> None:
    options = Options(engine=Engine.VLLM, nodes=(NodeSpec("a", "NVIDIA-L4", 2, (("k", "v"),)),), load_seconds=1)
    options.write(tmp_path / "options.json")
    assert Options.read(tmp_path / "options.json") == options


def test_state_survives_the_file(tmp_path: Path) -> None:
    STATE.with_phase(Phase.FAILED, "why").write(tmp_path / "state.json")
    read = State.read(tmp_path / "state.json")
    assert read is not None and (read.phase, read.message, read.network) == (Phase.FAILED, "why", 7)
    assert json.loads((tmp_path / "state.json").read_text())["phase"] == "failed"


def test_a_state_without_a_living_supervisor_is_not_running(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "s")
    layout.create()
    STATE.write(layout.state)
    with pytest.raises(NotRunningError, match="start it with"):
        running_state(layout)
    lock = try_hold(layout.lock)
    assert lock is not None and running_state(layout) == STATE
    os.close(lock)


def test_a_lock_is_held_until_its_descriptor_closes(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    descriptor = try_hold(path)
    assert descriptor is not None and is_held(path) and try_hold(path) is None
    os.close(descriptor)
    assert not is_held(path)


def test_the_state_directory_is_private(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "s")
    layout.create()
    assert layout.root.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("variable", "find"), [("RORQUAL_CACHE_DIR", cache_directory), ("RORQUAL_STATE_DIR", state_root)]
)
def test_places_can_be_set(monkeypatch: pytest.MonkeyPatch, variable: str, find: object) -> None:
    monkeypatch.setenv(variable, "/elsewhere")
    assert callable(find) and find() == Path("/elsewhere/sandbox")


def test_xdg_places_are_respected_when_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RORQUAL_STATE_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert state_root() == Path("/state/rorqual/sandbox")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert state_root() == Path.home() / ".local/state/rorqual/sandbox"


@pytest.mark.parametrize("name", ["", "../x", "A", "-a", "a" * 41])
def test_names_that_are_no_directory_are_refused(name: str) -> None:
    with pytest.raises(SandboxError, match="expected up to 40"):
        check_name(name)
