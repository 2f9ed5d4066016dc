"""What a running sandbox writes down about itself, for the commands that come later."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from rorqual_sandbox.errors import NotRunningError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.locks import is_held


class Phase(StrEnum):
    """How far a sandbox is."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass(frozen=True)
class State:
    """`instance` marks every process of this run in its environment; `message` says why a start failed."""

    phase: Phase
    pid: int
    instance: str
    network: int
    server_url: str
    prometheus_url: str
    agent_url: str
    binaries: str
    message: str = ""

    def with_phase(self, phase: Phase, message: str = "") -> State:
        return replace(self, phase=phase, message=message)

    def write(self, path: Path) -> None:
        """Replaces the file in one step, so that readers never see half of it."""
        scratch = path.with_suffix(".new")
        scratch.write_text(json.dumps(asdict(self), indent=2))
        scratch.replace(path)

    @classmethod
    def read(cls, path: Path) -> State | None:
        """The state on file, None when there is none, or none that this version can read."""
        try:
            fields = json.loads(path.read_text())
            return cls(**{**fields, "phase": Phase(fields["phase"])})
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None


def running_state(layout: Layout) -> State:
    """The state of a sandbox whose supervisor lives. Raises NotRunningError."""
    state = State.read(layout.state)
    if state is None or not is_held(layout.lock):
        raise NotRunningError(f"sandbox {layout.name!r} is not running; start it with `rorqual sandbox up`")
    return state
