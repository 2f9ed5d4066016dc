"""Puts a supervisor together and runs it in this process."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable

from rorqual_sandbox.api import Api, Credentials
from rorqual_sandbox.build import ensure_built
from rorqual_sandbox.clock import SystemClock
from rorqual_sandbox.components import Endpoints, Plan
from rorqual_sandbox.guard import start_guard
from rorqual_sandbox.health import HealthProbe
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.network import claim_network
from rorqual_sandbox.options import Options
from rorqual_sandbox.process import INSTANCE_VARIABLE, sweep
from rorqual_sandbox.runner import Runner
from rorqual_sandbox.state import Phase, State
from rorqual_sandbox.supervisor.deaths import Mourner
from rorqual_sandbox.supervisor.lifecycle import Supervisor
from rorqual_sandbox.supervisor.startup import Startup


def supervise(layout: Layout, lock: int, on_ready: Callable[[], None]) -> None:
    """Runs the sandbox of `layout` in this process until it is told to stop, and calls `on_ready` in between.

    `lock` is the open descriptor that holds `layout.lock`; it is closed at the end. Raises SandboxError.
    """
    try:
        options, binaries = Options.read(layout.options), ensure_built()
        network, claim = claim_network()
        with claim:
            asyncio.run(_supervise(Plan(layout, binaries, network, Endpoints.choose(network)), options, on_ready))
    finally:
        os.close(lock)


async def _supervise(plan: Plan, options: Options, on_ready: Callable[[], None]) -> None:
    layout, instance = plan.layout, secrets.token_hex(8)
    env = {**os.environ, INSTANCE_VARIABLE: instance}
    async with HealthProbe() as probe:
        runner = Runner(layout, plan.components(), env, probe, on_death=Mourner(instance, sweep).mourn)
        startup = Startup(
            layout=layout,
            options=options,
            server_url=plan.endpoints.server_url,
            runner=runner,
            connect=lambda: Api(Credentials.read(layout.kubeconfig)),
            clock=SystemClock(),
        )
        guard = start_guard(instance, env)
        try:
            await Supervisor(layout, first_state(plan, instance), runner, startup.run).run(on_ready)
        finally:
            guard.communicate()  # closes its pipe: it sweeps and ends


def first_state(plan: Plan, instance: str) -> State:
    """What is told of the sandbox from the start on."""
    return State(
        phase=Phase.STARTING,
        pid=os.getpid(),
        instance=instance,
        network=plan.network.number,
        server_url=plan.endpoints.server_url,
        prometheus_url=plan.endpoints.prometheus_url,
        agent_url=plan.endpoints.agent_url,
        binaries=str(plan.binaries.root),
    )
