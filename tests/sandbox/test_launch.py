"""Starting and clearing, with other processes in the place of the supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rorqual_sandbox import launch
from rorqual_sandbox.errors import ComponentFailedError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.options import Options
from rorqual_sandbox.process import INSTANCE_VARIABLE
from rorqual_sandbox.state import Phase, State


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setattr(launch, "ensure_built", lambda: None)
    layout = Layout(tmp_path / "s")
    layout.create()
    return layout


def supervisor(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Lets `script` run where the supervisor would; it finds the state directory in sys.argv[1]."""
    interpreter = Path(sys.executable)
    real = subprocess.Popen

    def popen(argv: list[str], **options: object) -> subprocess.Popen[bytes]:
        return real([str(interpreter), "-c", script, argv[-1]], **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(launch.subprocess, "Popen", popen)


def state(instance: str) -> State:
    return State(Phase.READY, os.getpid(), instance, 7, "https://s", "http://p", "http://a", "/bin")


def test_a_start_that_fails_shows_why_and_keeps_the_logs(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor(monkeypatch, "import sys; sys.exit('etcd is missing')")
    with pytest.raises(ComponentFailedError, match="etcd is missing"):
        launch.up_detached(layout, Options())
    assert layout.component_log("supervisor").exists()


def test_an_interrupted_start_leaves_nothing(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor(monkeypatch, "import time; time.sleep(60)")

    def interrupt(*_args: object) -> State:
        raise KeyboardInterrupt

    monkeypatch.setattr(launch, "_wait_ready", interrupt)
    with pytest.raises(KeyboardInterrupt):
        launch.up_detached(layout, Options())
    assert not layout.root.exists()


def test_a_ready_supervisor_ends_the_waiting(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import pathlib, sys, time\n"
        "from rorqual_sandbox.state import Phase, State\n"
        "state = State(Phase.READY, 1, 'x', 7, 's', 'p', 'a', 'b')\n"
        "state.write(pathlib.Path(sys.argv[1]) / 'state.json')\n"
        "time.sleep(1)\n"
    )
    supervisor(monkeypatch, script)
    assert launch.up_detached(layout, Options()).network == 7


def test_what_a_crash_left_running_is_swept_by_the_next_start(layout: Layout) -> None:
    instance = f"crashed-{os.getpid()}"
    orphan = subprocess.Popen(["sleep", "60"], env={**os.environ, INSTANCE_VARIABLE: instance})
    state(instance).write(layout.state)
    launch.prepare(layout, Options())
    assert orphan.wait(20) == -signal.SIGKILL
    assert not layout.state.exists() and Options.read(layout.options) == Options()
