"""A pod's status in the API's form. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rorqual_sandbox.agent.record import ContainerState, Record, Running, Terminated, Waiting

Conditions = Mapping[str, Mapping[str, Any]]


def render_status(pod: Mapping[str, Any], record: Record, before: Conditions, now: datetime) -> dict[str, Any]:
    """The `status` to merge into `pod`; `before` holds the conditions by type, so that transition times last."""
    containers = pod["spec"]["containers"]
    return {
        "phase": record.phase,
        "hostIP": record.host_ip,
        "hostIPs": [{"ip": record.host_ip}],
        "podIP": record.ip,
        "podIPs": [{"ip": record.ip}],
        "startTime": timestamp(record.started_at),
        "conditions": _conditions(containers[0]["name"], record, before, now),
        "containerStatuses": [
            _container(containers[0], record),
            *(_skipped(container, record) for container in containers[1:]),
        ],
        "initContainerStatuses": [_skipped_init(c, record) for c in pod["spec"].get("initContainers", [])],
    }


def timestamp(moment: datetime) -> str:
    """RFC 3339 with whole seconds, as metav1.Time."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _conditions(name: str, record: Record, before: Conditions, now: datetime) -> list[dict[str, Any]]:
    reason, message = "", ""
    if record.phase == "Succeeded":
        reason = "PodCompleted"
    elif not record.ready:
        reason, message = "ContainersNotReady", f"containers with unready status: [{name}]"
    ready = (str(record.ready), reason, message)
    wanted = {
        "PodReadyToStartContainers": ("True", "", ""),
        "Initialized": ("True", "", ""),
        "ContainersReady": ready,
        "Ready": ready,
    }
    return [_condition(kind, value, before.get(kind), now) for kind, value in wanted.items()]


def _condition(kind: str, value: Sequence[str], before: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    status, reason, message = value
    changed = before is None or before["status"] != status
    moment = timestamp(now) if changed or before is None else before["lastTransitionTime"]
    condition = {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": moment}
    return condition | {"reason": reason or None, "message": message or None}


def _container(container: Mapping[str, Any], record: Record) -> dict[str, Any]:
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "process",
        "ready": record.ready,
        "started": record.started,
        "restartCount": record.restarts,
        "state": _state(record.state),
        "lastState": _state(record.last) if record.last else {},
    }


def _state(state: ContainerState) -> dict[str, Any]:
    match state:
        case Waiting(reason, message):
            return {"waiting": {"reason": reason} | ({"message": message} if message else {})}
        case Running(started_at):
            return {"running": {"startedAt": timestamp(started_at)}}
        case Terminated():
            return {
                "terminated": {
                    "exitCode": state.exit_code,
                    "reason": state.reason,
                    "startedAt": timestamp(state.started_at),
                    "finishedAt": timestamp(state.finished_at),
                }
            }


def _skipped(container: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Only the first container runs; the others count as running, so that they do not hold the pod back."""
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "skipped",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": _state(Running(record.started_at)),
    }


def _skipped_init(container: Mapping[str, Any], record: Record) -> dict[str, Any]:
    done = Terminated(0, record.started_at, record.started_at)
    return _skipped(container, record) | {"state": _state(done), "started": False}
