"""Bringing a sandbox up and taking it down."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rorqual_sandbox import control
from rorqual_sandbox.build import ensure_built
from rorqual_sandbox.errors import AlreadyRunningError, ComponentFailedError, NotRunningError, SandboxError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.locks import is_held
from rorqual_sandbox.options import Engine, Options
from rorqual_sandbox.process import INSTANCE_VARIABLE, sweep
from rorqual_sandbox.state import Phase, State
from rorqual_sandbox.supervisor import supervise

_START_SECONDS = 120
_STOP_SECONDS = 120


def prepare(layout: Layout, options: Options) -> None:
    """A fresh state directory with the options in it, and everything built. Raises AlreadyRunningError."""
    if is_held(layout.lock):
        raise AlreadyRunningError(f"sandbox {layout.name!r} runs already; `rorqual sandbox down` stops it")
    ensure_built()
    if options.engine is Engine.VLLM:
        from rorqual_sandbox.engines.vllm_install import ensure_installed

        ensure_installed()
    clear(layout)
    layout.create()
    options.write(layout.options)


def up_detached(layout: Layout, options: Options) -> State:
    """Starts a supervisor of its own session and waits until the sandbox is ready. Raises ComponentFailedError."""
    prepare(layout, options)
    with layout.component_log("supervisor").open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "rorqual_sandbox.supervisor", str(layout.root)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ,
        )
    try:
        return _wait_ready(layout, child)
    except BaseException as error:
        child.terminate()
        child.wait()
        if isinstance(error, KeyboardInterrupt):  # after a failure the logs stay, after Ctrl-C nothing does
            clear(layout)
        raise


def up_foreground(layout: Layout, options: Options, on_ready: Callable[[], None]) -> None:
    """Runs the sandbox in this process until SIGINT or SIGTERM, and removes its directory."""
    prepare(layout, options)
    supervise(layout, on_ready)
    clear(layout)


def down(layout: Layout) -> bool:
    """Stops a sandbox and removes its directory; False when there was none. Safe to repeat.

    What a crash may have left is removed too.
    """
    if not layout.root.exists():
        return False
    state = State.read(layout.state)
    if is_held(layout.lock):
        try:
            control.ask(layout, command="shutdown")
        except NotRunningError:
            if state is not None:
                _terminate(state.pid)
        _wait_released(layout)
    clear(layout)
    return True


def clear(layout: Layout) -> None:
    """Removes what a sandbox that no longer runs may have left: its processes, then its state directory."""
    state = State.read(layout.state)
    if state is not None:
        sweep(INSTANCE_VARIABLE, state.instance)
    if layout.root.exists():
        _check_ours(layout.root)
        shutil.rmtree(layout.root)


def _check_ours(root: Path) -> None:
    """A wrong --state-dir must not cost anybody their files."""
    ours = {"options.json", "state.json", "lock", "logs"}
    names = {path.name for path in root.iterdir()}
    if names and not names & ours:
        raise SandboxError(f"{root} holds other files than a sandbox's; refusing to delete it")


def _wait_ready(layout: Layout, child: subprocess.Popen[bytes]) -> State:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        state = State.read(layout.state)
        if state is not None and state.phase is Phase.READY:
            return state
        if child.poll() is not None:
            raise ComponentFailedError(_describe_failure(layout, state))
        time.sleep(0.05)
    raise ComponentFailedError(f"not ready after {_START_SECONDS} s; see the logs in {layout.logs}")


def _describe_failure(layout: Layout, state: State | None) -> str:
    reason = state.message if state and state.message else "the supervisor ended"
    supervisor_log = layout.component_log("supervisor").read_text()[-1000:]
    return f"{reason}; logs are in {layout.logs}\n{supervisor_log}"


def _wait_released(layout: Layout) -> None:
    deadline = time.monotonic() + _STOP_SECONDS
    while is_held(layout.lock):
        if time.monotonic() > deadline:
            raise ComponentFailedError(f"the supervisor of {layout.name!r} did not end within {_STOP_SECONDS} s")
        time.sleep(0.05)


def _terminate(pid: int) -> None:
    """SIGTERM to a supervisor that holds its lock and does not answer."""
    os.kill(pid, 15)
