"""Who has a state directory: one sandbox at a time, from an empty directory to none.

A sandbox has its directory as long as somebody holds the lock in it. Taking a directory over and removing it
happen under a second lock, on the directory above, so that of two commands at once one comes first.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rorqual_sandbox.errors import AlreadyRunningError, SandboxError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.locks import is_held, try_hold
from rorqual_sandbox.options import Options
from rorqual_sandbox.process import INSTANCE_VARIABLE, sweep
from rorqual_sandbox.state import Phase, State


def occupy(layout: Layout, options: Options) -> int:
    """A fresh directory with the options in it, after a crash too; the descriptor that holds its lock.

    Raises AlreadyRunningError, and SandboxError where the directory is somebody else's.
    """
    with _alone(layout.root.parent):
        check_free(layout)
        _clear(layout)
        layout.create()
        options.write(layout.options)
        lock = try_hold(layout.lock)
        if lock is None:
            raise AlreadyRunningError(_describe_tenant(layout))
        return lock


def vacate(layout: Layout) -> None:
    """Removes what a sandbox that no longer runs has left: its processes, then its directory.

    A sandbox that has been started there meanwhile is left alone. Raises SandboxError.
    """
    if not layout.root.parent.exists():
        return
    with _alone(layout.root.parent):
        if not is_held(layout.lock):
            _clear(layout)


def check_free(layout: Layout) -> None:
    """Raises AlreadyRunningError, with what to do, while a sandbox has the directory."""
    if is_held(layout.lock):
        raise AlreadyRunningError(_describe_tenant(layout))


def _describe_tenant(layout: Layout) -> str:
    state = State.read(layout.state)
    subject, down = f"sandbox {layout.name!r}", f"`rorqual sandbox down --name {layout.name}`"
    match state.phase if state else Phase.STARTING:
        case Phase.READY if state:
            return f"{subject} runs already, at {state.server_url}; {down} stops it"
        case Phase.STOPPING | Phase.FAILED:
            return f"{subject} is being stopped; try again when `rorqual sandbox list` no longer shows it"
        case _:
            return f"{subject} is being started by another command; wait for it, or stop it with {down}"


def _clear(layout: Layout) -> None:
    state = State.read(layout.state)
    if state is not None:
        sweep(INSTANCE_VARIABLE, state.instance)
    if layout.root.exists():
        _check_ours(layout)
        _remove(layout)


def _check_ours(layout: Layout) -> None:
    """A wrong state directory must not cost anybody their files."""
    if not layout.marker.exists() and any(layout.root.iterdir()):
        raise SandboxError(
            f"{layout.root} is not empty and no sandbox's: {layout.marker.name} is missing in it. "
            f"Choose another place with RORQUAL_STATE_DIR, or remove it yourself"
        )


def _remove(layout: Layout) -> None:
    """The marker goes last: after an interruption the rest is still known as ours."""
    for path in layout.root.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != layout.marker:
            path.unlink()
    layout.marker.unlink(missing_ok=True)
    layout.root.rmdir()


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """One command at a time; the lock is the directory itself, so that no file stays behind."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
