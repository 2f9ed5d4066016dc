"""The whole demo, short: a real API server, the operator, the simulator, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from rorqual_demo.frames import read_frames

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]
COMMAND = (
    sys.executable,
    "-c",
    "from rorqual_operator.cli import main; main()",
    "demo",
    "--no-live",
    "--minutes",
    "0.3",
)


@pytest.fixture
def env(tmp_path: Path) -> Mapping[str, str]:
    """A state directory of its own: another demo may run on this machine. Its path marks what the demo starts."""
    return {**os.environ, "RORQUAL_STATE_DIR": str(tmp_path / "state"), "COLUMNS": "150"}


def processes_of(state: Path) -> list[int]:
    """Processes whose command line or environment names the state directory."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if entry.name.isdigit() and int(entry.name) != os.getpid() and str(state).encode() in text:
            found.append(int(entry.name))
    return found


def wait_until_gone(state: Path) -> None:
    deadline = time.monotonic() + 60
    while processes_of(state) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(state) == []


def test_a_short_demo(tmp_path: Path, env: Mapping[str, str]) -> None:
    out, svg = tmp_path / "out", tmp_path / "view.svg"
    done = subprocess.run(
        [*COMMAND, "--out", str(out), "--record", str(svg)], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| errors | none |" in (out / "summary.md").read_text()
    frames = read_frames(out / "frames.jsonl")
    assert frames[-1].load.answered == frames[-1].load.sent > 100
    assert max(frame.replicas.ready for frame in frames) > 3
    assert any(one.reason == "DemandAboveCapacity" for frame in frames for one in frame.service.decisions)
    assert "DemandAboveCapacity" in (out / "summary.md").read_text()
    assert (out / "demo.png").stat().st_size > 20_000 and svg.stat().st_size > 5_000
    assert (out / "operator.log").read_text().startswith("{")
    wait_until_gone(tmp_path / "state")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing(tmp_path: Path, env: Mapping[str, str], number: signal.Signals) -> None:
    command = [*COMMAND, "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        assert demo.stdout is not None
        seen = next(line for line in demo.stdout if "TTFT p95" in line or "Error" in line)
        assert "TTFT p95" in seen
        demo.send_signal(number)
        rest = demo.stdout.read()
    assert demo.returncode == 130 and "interrupted" in rest, rest
    assert not (tmp_path / "state" / "sandbox" / "demo").exists()
    wait_until_gone(tmp_path / "state")
