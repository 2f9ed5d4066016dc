"""What the commands print, of a sandbox that answers from memory."""

from __future__ import annotations

import io
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from rorqual_sandbox import report
from rorqual_sandbox.handle import EngineProcess, Sandbox
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.options import Options
from rorqual_sandbox.state import Phase, State
from rorqual_sandbox.tenancy import occupy


def row(name: str, **fields: Any) -> dict[str, Any]:
    running = {"pid": 7, "port": 2379, "state": "running", "healthy": True, "resident_bytes": 44 * 2**20}
    return {"name": name, **running, **fields}


def node(name: str, gpus: str | None, ready: str) -> dict[str, Any]:
    labels = {"nvidia.com/gpu.product": "NVIDIA-L4"} if gpus else {}
    allocatable = {"nvidia.com/gpu": gpus} if gpus else {}
    status = {"conditions": [{"type": "Ready", "status": ready}], "allocatable": allocatable}
    return {"metadata": {"name": name, "labels": labels}, "status": status}


@pytest.fixture
def shown() -> list[list[str]]:
    """The cells of each line of `status`."""
    engines = [
        EngineProcess("llm", "chat-0", 42, "127.7.1.1", 3, Path("/log")),
        EngineProcess("llm", "chat-1", None, "127.7.1.2", 0, Path("/log")),
    ]
    dead = row("kwok", pid=None, state="died (-9)", healthy=False, resident_bytes=None)
    sandbox = SimpleNamespace(
        status=lambda: {"components": [row("etcd"), dead]},
        get=lambda _kind: {"items": [node("l4-0", "4", "True"), node("cpu-0", None, "Unknown")]},
        engines=lambda: engines,
        kubeconfig=Path("/state/kubeconfig"),
    )
    output = io.StringIO()
    report.print_status(cast(Sandbox, sandbox), Console(file=output, width=120))
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in output.getvalue().splitlines()]


@pytest.mark.parametrize(
    "cells",
    [
        ["etcd", "7", "2379", "running", "yes", "44"],
        ["kwok", "-", "2379", "died (-9)", "no", "-"],
        ["l4-0", "True", "4", "NVIDIA-L4"],
        ["cpu-0", "Unknown", "0", "-"],
        ["llm", "chat-0", "42", "127.7.1.1", "3"],
        ["llm", "chat-1", "-", "127.7.1.2", "0"],
        ["kubeconfig /state/kubeconfig"],
    ],
)
def test_status_has_a_line_for_each(shown: list[list[str]], cells: list[str]) -> None:
    assert cells in shown


@pytest.mark.parametrize(
    ("phase", "message", "alive", "word"),
    [
        (Phase.READY, "", True, "ready"),
        (Phase.STOPPING, "", True, "stopping"),
        (None, "", True, "starting"),
        (Phase.READY, "", False, "crashed"),
        (None, "", False, "crashed"),
        (Phase.FAILED, "etcd did not get up", False, "failed"),
    ],
)
def test_a_word_for_each_phase(tmp_path: Path, phase: Phase | None, message: str, alive: bool, word: str) -> None:
    layout = Layout(tmp_path / "s")
    lock = occupy(layout, Options())
    if phase:
        State(phase, 1, "x", 7, "s", "p", "a", "b", message).write(layout.state)
    if not alive:
        os.close(lock)
    assert report.describe_phase(layout) == word
    if alive:
        os.close(lock)
