"""The one process that owns a sandbox: it starts the components, answers requests, and takes all down again."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rorqual_sandbox import control
from rorqual_sandbox.admission import mark_engine_pods
from rorqual_sandbox.api import Api, ApiError, Credentials
from rorqual_sandbox.build import Binaries, ensure_built
from rorqual_sandbox.components import Component, Endpoints, Plan
from rorqual_sandbox.credentials import create_service_account_keys, create_token, write_kubeconfig
from rorqual_sandbox.errors import AlreadyRunningError, ComponentFailedError, SandboxError
from rorqual_sandbox.guard import start_guard
from rorqual_sandbox.health import HealthProbe
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.locks import try_hold
from rorqual_sandbox.monitoring import write_prometheus_config
from rorqual_sandbox.network import Network, claim_network
from rorqual_sandbox.nodes import node_manifest
from rorqual_sandbox.options import Options
from rorqual_sandbox.process import ENGINE_VARIABLE, INSTANCE_VARIABLE, sweep
from rorqual_sandbox.runner import Runner
from rorqual_sandbox.state import Phase, State

log = logging.getLogger("supervisor")
_READY_SECONDS = 30


class Supervisor:
    """Runs one sandbox from its state directory until it is told to stop."""

    def __init__(self, layout: Layout, options: Options, binaries: Binaries, network: Network) -> None:
        self._layout = layout
        self._options = options
        self._instance = secrets.token_hex(8)
        self._env = {**os.environ, INSTANCE_VARIABLE: self._instance}
        self._endpoints = Endpoints.choose(network)
        self._plan = Plan(layout, binaries, network, self._endpoints)
        self._state = State(
            phase=Phase.STARTING,
            pid=os.getpid(),
            instance=self._instance,
            network=network.number,
            server_url=self._endpoints.server_url,
            prometheus_url=self._endpoints.prometheus_url,
            agent_url=self._endpoints.agent_url,
            binaries=str(binaries.root),
        )
        self._stop = asyncio.Event()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Starts everything, calls `on_ready`, serves until stopped, leaves nothing behind.

        Raises SandboxError when the start fails.
        """
        self._listen_for_signals()
        guard = start_guard(self._instance, self._env)
        try:
            await self._run(on_ready)
        except SandboxError as error:
            self._enter(Phase.FAILED, str(error))
            raise
        finally:
            guard.communicate()  # closes its pipe: it sweeps and ends

    async def _run(self, on_ready: Callable[[], None]) -> None:
        async with AsyncExitStack() as stack:
            probe = await stack.enter_async_context(HealthProbe())
            self._runner = Runner(
                self._layout, self._plan.components(), self._env, probe, on_death=self._component_died
            )
            stack.push_async_callback(self._runner.stop_all)
            self._enter(Phase.STARTING)
            server = await control.serve(self._layout, self._handle)
            stack.callback(server.close)
            starting = asyncio.create_task(self._start())
            if await self._stopped_before(starting):
                return
            self._enter(Phase.READY)
            on_ready()
            await self._stop.wait()
            self._enter(Phase.STOPPING)

    async def _stopped_before(self, starting: asyncio.Task[None]) -> bool:
        """Waits for the start or for a request to stop; on the latter the start is called off."""
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if starting.done():
            starting.result()
            return False
        starting.cancel()
        await asyncio.wait({starting})
        return True

    async def _start(self) -> None:
        token = create_token(self._layout)
        create_service_account_keys(self._layout)
        await self._runner.start("etcd")
        await self._runner.start("kube-apiserver")
        write_kubeconfig(self._layout, self._endpoints.server_url, token)
        write_prometheus_config(self._layout, self._options.scrape_interval_seconds)
        try:
            await self._start_clients()
        except* SandboxError as errors:
            raise _first(errors) from errors

    async def _start_clients(self) -> None:
        async with Api(Credentials.read(self._layout.kubeconfig)) as api, asyncio.TaskGroup() as group:
            group.create_task(self._populate(api))
            for name in ("kube-controller-manager", "kube-scheduler", "kwok", "prometheus", "agent"):
                group.create_task(self._runner.start(name))

    async def _populate(self, api: Api) -> None:
        for collection, manifest in mark_engine_pods():
            await api.create(collection, manifest)
        for node in self._options.nodes:
            await api.create("/api/v1/nodes", node_manifest(node))
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await _wait_ready(api, len(self._options.nodes))
                await _wait_service_account(api)
        except TimeoutError as error:
            raise ComponentFailedError(
                f"the nodes were not ready after {_READY_SECONDS} s; see kwok.log and kube-controller-manager.log"
            ) from error

    def _component_died(self, component: Component, status: int) -> None:
        log.error("%s ended unasked with status %s; see %s.log", component.name, status, component.name)
        if component.name == "agent":  # its engines die with it, their children by this
            children = sweep(ENGINE_VARIABLE, self._instance)
            log.error("killed %d processes that the agent left behind", len(children))

    async def _handle(self, request: dict[str, Any]) -> dict[str, Any]:
        match request:
            case {"command": "status"}:
                return {"state": asdict(self._state), "components": await self._runner.describe()}
            case {"command": "stop", "component": str(name)}:
                await self._runner.stop(name)
            case {"command": "start", "component": str(name)}:
                await self._runner.start(name)
            case {"command": "shutdown"}:
                self._stop.set()
            case _:
                raise SandboxError(f"unknown request {request}")
        return {}

    def _enter(self, phase: Phase, message: str = "") -> None:
        log.info("%s %s", phase, message)
        self._state = self._state.with_phase(phase, message)
        self._state.write(self._layout.state)

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)


async def _wait_ready(api: Api, count: int) -> None:
    while True:
        nodes = (await api.get("/api/v1/nodes"))["items"]
        ready = [node for node in nodes if _is_ready(node) and not node["spec"].get("taints")]
        if len(ready) >= count:
            return
        await asyncio.sleep(0.05)


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node["status"].get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


async def _wait_service_account(api: Api) -> None:
    """Until the controller manager has made it, no pod can be created."""
    while True:
        try:
            await api.get("/api/v1/namespaces/default/serviceaccounts/default")
            return
        except ApiError as error:
            if error.status != 404:
                raise
        await asyncio.sleep(0.05)


def supervise(layout: Layout, on_ready: Callable[[], None]) -> None:
    """Runs the sandbox of `layout` in this process. Raises SandboxError, AlreadyRunningError among others."""
    lock = try_hold(layout.lock)
    if lock is None:
        raise AlreadyRunningError(f"sandbox {layout.name!r} runs already; `rorqual sandbox down` stops it")
    options, binaries = Options.read(layout.options), ensure_built()
    network, claim = claim_network()
    try:
        asyncio.run(_supervise(layout, options, binaries, network, on_ready))
    finally:
        _release(claim, lock)


async def _supervise(
    layout: Layout, options: Options, binaries: Binaries, network: Network, on_ready: Callable[[], None]
) -> None:
    await Supervisor(layout, options, binaries, network).run(on_ready)


def _first(errors: BaseExceptionGroup[SandboxError]) -> SandboxError:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _release(claim: socket.socket, lock: int) -> None:
    claim.close()
    os.close(lock)


def main() -> None:
    """The detached supervisor: `python -m rorqual_sandbox.supervisor STATE_DIRECTORY`."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        supervise(Layout(Path(sys.argv[1])), on_ready=lambda: None)
    except SandboxError as error:
        log.error("%s", error)
        sys.exit(1)


if __name__ == "__main__":
    main()
