"""The agent's question to an engine adaptor, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class LaunchRefusedError(Exception):
    """A container that cannot be started; `reason` is what its waiting state shows, as the kubelet's would."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Request:
    """A container to start: its image, its command and args (variables expanded), and where it is to listen."""

    image: str
    command: tuple[str, ...]
    args: tuple[str, ...]
    pod_ip: str
    port: int | None
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Launch:
    """A local command; `notes` go to the log and the pod's events.

    `env` wins over the container's own variables, which win over `defaults`.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Adaptor(Protocol):
    """Turns a container into a local command."""

    def prepare(self, request: Request) -> Launch:
        """The command to run. Raises LaunchRefusedError."""


@dataclass(frozen=True)
class Places:
    """Directories that adaptors use: the built binaries and the cache."""

    bin: Path
    cache: Path
