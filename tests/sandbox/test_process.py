"""Processes do not outlive what owns them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rorqual_sandbox import process
from rorqual_sandbox.guard import start_guard

VARIABLE = "RORQUAL_TEST_MARK"


@pytest.fixture
def mark(request: pytest.FixtureRequest) -> str:
    return f"{os.getpid()}-{request.node.name}"


def wait_until(probe: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not probe():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def sleeper(mark: str, variable: str = VARIABLE) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"], env={**os.environ, variable: mark}, start_new_session=True)


def test_sweep_kills_what_carries_the_mark_and_nothing_else(mark: str) -> None:
    ours, other = sleeper(mark), sleeper("other")
    wait_until(lambda: process.find_marked(VARIABLE, mark))
    assert process.sweep(VARIABLE, mark) == [ours.pid]
    assert ours.wait() == -signal.SIGKILL
    assert other.poll() is None
    other.kill()
    other.wait()


def test_the_guard_sweeps_when_its_owner_dies(mark: str) -> None:
    child = sleeper(mark, process.INSTANCE_VARIABLE)
    guard = start_guard(mark, {**os.environ, process.INSTANCE_VARIABLE: mark})
    assert guard.stdin is not None
    guard.stdin.close()  # as the kernel does when the supervisor is killed
    assert guard.wait(20) == 0
    assert child.wait() == -signal.SIGKILL


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, pathlib, sys\n"
        "from rorqual_sandbox.process import spawn\n"
        "async def main():\n"
        "    child = await spawn(['sleep', '60'], env=os.environ, log=pathlib.Path(sys.argv[1]))\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "log")]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not process._is_alive(pid))


async def test_stop_grants_its_time_then_kills(tmp_path: Path, until: Any) -> None:
    script = "trap '' TERM; echo up; while :; do sleep 0.01; done"
    child = await process.spawn(["sh", "-c", script], env=os.environ, log=tmp_path / "log")
    await until(lambda: (tmp_path / "log").read_text() == "up\n")
    assert await process.stop(child, 0.05) == -signal.SIGKILL


async def test_stop_takes_the_whole_session(tmp_path: Path, until: Any) -> None:
    script = "sleep 60 & echo $!; wait"
    child = await process.spawn(["sh", "-c", script], env=os.environ, log=tmp_path / "log")
    grandchild = int(await until(lambda: (tmp_path / "log").read_text()))
    await process.stop(child, 5)
    await until(lambda: not process._is_alive(grandchild))


def test_resident_memory() -> None:
    own = process.resident_bytes(os.getpid())
    assert own is not None and own > 2**20
    assert process.resident_bytes(2**22 + 1) is None
