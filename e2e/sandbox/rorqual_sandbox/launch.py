"""Bringing a sandbox up and taking it down."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from rorqual_sandbox import control
from rorqual_sandbox.build import ensure_built
from rorqual_sandbox.credentials import find_openssl
from rorqual_sandbox.errors import ComponentFailedError, NotRunningError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.locks import is_held
from rorqual_sandbox.options import Engine, Options
from rorqual_sandbox.state import Phase, State
from rorqual_sandbox.supervisor.entry import supervise
from rorqual_sandbox.tenancy import check_free, occupy, vacate

_START_SECONDS = 120
_STOP_SECONDS = 120
_LOG_CHARACTERS = 1000


def prepare(layout: Layout, options: Options) -> None:
    """Everything built and at hand that a start needs. Raises SandboxError."""
    check_free(layout)  # these two before the build: it takes minutes
    find_openssl()
    ensure_built()
    if options.engine is Engine.VLLM:
        from rorqual_sandbox.engines.vllm_install import ensure_installed

        ensure_installed()


def up_detached(layout: Layout, options: Options) -> State:
    """Starts a supervisor of its own session and waits until the sandbox is ready. Raises SandboxError."""
    prepare(layout, options)
    child = _spawn_supervisor(layout, occupy(layout, options))
    try:
        return _wait_ready(layout, child)
    except BaseException as error:
        child.terminate()
        child.wait()
        if isinstance(error, KeyboardInterrupt):  # after a failure the logs stay, after Ctrl-C nothing does
            vacate(layout)
        raise


def up_foreground(layout: Layout, options: Options, on_ready: Callable[[], None]) -> None:
    """Runs the sandbox in this process until SIGINT or SIGTERM, and removes its directory."""
    prepare(layout, options)
    supervise(layout, occupy(layout, options), on_ready)
    vacate(layout)


def down(layout: Layout) -> bool:
    """Stops a sandbox and removes its directory; False when there was none. Safe to repeat.

    What a crash may have left is removed too. Raises SandboxError.
    """
    if not layout.root.exists():
        return False
    _shut_down(layout)
    vacate(layout)
    return True


def _spawn_supervisor(layout: Layout, lock: int) -> subprocess.Popen[bytes]:
    """The supervisor inherits the lock, so that nobody can take the directory in between."""
    try:
        with layout.component_log("supervisor").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "rorqual_sandbox.supervisor", str(layout.root), str(lock)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(lock,),
            )
    finally:
        os.close(lock)


def _wait_ready(layout: Layout, child: subprocess.Popen[bytes]) -> State:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        ended = child.poll() is not None  # asked first: what it wrote before its end is then there to read
        state = State.read(layout.state)
        if ended:
            raise ComponentFailedError(_describe_end(layout, state))
        if state is not None and state.phase is Phase.READY:
            return state
        time.sleep(0.05)
    raise ComponentFailedError(f"not ready after {_START_SECONDS} s; see the logs in {layout.logs}")


def _describe_end(layout: Layout, state: State | None) -> str:
    if not layout.root.exists() or (state and state.phase is Phase.STOPPING):
        return f"sandbox {layout.name!r} was stopped by another command while it started"
    reason = state.message if state and state.message else "the supervisor ended"
    log = layout.component_log("supervisor").read_text()[-_LOG_CHARACTERS:]
    return f"{reason}; logs are in {layout.logs}\n{log}"


def _shut_down(layout: Layout) -> None:
    """Asks the supervisor to end until it hears, then waits until it has ended."""
    deadline, heard = time.monotonic() + _STOP_SECONDS, False
    while is_held(layout.lock):
        if time.monotonic() > deadline:
            raise ComponentFailedError(
                f"the supervisor of sandbox {layout.name!r} did not end within {_STOP_SECONDS} s; "
                f"see {layout.component_log('supervisor')}, or kill it: {_describe_pid(layout)}"
            )
        heard = heard or _ask_to_end(layout)
        time.sleep(0.05)


def _ask_to_end(layout: Layout) -> bool:
    """Whether the supervisor was told; one that has only just been started cannot be yet."""
    try:
        control.ask(layout, command="shutdown", timeout_seconds=10)
    except NotRunningError:
        state = State.read(layout.state)
        if state is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(state.pid, signal.SIGTERM)
    return True


def _describe_pid(layout: Layout) -> str:
    state = State.read(layout.state)
    return f"its pid is {state.pid}" if state else "its pid is not known"
