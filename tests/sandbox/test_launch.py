"""Starting and clearing, with other processes in the place of the supervisor."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rorqual_sandbox import launch
from rorqual_sandbox.errors import AlreadyRunningError, ComponentFailedError, NotRunningError, OpensslMissingError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.options import Options
from rorqual_sandbox.state import Phase, State
from rorqual_sandbox.tenancy import occupy


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setattr(launch, "ensure_built", lambda: None)
    layout = Layout(tmp_path / "s")
    layout.create()
    return layout


class Place:
    """Where the supervisor would run: a script takes its place."""

    def __init__(self) -> None:
        self.script = ""
        self.children: list[subprocess.Popen[bytes]] = []
        self._popen = subprocess.Popen

    def popen(self, argv: list[str], **options: object) -> subprocess.Popen[bytes]:
        """As subprocess.Popen; the script finds the state directory in sys.argv[1]."""
        child = self._popen([sys.executable, "-c", self.script, *argv[-2:]], **options)  # type: ignore[call-overload]
        self.children.append(child)
        return child  # type: ignore[no-any-return]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    place = Place()
    monkeypatch.setattr(launch.subprocess, "Popen", place.popen)
    yield place
    for child in place.children:
        child.kill()
        child.wait()


def state(instance: str) -> State:
    return State(Phase.READY, os.getpid(), instance, 7, "https://s", "http://p", "http://a", "/bin")


def test_a_start_that_fails_shows_why_and_keeps_the_logs(layout: Layout, place: Place) -> None:
    place.script = "import sys; sys.exit('etcd is missing')"
    with pytest.raises(ComponentFailedError, match="etcd is missing"):
        launch.up_detached(layout, Options())
    assert layout.component_log("supervisor").exists()


def test_an_interrupted_start_leaves_nothing(layout: Layout, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.script = "import time; time.sleep(60)"

    def interrupt(*_args: object) -> State:
        raise KeyboardInterrupt

    monkeypatch.setattr(launch, "_wait_ready", interrupt)
    with pytest.raises(KeyboardInterrupt):
        launch.up_detached(layout, Options())
    assert not layout.root.exists()


def test_a_ready_supervisor_ends_the_waiting(layout: Layout, place: Place) -> None:
    script = (
        "import pathlib, sys, time\n"
        "from rorqual_sandbox.state import Phase, State\n"
        "state = State(Phase.READY, 1, 'x', 7, 's', 'p', 'a', 'b')\n"
        "state.write(pathlib.Path(sys.argv[1]) / 'state.json')\n"
        "time.sleep(60)\n"
    )
    place.script = script
    assert launch.up_detached(layout, Options()).network == 7


def test_a_running_sandbox_is_not_built_for(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "ensure_built", pytest.fail)
    lock = occupy(layout, Options())
    with pytest.raises(AlreadyRunningError):
        launch.prepare(layout, Options())
    os.close(lock)


def test_a_missing_openssl_is_told_before_the_build(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "ensure_built", pytest.fail)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OpensslMissingError):
        launch.prepare(layout, Options())


def test_the_supervisor_has_the_directory_from_its_first_moment(
    layout: Layout, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.script = "import time; time.sleep(60)"
    seen: list[str] = []

    def look(layout: Layout, child: subprocess.Popen[bytes]) -> State:
        with pytest.raises(AlreadyRunningError) as refusal:
            occupy(layout, Options())
        seen.append(str(refusal.value))
        raise KeyboardInterrupt

    monkeypatch.setattr(launch, "_wait_ready", look)
    with pytest.raises(KeyboardInterrupt):
        launch.up_detached(layout, Options())
    assert "is being started by another command" in seen[0]


def test_a_start_that_another_command_stops_says_so(layout: Layout, place: Place) -> None:
    place.script = "import shutil, sys; shutil.rmtree(sys.argv[1])"
    with pytest.raises(ComponentFailedError, match="stopped by another command while it started"):
        launch.up_detached(layout, Options())


def test_down_of_nothing(layout: Layout) -> None:
    shutil.rmtree(layout.root)
    assert launch.down(layout) is False


def test_down_after_a_crash_removes_what_is_left(layout: Layout) -> None:
    state("nobody").write(layout.state)
    assert launch.down(layout) is True
    assert not layout.root.exists()


def test_down_asks_until_a_supervisor_that_has_only_just_begun_hears(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = occupy(layout, Options())
    answers: list[Exception | None] = [NotRunningError("not yet"), NotRunningError("not yet"), None]

    def ask(_layout: Layout, **request: object) -> dict[str, object]:
        assert request["command"] == "shutdown"
        if answer := answers.pop(0):
            raise answer
        os.close(lock)
        return {}

    monkeypatch.setattr(launch.control, "ask", ask)
    assert launch.down(layout) is True
    assert answers == [] and not layout.root.exists()


def test_down_of_a_supervisor_that_does_not_answer_terminates_it(layout: Layout) -> None:
    lock = occupy(layout, Options())
    holder = subprocess.Popen(["sleep", "60"], pass_fds=(lock,))
    os.close(lock)
    replace(state("none"), pid=holder.pid).write(layout.state)
    assert launch.down(layout) is True
    assert holder.wait(20) == -signal.SIGTERM


def test_down_names_the_pid_of_a_supervisor_that_never_ends(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = occupy(layout, Options())
    state("none").write(layout.state)
    monkeypatch.setattr(launch, "_STOP_SECONDS", 0.01)
    monkeypatch.setattr(launch.control, "ask", lambda *_args, **_request: {})
    with pytest.raises(ComponentFailedError, match=f"its pid is {os.getpid()}"):
        launch.down(layout)
    os.close(lock)
    assert layout.root.exists()
