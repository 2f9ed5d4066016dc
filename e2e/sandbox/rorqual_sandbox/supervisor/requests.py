"""What the commands and tests ask of a running supervisor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from rorqual_sandbox.errors import SandboxError
from rorqual_sandbox.state import State


class Components(Protocol):
    """The components by name."""

    async def start(self, name: str) -> None:
        """Starts one and waits until it is healthy. Raises SandboxError."""

    async def stop(self, name: str) -> None:
        """Stops one. Raises SandboxError."""

    async def describe(self) -> list[dict[str, Any]]:
        """One row for each."""


@dataclass(frozen=True)
class Requests:
    """Answers requests about `components`; `shut_down` begins the sandbox's end."""

    components: Components
    state: Callable[[], State]
    shut_down: Callable[[], None]

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request, see `handle.Sandbox`. Raises SandboxError."""
        match request:
            case {"command": "status"}:
                return {"state": asdict(self.state()), "components": await self.components.describe()}
            case {"command": "stop", "component": str(name)}:
                await self.components.stop(name)
            case {"command": "start", "component": str(name)}:
                await self.components.start(name)
            case {"command": "shutdown"}:
                self.shut_down()
            case _:
                raise SandboxError(f"unknown request {request}")
        return {}
