"""Writes a pod's status, the newest first of all, through any outage of the API server."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import aiohttp

from rorqual_sandbox.agent.record import Record
from rorqual_sandbox.agent.status import render_status
from rorqual_sandbox.api import Api, ApiError, Object
from rorqual_sandbox.clock import Clock

log = logging.getLogger("agent.writer")
RETRY_SECONDS = 0.5
UNREACHABLE = (aiohttp.ClientError, OSError, TimeoutError)


def pod_path(pod: Object) -> str:
    """The pod's path in the API."""
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


class StatusWriter:
    """The only writer of one pod's status."""

    def __init__(self, api: Api, pod: Object, clock: Clock) -> None:
        self._api = api
        self._pod = pod
        self._clock = clock
        self._conditions: dict[str, dict[str, Any]] = {
            condition["type"]: condition for condition in pod.get("status", {}).get("conditions", [])
        }
        self._status: dict[str, Any] | None = None
        self._dirty = asyncio.Event()

    def publish(self, record: Record) -> None:
        """Has `record` written soon; a newer one takes its place."""
        self._status = render_status(self._pod, record, self._conditions, self._clock.now())
        self._conditions |= {condition["type"]: condition for condition in self._status["conditions"]}
        self._dirty.set()

    async def run(self) -> None:
        """Writes until cancelled, or until the pod is gone."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            if not await self._write():
                return

    async def flush(self) -> None:
        """Writes now what is not written yet."""
        if self._dirty.is_set():
            self._dirty.clear()
            await self._write()

    async def _write(self) -> bool:
        # the uid keeps the status of an old pod off its successor of the same name
        body = {"metadata": {"uid": self._pod["metadata"]["uid"]}, "status": self._status}
        try:
            await self._api.patch(f"{pod_path(self._pod)}/status", body)
        except ApiError as error:
            if error.status in (404, 409):
                return False
            await self._retry_later(error)
        except UNREACHABLE as error:
            await self._retry_later(error)
        return True

    async def _retry_later(self, error: BaseException) -> None:
        log.warning("status of %s not written, trying again: %s", self._pod["metadata"]["name"], error)
        self._dirty.set()
        await self._clock.sleep(RETRY_SECONDS)


async def remove_pod(api: Api, pod: Object, clock: Clock) -> None:
    """Takes the pod's object away now that its process has ended, however long the API server is away."""
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": pod["metadata"]["uid"]},
    }
    while True:
        try:
            await api.delete(pod_path(pod), options)
            return
        except ApiError as error:
            if error.status in (404, 409):
                return
            log.warning("%s not deleted, trying again: %s", pod["metadata"]["name"], error)
        except UNREACHABLE as error:
            log.warning("%s not deleted, trying again: %s", pod["metadata"]["name"], error)
        await clock.sleep(RETRY_SECONDS)
