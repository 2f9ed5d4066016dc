"""One demo from the operator's start to the last frame, inside a sandbox that is up."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from rich.console import Console

from rorqual_demo.clock import Clock, MonotonicClock
from rorqual_demo.cluster import Cluster
from rorqual_demo.display import Display
from rorqual_demo.errors import DemoError, NotReadyError
from rorqual_demo.history import History
from rorqual_demo.ledger import Ledger
from rorqual_demo.observer import Observer
from rorqual_demo.operator_process import OperatorProcess, OperatorSettings, run_operator
from rorqual_demo.picker import Picker
from rorqual_demo.plan import Plan
from rorqual_demo.readiness import install, wait_serving
from rorqual_demo.replay import replay
from rorqual_demo.request import Sender
from rorqual_demo.steps import step
from rorqual_demo.supervision import attend
from rorqual_sandbox.api import Api, ApiError, Credentials
from rorqual_sandbox.handle import Sandbox
from rorqual_sandbox.network import Network, free_port

_OPERATOR_SECONDS = 60.0
_REQUEST_SECONDS = 120.0
_CONNECTIONS = 1000
_SEED = 2023


@dataclass(frozen=True, slots=True)
class Result:
    """What a run left: the frames, and the clients' books."""

    history: History
    ledger: Ledger


async def perform(plan: Plan, sandbox: Sandbox, display: Display, console: Console, log: Path) -> Result:
    """Runs operator, service and replay, and ends them. Raises DemoError."""
    async with Api(Credentials.read(sandbox.kubeconfig)) as api:
        cluster = Cluster(api, plan.scene.namespace)
        with step(console, "installing the LLMService resource"):
            await install(cluster)
        async with run_operator(_settings(sandbox), log) as operator:
            with step(console, "starting the operator"):
                await operator.wait_ready(_OPERATOR_SECONDS)
            await attend(_make_ready(plan, cluster, operator, console), operator.watch())
            return await attend(_replay(plan, cluster, display), operator.watch())


def _settings(sandbox: Sandbox) -> OperatorSettings:
    host = Network(sandbox.state.network).host
    address = f"{host}:{free_port(host, 8080)}"
    sandbox.register_target(address)
    return OperatorSettings(sandbox.kubeconfig, sandbox.prometheus_url, address)


async def _make_ready(plan: Plan, cluster: Cluster, operator: OperatorProcess, console: Console) -> None:
    with step(console, f"applying LLMService {plan.scene.key}"):
        try:
            await cluster.apply_service(plan.manifest)
        except ApiError as error:
            raise DemoError(f"the API server refused LLMService {plan.scene.key}: {error}") from error
    with step(console, "waiting for its replicas"):
        try:
            await wait_serving(cluster, plan.scene.service, plan.profile.ready_seconds)
        except NotReadyError as error:
            raise NotReadyError(f"{error}\n{operator.log_tail()}") from error


async def _replay(plan: Plan, cluster: Cluster, display: Display) -> Result:
    clock, history, ledger, picker = MonotonicClock(), History(), Ledger(), Picker()
    timeout = aiohttp.ClientTimeout(total=_REQUEST_SECONDS)
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        prompts = plan.profile.prompts(random.Random(_SEED))
        sender = Sender(session, picker, plan.scene.model, clock, prompts, ledger.note_token)
        observer = Observer(cluster, plan.scene.service, session, picker, ledger, history, clock)
        await observer.look()  # the picker knows its pods before the first request
        await attend(_send(plan, sender, ledger, clock), observer.run(), display.run(plan.scene, history, clock))
        await observer.look()
    return Result(history, ledger)


async def _send(plan: Plan, sender: Sender, ledger: Ledger, clock: Clock) -> None:
    await replay(plan.arrivals, sender.send, ledger, clock)
    await clock.sleep(plan.scene.total_seconds - clock.now())
