"""The life of one engine pod, from its binding to a node until its object is gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import aiohttp

from rorqual_sandbox.agent.backoff import Backoff
from rorqual_sandbox.agent.container import ContainerProcess, Observer, parse_probes, watch_probes
from rorqual_sandbox.agent.environment import expand_all, resolve_environment
from rorqual_sandbox.agent.events import EventRecorder
from rorqual_sandbox.agent.hooks import run_pre_stop
from rorqual_sandbox.agent.probes import SystemChecker
from rorqual_sandbox.agent.record import Record, Running, Terminated, Waiting, exit_code
from rorqual_sandbox.agent.writer import UNREACHABLE, StatusWriter, remove_pod
from rorqual_sandbox.api import Api, ApiError, Object
from rorqual_sandbox.clock import Clock
from rorqual_sandbox.engines.images import ImageTable
from rorqual_sandbox.engines.launch import Launch, LaunchRefusedError, Request
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.process import ENGINE_VARIABLE, INSTANCE_VARIABLE

_RETRY_SECONDS = 2.0
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", INSTANCE_VARIABLE)


@dataclass(frozen=True)
class Surroundings:
    """What all workers share."""

    api: Api
    session: aiohttp.ClientSession
    layout: Layout
    images: ImageTable
    events: EventRecorder
    clock: Clock
    host_ip: str
    backoff_seconds: float


class PodWorker:
    """Runs one pod. `update` brings news of its object; `vanish` says that it, or its node, is gone."""

    def __init__(self, pod: Object, ip: str, around: Surroundings) -> None:
        self.pod = pod
        self._around = around
        self._container: Object = pod["spec"]["containers"][0]
        self._writer = StatusWriter(around.api, pod, around.clock)
        self._backoff = Backoff(around.backoff_seconds)
        self._process: ContainerProcess | None = None
        self._env: dict[str, str] = {}
        self._deleted = asyncio.Event()
        self._vanished = asyncio.Event()
        self.record = resume_record(pod, ip, around.host_ip, around.clock)
        self.update(pod)

    @property
    def pid(self) -> int | None:
        """Of the container's process, while it runs."""
        return self._process.pid if self._process else None

    @property
    def log(self) -> Path:
        """Where the present run writes its output."""
        meta = self.pod["metadata"]
        directory = self._around.layout.pod_log_directory(meta["namespace"], meta["name"])
        return directory / f"{meta['uid']}-{self.record.restarts}.log"

    def update(self, pod: Object) -> None:
        """The pod's object has changed."""
        self.pod = pod
        if "deletionTimestamp" in pod["metadata"]:
            self._deleted.set()

    def vanish(self) -> None:
        """The pod's object or its node is gone: the process dies at once and nothing more is written."""
        self._vanished.set()

    @property
    def vanished(self) -> bool:
        """Whether `vanish` was called."""
        return self._vanished.is_set()

    async def run(self) -> None:
        """Until the pod's object is gone. Its process never outlives this call."""
        life = asyncio.create_task(self._live_and_tell())
        gone = asyncio.create_task(self._vanished.wait())
        try:
            await asyncio.wait({life, gone}, return_when=asyncio.FIRST_COMPLETED)
            if life.done():
                life.result()
        finally:
            life.cancel()
            gone.cancel()
            await asyncio.wait({life, gone})
            if self._process:
                self._process.kill()
                await self._process.wait()  # only then is its address free

    async def _live_and_tell(self) -> None:
        """The pod's life beside the writing of its status; a fault in either is a fault of the worker."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._live())
            group.create_task(self._writer.run())

    async def _live(self) -> None:
        running = asyncio.create_task(self._run_container())
        deleted = asyncio.create_task(self._deleted.wait())
        try:
            await asyncio.wait({running, deleted}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            await deleted
        finally:
            running.cancel()
            deleted.cancel()
            await asyncio.wait({running, deleted})
        await self._terminate()

    async def _run_container(self) -> None:
        """Runs the container again and again, as far as the restart policy goes."""
        while True:
            launch = await self._prepare()
            ended, ran_seconds = await self._run_once(launch)
            if not restarts(self.pod["spec"].get("restartPolicy", "Always"), ended.exit_code):
                self._publish(finished=True)
                return
            await self._back_off(ended, ran_seconds)

    async def _prepare(self) -> Launch:
        """What to run; waits, with the reason in the pod's status, while that cannot be said."""
        while True:
            try:
                return await self._resolve()
            except LaunchRefusedError as refusal:
                waiting = Waiting(refusal.reason, str(refusal))
                if self.record.state != waiting:
                    self._event("Warning", "Failed", f"Error: {refusal}")
                    self._publish(state=waiting)
            except (ApiError, *UNREACHABLE) as error:
                self._event("Warning", "Failed", f"Error: {error}")
            await self._around.clock.sleep(_RETRY_SECONDS)

    async def _resolve(self) -> Launch:
        ip = self.record.ip
        own = await resolve_environment(self._around.api, self.pod, self._container, ip)
        host = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        engine = {ENGINE_VARIABLE: os.environ.get(INSTANCE_VARIABLE, "")}
        ports = [int(port["containerPort"]) for port in self._container.get("ports", [])]
        request = Request(
            image=self._container.get("image", ""),
            command=expand_all(self._container.get("command", []), own),
            args=expand_all(self._container.get("args", []), own),
            pod_ip=ip,
            port=ports[0] if ports else None,
            annotations=self.pod["metadata"].get("annotations", {}),
        )
        launch = self._around.images.prepare(request)
        self._env = {**host, **launch.defaults, **own, **launch.env, **engine}
        return launch

    async def _run_once(self, launch: Launch) -> tuple[Terminated, float]:
        """One run of the process; its end, and how long it lasted."""
        clock = self._around.clock
        started_at, began = clock.now(), clock.seconds()
        try:
            self._process = await ContainerProcess.start(launch.argv, self._env, self.log, launch.notes)
        except OSError as error:
            self._event("Warning", "Failed", f"Error: {error}")
            code = 127
        else:
            self._event("Normal", "Started", " ".join(["Started container", self._container["name"], *launch.notes]))
            self._publish(state=Running(started_at), ready=False, started=False)
            code = exit_code(await self._follow(self._process))
        ended = Terminated(code, started_at, clock.now())
        self._publish(state=ended, ready=False, started=False)
        return ended, clock.seconds() - began

    async def _follow(self, process: ContainerProcess) -> int:
        """Probes the process until it ends, by itself or for a failed probe; its return code."""
        probing = asyncio.create_task(self._probe())
        ending = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({probing, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                self._event("Normal", "Killing", f"Container {self._container['name']}: {probing.result()}")
                self._publish(ready=False)
                await process.stop(self._grace_seconds())
            return await ending
        finally:
            probing.cancel()
            ending.cancel()
            await asyncio.wait({probing, ending})

    async def _probe(self) -> str:
        observer = Observer(
            ready=lambda value: self._publish(ready=value),
            started=lambda: self._publish(started=True),
            unhealthy=lambda message: self._report_unhealthy(message),
        )
        probes = parse_probes(self._container, self.record.ip)
        checker = SystemChecker(self._around.session, self._env)
        return await watch_probes(probes, checker, observer, self._around.clock)

    def _report_unhealthy(self, message: str) -> None:
        if self.record.ready:  # while the model loads, failures are no news
            self._event("Warning", "Unhealthy", message)

    async def _back_off(self, ended: Terminated, ran_seconds: float) -> None:
        seconds = self._backoff.next_seconds(ran_seconds)
        if seconds:
            message = f"back-off {seconds:g}s restarting failed container={self._container['name']}"
            self._event("Warning", "BackOff", message)
            self._publish(state=Waiting("CrashLoopBackOff", message), last=ended)
            await self._around.clock.sleep(seconds)
        self._publish(state=Waiting("ContainerCreating"), last=ended, restarts=self.record.restarts + 1)

    async def _terminate(self) -> None:
        """The end on deletion: preStop and SIGTERM within the grace period, SIGKILL after it."""
        process = self._process
        if process and process.pid:
            began, grace = self._around.clock.seconds(), self._grace_seconds()
            started_at = self.record.state.started_at if isinstance(self.record.state, Running) else None
            self._event("Normal", "Killing", f"Stopping container {self._container['name']}")
            self._publish(ready=False)
            await self._pre_stop(grace)
            left = grace - (self._around.clock.seconds() - began)
            code = exit_code(await process.stop(max(left, 0.0)))
            now = self._around.clock.now()
            self._publish(state=Terminated(code, started_at or now, now), finished=True)
        await self._writer.flush()
        await remove_pod(self._around.api, self.pod, self._around.clock)
        await self._vanished.wait()

    async def _pre_stop(self, grace_seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                failure = await run_pre_stop(
                    self._container, self.record.ip, self._env, self._around.clock, self._around.session
                )
                if failure:
                    self._event("Warning", "FailedPreStopHook", failure)

    def _grace_seconds(self) -> float:
        asked = self.pod["metadata"].get("deletionGracePeriodSeconds")
        return float(self.pod["spec"].get("terminationGracePeriodSeconds", 30) if asked is None else asked)

    def _publish(self, **changes: object) -> None:
        record: Record = replace(self.record, **changes)  # type: ignore[arg-type]
        if record != self.record:
            self.record = record
            self._writer.publish(record)

    def _event(self, kind: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        self._around.events.record(self.pod, kind, reason, message)


def restarts(policy: str, code: int) -> bool:
    """Whether a container that ended with `code` is started again."""
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def resume_record(pod: Mapping[str, object], ip: str, host_ip: str, clock: Clock) -> Record:
    """The record of a pod that is new to this agent; one that ran under an earlier agent counts a restart."""
    status = pod.get("status")
    statuses = status.get("containerStatuses") or [] if isinstance(status, dict) else []
    record = Record(ip=ip, host_ip=host_ip, started_at=clock.now())
    if not statuses:
        return record
    restarted, running = int(statuses[0]["restartCount"]), "running" in statuses[0]["state"]
    if not running:
        return replace(record, restarts=restarted)
    lost = Terminated(137, clock.now(), clock.now())
    return replace(record, restarts=restarted + 1, last=lost)
