"""What is known of one pod, and what is told of it: its object, its record, its status, its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from rorqual_sandbox.agent.record import Record, Terminated
from rorqual_sandbox.agent.surroundings import Surroundings
from rorqual_sandbox.agent.writer import StatusWriter
from rorqual_sandbox.api import Object
from rorqual_sandbox.clock import Clock

_DEFAULT_GRACE_SECONDS = 30.0
_KILLED = 137  # 128 + SIGKILL


class Account:
    """The one place where a pod's record changes; each change is written to its status."""

    def __init__(self, pod: Object, ip: str, around: Surroundings) -> None:
        self.pod = pod
        self.container: Object = pod["spec"]["containers"][0]
        self.record = resume_record(pod, ip, around.host_ip, around.clock)
        self.writer = StatusWriter(around.api, pod, around.clock)
        self._events = around.events
        self._layout = around.layout

    @property
    def name(self) -> str:
        """The container's."""
        return str(self.container["name"])

    @property
    def restart_policy(self) -> str:
        return str(self.pod["spec"].get("restartPolicy", "Always"))

    @property
    def grace_seconds(self) -> float:
        """What the deletion grants, before one is asked for what the pod grants."""
        asked = self.pod["metadata"].get("deletionGracePeriodSeconds")
        granted = self.pod["spec"].get("terminationGracePeriodSeconds", _DEFAULT_GRACE_SECONDS)
        return float(granted if asked is None else asked)

    @property
    def log(self) -> Path:
        """Where the present run writes its output."""
        meta = self.pod["metadata"]
        directory = self._layout.pod_log_directory(meta["namespace"], meta["name"])
        return directory / f"{meta['uid']}-{self.record.restarts}.log"

    def publish(self, **changes: object) -> None:
        """Changes fields of the record; what is as it was is not written again."""
        record: Record = replace(self.record, **changes)  # type: ignore[arg-type]
        if record != self.record:
            self.record = record
            self.writer.publish(record)

    def tell(self, kind: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        """Records an Event."""
        self._events.record(self.pod, kind, reason, message)


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
    lost = Terminated(_KILLED, clock.now(), clock.now())
    return replace(record, restarts=restarted + 1, last=lost)
