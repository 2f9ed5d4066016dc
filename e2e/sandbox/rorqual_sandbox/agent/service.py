"""The agent: one worker for each engine pod that is bound to a node."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from rorqual_sandbox.agent.addresses import AddressPool
from rorqual_sandbox.agent.surroundings import Surroundings
from rorqual_sandbox.agent.watch import follow
from rorqual_sandbox.agent.worker import PodWorker
from rorqual_sandbox.api import Object
from rorqual_sandbox.stages import PROCESS_LABEL

log = logging.getLogger("agent")
_AFTER_FAULT_SECONDS = 1.0


class Agent:
    """Follows pods and nodes and keeps the workers."""

    def __init__(self, around: Surroundings, addresses: AddressPool) -> None:
        self._around = around
        self._addresses = addresses
        self._workers: dict[str, PodWorker] = {}

    async def run(self) -> None:
        """Until cancelled. An error here is the agent's end: its supervisor tells of it."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._follow_pods())
            group.create_task(self._follow_nodes())

    def describe(self) -> list[dict[str, Any]]:
        """One row for each pod, with the fields of `handle.EngineProcess`."""
        return [_describe(worker) for worker in self._workers.values()]

    async def _follow_pods(self) -> None:
        selectors = {"labelSelector": PROCESS_LABEL, "fieldSelector": "spec.nodeName!="}
        async for change in follow(self._around.api, "/api/v1/pods", selectors, self._around.clock):
            uid = change.object["metadata"]["uid"]
            worker = self._workers.get(uid)
            if change.kind == "gone" and worker:
                worker.vanish()
            elif change.kind == "present" and worker:
                worker.update(change.object)
            elif change.kind == "present" and change.object["status"]["phase"] not in ("Succeeded", "Failed"):
                self._adopt(uid, change.object)

    async def _follow_nodes(self) -> None:
        async for change in follow(self._around.api, "/api/v1/nodes", {}, self._around.clock):
            if change.kind == "gone":
                name = change.object["metadata"]["name"]
                for worker in self._workers.values():
                    if worker.pod["spec"]["nodeName"] == name:
                        worker.vanish()

    def _adopt(self, uid: str, pod: Object) -> None:
        ip = self._addresses.take(pod["status"].get("podIP"))
        worker = PodWorker(pod, ip, self._around)
        self._workers[uid] = worker
        self._group.create_task(self._run(uid, worker))

    async def _run(self, uid: str, worker: PodWorker) -> None:
        """Runs a worker; after a fault in it the pod starts anew instead of being forgotten."""
        ip, pod = worker.record.ip, worker.pod["metadata"]
        try:
            await worker.run()
        except Exception:
            log.exception("the worker of %s/%s failed", pod["namespace"], pod["name"])
            await self._around.clock.sleep(_AFTER_FAULT_SECONDS)
            if not worker.vanished:
                self._workers[uid] = PodWorker(worker.pod, ip, self._around)
                self._group.create_task(self._run(uid, self._workers[uid]))
                return
        del self._workers[uid]
        self._addresses.give_back(ip)


def _describe(worker: PodWorker) -> dict[str, Any]:
    meta = worker.pod["metadata"]
    return {
        "namespace": meta["namespace"],
        "pod": meta["name"],
        "pid": worker.pid,
        "pod_ip": worker.record.ip,
        "restarts": worker.record.restarts,
        "log": str(worker.log),
    }
