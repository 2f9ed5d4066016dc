"""Wiring: the Lease, then kopf for the resource watch, the reflectors and the tick, all in one task group.

What fails, fails the process, and Kubernetes starts it anew; nothing dies silently. kopf keeps to what it is good
at: no timer, daemon or delete handler of its, since those stop for ever after a failed write, or hang deletion.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import kopf

from rorqual_engine.api import GROUP, PLURAL, VERSION
from rorqual_operator import kube as k8s
from rorqual_operator.act.act import Actor
from rorqual_operator.act.children import Children
from rorqual_operator.act.events import Recorder
from rorqual_operator.act.render import Capabilities
from rorqual_operator.anomalies.prometheus import Metrics
from rorqual_operator.anomalies.watch import Watch
from rorqual_operator.health import Health, serve
from rorqual_operator.hub import fetch_config
from rorqual_operator.kube import Kube
from rorqual_operator.leader import Election
from rorqual_operator.loop import Loop, Round
from rorqual_operator.observe.hub import HubConfigs
from rorqual_operator.observe.metrics.gpus import GPUSource
from rorqual_operator.observe.metrics.past import PastLoads
from rorqual_operator.observe.metrics.prometheus import PrometheusSource
from rorqual_operator.observe.metrics.scrape import ScrapeSource
from rorqual_operator.observe.metrics.source import Source
from rorqual_operator.observe.readings import Readings
from rorqual_operator.observe.world import World
from rorqual_operator.settings import Settings
from rorqual_operator.telemetry import Telemetry

log = logging.getLogger(__name__)

FRESH_SECONDS = 45.0
"""A sample of Prometheus older than this counts as silence, and the engine is scraped directly."""
KOPF_PREFIX = "kopf.rorqual.io"
Asking = TypeVar("Asking", PastLoads, GPUSource)


class Stop(Exception):  # noqa: N818 an end, not an error
    """The process was asked to stop."""


async def run(settings: Settings) -> None:
    """Runs the operator until SIGTERM or SIGINT; gives up the Lease on the way out. Raises what failed."""
    try:
        async with await k8s.connect(settings.kubeconfig) as api, asyncio.TaskGroup() as group:
            operator = Operator(settings, api)
            group.create_task(_stop_on_signal(), name="signals")
            group.create_task(operator.run(), name="operator")
    except* Stop:
        log.info("stopped")


async def _stop_on_signal() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    raise Stop


class Operator:
    """One replica: stands by, leads, stops."""

    def __init__(self, settings: Settings, api: Kube) -> None:
        self._settings, self._api = settings, api
        self._health = Health(time.monotonic, settings.tick_seconds)
        self._election = Election(
            api,
            settings.lease_name,
            settings.lease_namespace,
            settings.identity,
            settings.lease_duration_seconds,
            settings.lease_renew_seconds,
            time.monotonic,
            time.time,
        )
        self._election.on_contact = self._contact

    def _contact(self, problem: str | None) -> None:
        """While standing by, the Lease alone tells whether the API server can be reached."""
        if self._health.leading_since is None:
            self._health.api_problem = problem

    async def run(self) -> None:
        """Serves the probes, waits for the Lease, leads. Gives the Lease up whatever ends it."""
        async with AsyncExitStack() as stack:
            sources, window = await self._sources(stack), self._settings.metrics_window_seconds
            past, gpus = self._of_prometheus(stack, PastLoads), self._of_prometheus(stack, GPUSource)
            readings = Readings(sources, window, FRESH_SECONDS, past, gpus)
            telemetry = Telemetry(self._api, self._election.leading.is_set, lambda: readings.up)
            host, port = self._settings.http_host_port
            bound = await stack.enter_async_context(serve(host, port, self._health, telemetry.registry))
            log.info("metrics and probes on %s:%s", host, bound)
            await self._election.acquire()
            stack.push_async_callback(self._election.release)
            self._health.leading_since = time.monotonic()
            await self._lead(readings, telemetry, self._detectors(stack))

    async def _sources(self, stack: AsyncExitStack) -> list[Source]:
        """Prometheus where one is named, then direct scraping, which always is there to step in."""
        sources: list[Source] = []
        if self._settings.prometheus_url:
            prometheus = PrometheusSource(self._settings.prometheus_url, self._settings.prometheus_timeout_seconds)
            stack.callback(prometheus.close)
            sources.append(prometheus)
        scrape = ScrapeSource(self._settings.scrape_timeout_seconds, self._settings.scrape_concurrency, time.time)
        sources.append(await stack.enter_async_context(scrape))
        return sources

    def _of_prometheus(self, stack: AsyncExitStack, kind: type[Asking]) -> Asking | None:
        """One of those that ask Prometheus; None where none is named."""
        if self._settings.prometheus_url is None:
            return None
        found = kind(self._settings.prometheus_url, self._settings.prometheus_timeout_seconds)
        stack.callback(found.close)
        return found

    def _detectors(self, stack: AsyncExitStack) -> Watch | None:
        url, step = self._settings.prometheus_url, self._settings.detector_step_seconds
        if not url or not step:
            return None
        metrics = Metrics(url, self._settings.prometheus_timeout_seconds, step)
        stack.callback(metrics.close)
        return Watch(metrics, time.time)

    async def _lead(self, readings: Readings, telemetry: Telemetry, detectors: Watch | None) -> None:
        wake = asyncio.Event()
        optional, capabilities = await self._discover()
        world = World(self._api, self._settings.namespaces, optional, wake.set, self._hub(wake.set), detectors)
        recorder = Recorder(self._api, self._settings.identity)
        actor = Actor(self._api, Children(self._api, capabilities, world.put), recorder, world)
        actor.on_command = telemetry.command_done
        listener = _Listeners(telemetry, self._health, world)
        loop = Loop(world, readings, actor, listener, time.time, self._settings.tick_seconds, wake)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._election.hold(), name="lease")
            group.create_task(world.run(), name="reflectors")
            group.create_task(loop.run(), name="tick")
            group.create_task(_kopf(self._api, self._settings.namespaces, world, wake), name="kopf")

    def _hub(self, wake: Callable[[], None]) -> HubConfigs | None:
        if not self._settings.fetch_from_hub:
            return None
        return HubConfigs(fetch_config, self._settings.hub_timeout_seconds, time.monotonic, wake)

    async def _discover(self) -> tuple[list[k8s.Resource], Capabilities]:
        """Which optional kinds this cluster has."""
        optional = [kind for kind in (k8s.AUTOSCALERS, k8s.SCALED_OBJECTS) if await k8s.serves(self._api, kind)]
        capabilities = Capabilities(
            pod_monitor=await k8s.serves(self._api, k8s.POD_MONITORS),
            inference_pool=await k8s.serves(self._api, k8s.INFERENCE_POOLS),
        )
        log.info("optional kinds: %s, %s", [kind.kind for kind in optional], capabilities)
        return optional, capabilities


class _Listeners:
    """Tells telemetry and the probes of every round."""

    def __init__(self, telemetry: Telemetry, health: Health, world: World) -> None:
        self._telemetry, self._health, self._world = telemetry, health, world

    def round_done(self, done: Round) -> None:
        self._telemetry.round_done(done)
        self._health.last_round_at = time.monotonic()
        self._health.api_problem = "; ".join(done.observation.problems) or None

    def round_failed(self, error: Exception) -> None:
        self._telemetry.round_failed(error)


async def _kopf(api: Kube, namespaces: Sequence[str], world: World, wake: asyncio.Event) -> None:
    """kopf's operator, embedded, until cancelled."""
    started = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_take_signals_back(started), name="signals, taken back")
        await kopf.operator(
            registry=_handlers(api, world, wake),
            ready_flag=started,
            standalone=True,
            clusterwide=not namespaces,
            namespaces=list(namespaces),
        )
        raise RuntimeError("kopf's operator ended although nobody asked it to")


