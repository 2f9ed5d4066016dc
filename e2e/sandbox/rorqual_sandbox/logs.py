"""Finding and reading the logs of components and engine pods."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path

from rorqual_sandbox.components import ORDER
from rorqual_sandbox.errors import SandboxError
from rorqual_sandbox.layout import Layout


class Run(Enum):
    """Which run of a pod's container."""

    CURRENT = -1
    PREVIOUS = -2


def find_log(layout: Layout, target: str, namespace: str | None, run: Run) -> Path:
    """The log file of a component or pod. Raises SandboxError when there is none, or several pods fit."""
    if target in (*ORDER, "supervisor"):
        return _existing(layout.component_log(target), target)
    directories = sorted(layout.pod_logs.glob(f"{namespace or '*'}/{target}"))
    if len(directories) > 1:
        places = ", ".join(directory.parent.name for directory in directories)
        raise SandboxError(f"pod {target!r} is in several namespaces ({places}): name one with --namespace")
    if not directories:
        raise SandboxError(f"no log of {target!r}: neither a component ({', '.join(ORDER)}) nor an engine pod")
    runs = sorted(directories[0].glob("*.log"), key=lambda path: path.stat().st_mtime_ns)
    if len(runs) < -run.value:
        raise SandboxError(f"pod {target!r} has no {run.name.lower()} run")
    return runs[run.value]


def read(path: Path) -> Iterator[str]:
    """The file's lines."""
    with path.open(errors="replace") as handle:
        yield from handle


def follow(path: Path, wait: Callable[[], None] = lambda: time.sleep(0.2)) -> Iterator[str]:
    """The file's lines, and those that come, until the file is deleted."""
    with path.open(errors="replace") as handle:
        while path.exists():
            yield from handle
            wait()


def _existing(path: Path, target: str) -> Path:
    if not path.exists():
        raise SandboxError(f"no log of {target!r} in {path.parent}")
    return path
