"""Events on pods, the few that tell something."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Literal

from rorqual_sandbox.agent.status import timestamp
from rorqual_sandbox.agent.writer import UNREACHABLE
from rorqual_sandbox.api import Api, ApiError, Object
from rorqual_sandbox.clock import Clock

log = logging.getLogger("agent.events")


class EventRecorder:
    """Writes events in the background; one that cannot be written is logged and dropped, as the kubelet does."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def record(self, pod: Object, kind: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        """Notes that `reason` befell `pod`."""
        log.info("%s/%s %s: %s", pod["metadata"]["namespace"], pod["metadata"]["name"], reason, message)
        task = asyncio.create_task(self._write(pod, kind, reason, message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, pod: Object, kind: str, reason: str, message: str) -> None:
        meta, now = pod["metadata"], timestamp(self._clock.now())
        event = {
            "metadata": {"name": f"{meta['name']}.{secrets.token_hex(8)}", "namespace": meta["namespace"]},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": meta["name"],
                "namespace": meta["namespace"],
                "uid": meta["uid"],
            },
            "type": kind,
            "reason": reason,
            "message": message,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "source": {"component": "rorqual-sandbox", "host": pod["spec"]["nodeName"]},
        }
        try:
            await self._api.create(f"/api/v1/namespaces/{meta['namespace']}/events", event)
        except (ApiError, *UNREACHABLE) as error:
            log.warning("event %s of %s/%s was not written: %s", reason, meta["namespace"], meta["name"], error)