def _handlers(api: Kube, world: World, wake: asyncio.Event) -> kopf.OperatorRegistry:
    """What kopf's watch tells of LLMServices is taken in, and brings the next round forward."""
    registry = kopf.OperatorRegistry()

    @kopf.on.startup(registry=registry)
    def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False  # Events are ours to aggregate
        settings.scanning.disabled = True
        settings.queueing.idle_timeout = settings.queueing.exit_timeout = 0.5  # 5 s each would hold up a stop
        settings.networking.request_timeout = k8s.REQUEST_TIMEOUT_SECONDS
        settings.watching.server_timeout = k8s.WATCH_TIMEOUT_SECONDS
        settings.watching.client_timeout = k8s.WATCH_TIMEOUT_SECONDS + 30
        settings.persistence.finalizer = f"{KOPF_PREFIX}/finalizer"
        settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=KOPF_PREFIX)
        settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=KOPF_PREFIX)

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await _connection(api)

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def changed(body: kopf.Body, **_: Any) -> None:
        if world.take_service(dict(body)):
            wake.set()

    return registry


async def _take_signals_back(started: asyncio.Event) -> None:
    """kopf takes the signals over at its start, and would wait 5 s at its end for tasks that are not its own."""
    await started.wait()
    await _stop_on_signal()


async def _connection(api: Kube) -> kopf.ConnectionInfo:
    """The same credentials as our own client's, asked anew whenever kopf finds them expired."""
    configuration = api.configuration
    token = await configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
    scheme, _, secret = (token or "").partition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        scheme=scheme or None,
        token=secret or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
    )
