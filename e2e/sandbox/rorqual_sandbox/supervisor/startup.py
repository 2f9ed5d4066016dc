"""The order in which a sandbox comes up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from rorqual_sandbox.clock import Clock
from rorqual_sandbox.components import ORDER
from rorqual_sandbox.credentials import create_service_account_keys, create_token, write_kubeconfig
from rorqual_sandbox.errors import SandboxError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.monitoring import write_prometheus_config
from rorqual_sandbox.options import Options
from rorqual_sandbox.supervisor.population import Population, Server

# The API server needs etcd; the rest need the API server and come up side by side.
_ETCD, _APISERVER, *_CLIENTS = ORDER


class Starter(Protocol):
    """Starts components."""

    async def start(self, name: str) -> None:
        """Starts one and waits until it is healthy. Raises SandboxError."""


@dataclass(frozen=True)
class Startup:
    """One start; `connect` opens a client of the API server, once that has written its certificate."""

    layout: Layout
    options: Options
    server_url: str
    runner: Starter
    connect: Callable[[], AbstractAsyncContextManager[Server]]
    clock: Clock

    async def run(self) -> None:
        """Returns when every component is healthy and the nodes are ready. Raises SandboxError."""
        token = create_token(self.layout)
        create_service_account_keys(self.layout)
        await self.runner.start(_ETCD)
        await self.runner.start(_APISERVER)
        write_kubeconfig(self.layout, self.server_url, token)
        write_prometheus_config(self.layout, self.options.scrape_interval_seconds)
        try:
            await self._start_clients()
        except* SandboxError as errors:
            raise _first(errors) from errors

    async def _start_clients(self) -> None:
        async with self.connect() as server, asyncio.TaskGroup() as group:
            group.create_task(Population(server, self.clock).create(self.options.nodes))
            for name in _CLIENTS:
                group.create_task(self.runner.start(name))


def _first(errors: BaseExceptionGroup[SandboxError]) -> SandboxError:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
