"""Taking a state directory over, and removing it: running, crashed, half removed, somebody else's."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from rorqual_sandbox.errors import AlreadyRunningError, SandboxError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.locks import is_held
from rorqual_sandbox.options import Options
from rorqual_sandbox.process import INSTANCE_VARIABLE
from rorqual_sandbox.state import Phase, State
from rorqual_sandbox.tenancy import occupy, vacate


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "root" / "mine")


def state(phase: Phase, instance: str = "x") -> State:
    return State(phase, os.getpid(), instance, 7, "https://127.7.0.1:6443", "http://p", "http://a", "/bin")


def crash(layout: Layout, instance: str = "x") -> None:
    """What a supervisor that was killed leaves."""
    os.close(occupy(layout, Options()))
    state(Phase.READY, instance).write(layout.state)
    (layout.logs / "etcd.log").write_text("old")


def test_a_fresh_directory_is_laid_out_and_held(layout: Layout) -> None:
    lock = occupy(layout, Options(load_seconds=1))
    assert is_held(layout.lock) and layout.certificates.is_dir()
    assert Options.read(layout.options).load_seconds == 1
    os.close(lock)
    assert not is_held(layout.lock)


@pytest.mark.parametrize(
    ("phase", "advice"),
    [
        (Phase.READY, r"runs already, at https://127\.7\.0\.1:6443; `rorqual sandbox down --name mine` stops it"),
        (Phase.STARTING, "is being started by another command; wait for it"),
        (Phase.STOPPING, "is being stopped; try again"),
        (Phase.FAILED, "is being stopped; try again"),
        (None, "is being started by another command"),
    ],
)
def test_one_that_runs_is_refused_and_left_alone(layout: Layout, phase: Phase | None, advice: str) -> None:
    lock = occupy(layout, Options())
    if phase:
        state(phase).write(layout.state)
    with pytest.raises(AlreadyRunningError, match=f"sandbox 'mine' {advice}"):
        occupy(layout, Options())
    vacate(layout)
    assert layout.options.exists()
    os.close(lock)


def test_what_a_crash_left_is_swept_and_replaced(layout: Layout) -> None:
    instance = f"crashed-{os.getpid()}"
    crash(layout, instance)
    orphan = subprocess.Popen(["sleep", "60"], env={**os.environ, INSTANCE_VARIABLE: instance})
    lock = occupy(layout, Options())
    assert orphan.wait(20) == -signal.SIGKILL
    assert not layout.state.exists() and not (layout.logs / "etcd.log").exists()
    os.close(lock)


def test_a_crashed_one_can_be_removed(layout: Layout) -> None:
    crash(layout)
    vacate(layout)
    vacate(layout)
    assert not layout.root.exists()


def test_removing_what_never_was_is_no_error(layout: Layout) -> None:
    vacate(layout)
    assert not layout.root.parent.exists()


@pytest.mark.parametrize("left", [["data"], ["kubeconfig", "control.sock"], [".rorqual-sandbox"], []])
def test_a_half_removed_one_is_taken_over(layout: Layout, left: list[str]) -> None:
    layout.root.mkdir(parents=True)
    if left:
        layout.marker.touch()
    for name in left:
        (layout.root / name).touch()
    os.close(occupy(layout, Options()))
    assert {"options.json", "lock", "logs"} <= {path.name for path in layout.root.iterdir()}
    assert not (layout.root / "kubeconfig").exists()


def test_an_interrupted_removal_leaves_it_known_as_ours(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    crash(layout)

    def interrupt(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("rorqual_sandbox.tenancy.shutil.rmtree", interrupt)
        vacate(layout)
    assert layout.marker.exists()
    vacate(layout)
    assert not layout.root.exists()


def test_links_are_removed_and_not_followed(layout: Layout, tmp_path: Path) -> None:
    crash(layout)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text").write_text("years")
    (layout.root / "link").symlink_to(tmp_path / "thesis")
    vacate(layout)
    assert (tmp_path / "thesis" / "text").exists() and not layout.root.exists()


def test_a_state_of_another_version_is_no_obstacle(layout: Layout) -> None:
    crash(layout)
    layout.state.write_text('{"phase": "hovering", "colour": "red"}')
    os.close(occupy(layout, Options()))
    assert not layout.state.exists()


def test_a_directory_of_somebody_else_is_never_touched(layout: Layout) -> None:
    (layout.root / "data").mkdir(parents=True)
    (layout.root / "data" / "thesis.txt").write_text("years")
    for act in (lambda: vacate(layout), lambda: os.close(occupy(layout, Options()))):
        with pytest.raises(SandboxError, match=r"no sandbox's[\s\S]*RORQUAL_STATE_DIR"):
            act()
    assert (layout.root / "data" / "thesis.txt").exists()


def test_of_many_at_once_one_gets_it(layout: Layout) -> None:
    locks: list[int] = []
    refusals: list[str] = []
    barrier = threading.Barrier(8)

    def compete() -> None:
        barrier.wait()
        try:
            locks.append(occupy(layout, Options()))
        except AlreadyRunningError as error:
            refusals.append(str(error))

    threads = [threading.Thread(target=compete) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (lock,) = locks
    assert len(refusals) == 7 and is_held(layout.lock)
    os.close(lock)
