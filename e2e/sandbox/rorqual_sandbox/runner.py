"""The processes of the components: started, stopped on request, and watched; never restarted silently."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rorqual_sandbox import process
from rorqual_sandbox.components import Component
from rorqual_sandbox.errors import ComponentFailedError
from rorqual_sandbox.health import HealthProbe
from rorqual_sandbox.layout import Layout

log = logging.getLogger("supervisor.runner")
_START_SECONDS = 60


@dataclass
class _Running:
    process: asyncio.subprocess.Process
    watch: asyncio.Task[None]
    stopped: bool = False


class Runner:
    """Owns the child processes; `on_death` is told of a component that ends unasked."""

    def __init__(
        self,
        layout: Layout,
        components: Mapping[str, Component],
        env: Mapping[str, str],
        probe: HealthProbe,
        on_death: Callable[[Component, int], None],
    ) -> None:
        self._layout = layout
        self._components = components
        self._env = env
        self._probe = probe
        self._on_death = on_death
        self._running: dict[str, _Running] = {}

    async def start(self, name: str) -> None:
        """Starts a component and waits until it is healthy. Raises ComponentFailedError."""
        component = self._component(name)
        current = self._running.get(name)
        if current and current.process.returncode is None:
            raise ComponentFailedError(f"{name} runs already (pid {current.process.pid})")
        try:
            child = await process.spawn(component.argv, env=self._env, log=self._layout.component_log(name))
        except OSError as error:
            raise ComponentFailedError(f"{name} cannot be started: {error}") from error
        self._running[name] = _Running(child, asyncio.create_task(self._watch(component, child)))
        await self._probe.wait_healthy(component, lambda: child.returncode, _START_SECONDS)
        log.info("%s is healthy (pid %d)", name, child.pid)

    async def stop(self, name: str) -> None:
        """Stops a component; one that does not run is left as it is."""
        component, running = self._component(name), self._running.get(name)
        if running is None:
            return
        running.stopped = True
        await process.stop(running.process, component.stop_seconds)
        await running.watch

    async def stop_all(self) -> None:
        """Stops what runs, in the reverse of the order in which it was started."""
        for name in reversed(list(self._components)):
            await self.stop(name)

    async def describe(self) -> list[dict[str, Any]]:
        """One row for each component: name, pid, port, state, healthy, resident_bytes."""
        return list(await asyncio.gather(*(self._describe(component) for component in self._components.values())))

    async def _describe(self, component: Component) -> dict[str, Any]:
        running = self._running.get(component.name)
        alive = running is not None and running.process.returncode is None
        pid = running.process.pid if running and alive else None
        return {
            "name": component.name,
            "pid": pid,
            "port": component.port,
            "state": _describe_state(running),
            "healthy": alive and await self._probe.is_healthy(component),
            "resident_bytes": process.resident_bytes(pid) if pid else None,
        }

    async def _watch(self, component: Component, child: asyncio.subprocess.Process) -> None:
        status = await child.wait()
        running = self._running[component.name]
        if not running.stopped:
            self._on_death(component, status)

    def _component(self, name: str) -> Component:
        if name not in self._components:
            raise ComponentFailedError(f"no component {name!r}; there are {', '.join(self._components)}")
        return self._components[name]


def _describe_state(running: _Running | None) -> str:
    if running is None:
        return "not started"
    if running.process.returncode is None:
        return "running"
    return "stopped" if running.stopped else f"died ({running.process.returncode})"
