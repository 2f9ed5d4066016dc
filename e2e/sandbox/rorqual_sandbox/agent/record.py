"""What the agent knows of a pod, as plain data; `status` turns it into the API's form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Waiting:
    """Not started, with the kubelet's reason."""

    reason: str
    message: str = ""


@dataclass(frozen=True)
class Running:
    """The process lives."""

    started_at: datetime


@dataclass(frozen=True)
class Terminated:
    """The process ended: with an exit code, or by a signal (then the code is 128 plus the signal)."""

    exit_code: int
    started_at: datetime
    finished_at: datetime

    @property
    def reason(self) -> str:
        return "Completed" if self.exit_code == 0 else "Error"


ContainerState = Waiting | Running | Terminated


@dataclass(frozen=True)
class Record:
    """One pod: its address, the state of its container, and whether that is ready."""

    ip: str
    host_ip: str
    started_at: datetime
    state: ContainerState = Waiting("ContainerCreating")
    last: Terminated | None = None
    restarts: int = 0
    started: bool = False
    ready: bool = False
    finished: bool = False  # the restart policy lets the end stand

    @property
    def phase(self) -> str:
        if self.finished and isinstance(self.state, Terminated):
            return "Succeeded" if self.state.exit_code == 0 else "Failed"
        ran = self.last is not None or not isinstance(self.state, Waiting)
        return "Running" if ran else "Pending"


def exit_code(return_code: int) -> int:
    """A process's return code (negative: the signal) as a container's exit code."""
    return return_code if return_code >= 0 else 128 - return_code
