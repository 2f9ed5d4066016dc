"""Child processes that cannot outlive the sandbox, and what the kernel tells about them."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

INSTANCE_VARIABLE = "RORQUAL_SANDBOX_INSTANCE"
"""Environment variable that marks every process of a sandbox, engines and their children included."""
ENGINE_VARIABLE = "RORQUAL_SANDBOX_ENGINE"
"""The same for engine processes alone."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent_pid: int) -> Callable[[], None]:
    """A pre-exec hook: the kernel kills the child when the parent, `parent_pid`, ends in whatever way."""

    def hook() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:  # the parent died between fork and prctl
            os._exit(1)

    return hook


async def spawn(
    argv: Sequence[str], *, env: Mapping[str, str], log: Path, cwd: Path | None = None
) -> asyncio.subprocess.Process:
    """Starts `argv` in a session of its own, with stdout and stderr appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *argv,
            env=dict(env),
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(os.getpid()),
        )


async def stop(process: asyncio.subprocess.Process, grace_seconds: float) -> int:
    """SIGTERM, then SIGKILL to the whole session after `grace_seconds`; the exit status."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), grace_seconds)
    kill_session(process.pid)
    return await process.wait()


def kill_session(pid: int) -> None:
    """SIGKILL to whatever is left of the process group that `pid` led."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def resident_bytes(pid: int) -> int | None:
    """Resident memory of a process, or None when it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def find_marked(variable: str, instance: str) -> list[int]:
    """Pids of the living processes whose environment has `variable` set to `instance`."""
    mark = f"{variable}={instance}".encode()
    return [pid for pid in _pids() if mark in _environment(pid) and _is_alive(pid)]


def sweep(variable: str, instance: str) -> list[int]:
    """Kills every process whose environment has `variable` set to `instance`, until none is left; their pids.

    It looks again after each round: a process may have forked just before it was killed.
    """
    killed: list[int] = []
    while pids := [pid for pid in find_marked(variable, instance) if pid != os.getpid()]:
        fresh = [pid for pid in pids if pid not in killed]
        for pid in fresh:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed += fresh
        time.sleep(0.01)
    return killed


def members(group: int) -> list[int]:
    """Pids of the living processes of a process group."""
    return [pid for pid in _pids() if _group(pid) == group and _is_alive(pid)]


def title(pid: int) -> str:
    """Command line of a process, or what it has put in its place; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (OSError, IndexError):
        return False
