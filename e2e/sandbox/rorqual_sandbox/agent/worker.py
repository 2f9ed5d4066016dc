"""The life of one engine pod, from its binding to a node until its object is gone."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rorqual_sandbox.agent.account import Account
from rorqual_sandbox.agent.backoff import Backoff
from rorqual_sandbox.agent.preparation import prepare
from rorqual_sandbox.agent.record import Record, Terminated, Waiting
from rorqual_sandbox.agent.run import Run
from rorqual_sandbox.agent.surroundings import Surroundings
from rorqual_sandbox.agent.termination import terminate
from rorqual_sandbox.api import Object


class PodWorker:
    """Runs one pod. `update` brings news of its object; `vanish` says that it, or its node, is gone."""

    def __init__(self, pod: Object, ip: str, around: Surroundings) -> None:
        self._around = around
        self._account = Account(pod, ip, around)
        self._backoff = Backoff(around.backoff_seconds)
        self._run: Run | None = None
        self._deleted = asyncio.Event()
        self._vanished = asyncio.Event()
        self.update(pod)

    @property
    def pod(self) -> Object:
        """The object as it was last seen."""
        return self._account.pod

    @property
    def record(self) -> Record:
        return self._account.record

    @property
    def pid(self) -> int | None:
        """Of the container's process, while it runs."""
        return self._run.process.pid if self._run and self._run.process else None

    @property
    def log(self) -> Path:
        """Where the present run writes its output."""
        return self._account.log

    def update(self, pod: Object) -> None:
        """The pod's object has changed."""
        self._account.pod = pod
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
            if self._run and self._run.process:
                self._run.process.kill()
                await self._run.process.wait()  # only then is its address free

    async def _live_and_tell(self) -> None:
        """The pod's life beside the writing of its status; a fault in either is a fault of the worker."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._live())
            group.create_task(self._account.writer.run())

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
        await terminate(self._account, self._around, self._run)
        await self._vanished.wait()

    async def _run_container(self) -> None:
        """Runs the container again and again, as far as the restart policy goes."""
        while True:
            prepared = await prepare(self._account, self._around)
            self._run = Run(self._account, self._around, prepared)
            ended, ran_seconds = await self._run.finish()
            if not restarts(self._account.restart_policy, ended.exit_code):
                self._account.publish(finished=True)
                return
            await self._back_off(ended, ran_seconds)

    async def _back_off(self, ended: Terminated, ran_seconds: float) -> None:
        account, seconds = self._account, self._backoff.next_seconds(ran_seconds)
        if seconds:
            message = f"back-off {seconds:g}s restarting failed container={account.name}"
            account.tell("Warning", "BackOff", message)
            account.publish(state=Waiting("CrashLoopBackOff", message), last=ended)
            await self._around.clock.sleep(seconds)
        account.publish(state=Waiting("ContainerCreating"), last=ended, restarts=account.record.restarts + 1)


def restarts(policy: str, code: int) -> bool:
    """Whether a container that ended with `code` is started again."""
    return policy == "Always" or (policy == "OnFailure" and code != 0)
