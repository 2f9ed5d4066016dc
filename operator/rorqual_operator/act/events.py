"""Kubernetes Events: one for what happened, counted up when it happens again, never one a tick."""

import hashlib
import logging
from dataclasses import dataclass
from typing import Literal

from rorqual_operator.kube import EVENTS, Kube, KubeError, NotFound, Object
from rorqual_operator.times import rfc3339

log = logging.getLogger(__name__)

REPORTER = "rorqual"
AGGREGATE_SECONDS = 600.0
LONGEST_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something worth telling about an LLMService."""

    kind: Literal["Normal", "Warning"]
    reason: str
    message: str
    action: str = "Reconcile"
    cause: str = ""
    """The code of the decision or condition behind it, for the log."""


class Recorder:
    """Writes Events about LLMServices. A failure to write one is logged, and harms nothing."""

    def __init__(self, kube: Kube, identity: str) -> None:
        self._kube, self._identity = kube, identity
        self._seen: dict[str, tuple[str, int, float]] = {}

    async def record(self, subject: Object, occurrence: Occurrence, now: float) -> None:
        namespace = subject["metadata"]["namespace"]
        key = _digest(subject["metadata"]["uid"], occurrence)
        name, count, at = self._seen.get(key, ("", 0, float("-inf")))
        try:
            if now - at < AGGREGATE_SECONDS and await self._counted_up(namespace, name, count + 1, now):
                count += 1
            else:
                name, count = await self._create(subject, occurrence, key, now), 1
        except KubeError as error:
            log.warning("cannot record event %s of %s: %s", occurrence.reason, subject["metadata"]["name"], error)
            return
        self._seen[key] = (name, count, now)
        self._seen = {k: entry for k, entry in self._seen.items() if now - entry[2] < AGGREGATE_SECONDS}

    async def _counted_up(self, namespace: str, name: str, count: int, now: float) -> bool:
        """False when the Event has expired."""
        try:
            await self._kube.merge(EVENTS, namespace, name, {"count": count, "lastTimestamp": rfc3339(now)})
        except NotFound:
            return False
        return True

    async def _create(self, subject: Object, occurrence: Occurrence, key: str, now: float) -> str:
        namespace = subject["metadata"]["namespace"]
        name = f"{subject['metadata']['name']}.{key}.{int(now * 1000):x}"
        await self._kube.create(EVENTS, namespace, event(subject, occurrence, name, self._identity, now))
        return name


def _digest(uid: str, occurrence: Occurrence) -> str:
    text = f"{uid}/{occurrence.reason}/{occurrence.message}"
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def event(subject: Object, occurrence: Occurrence, name: str, identity: str, now: float) -> Object:
    """A core/v1 Event about an LLMService."""
    metadata, stamp = subject["metadata"], rfc3339(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": metadata["namespace"], "name": name},
        "involvedObject": {
            "apiVersion": subject["apiVersion"],
            "kind": subject["kind"],
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata.get("resourceVersion", ""),
        },
        "type": occurrence.kind,
        "reason": occurrence.reason,
        "message": occurrence.message[:LONGEST_MESSAGE],
        "action": occurrence.action,
        "count": 1,
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "source": {"component": REPORTER},
        "reportingComponent": REPORTER,
        "reportingInstance": identity,
    }
