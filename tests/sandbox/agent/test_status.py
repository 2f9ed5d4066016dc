"""A pod's status, as the API has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rorqual_sandbox.agent.record import Record, Running, Terminated, Waiting, exit_code
from rorqual_sandbox.agent.status import render_status

T0 = datetime(2026, 1, 1, tzinfo=UTC)
T1 = T0 + timedelta(seconds=5)
FRESH = Record(ip="127.1.1.1", host_ip="127.1.0.1", started_at=T0)
UP = replace(FRESH, state=Running(T0), started=True, ready=True)
FAILED = Terminated(1, T0, T1)


def conditions(status: dict[str, Any]) -> dict[str, Any]:
    return {condition["type"]: condition for condition in status["conditions"]}


def test_a_running_pod(pod: dict[str, Any]) -> None:
    status = render_status(pod, UP, {}, T1)
    assert (status["phase"], status["podIP"], status["podIPs"]) == ("Running", "127.1.1.1", [{"ip": "127.1.1.1"}])
    (container,) = status["containerStatuses"]
    assert container["ready"] and container["state"] == {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    assert conditions(status)["Ready"]["status"] == "True"


def test_an_unready_pod_says_why(pod: dict[str, Any]) -> None:
    ready = conditions(render_status(pod, FRESH, {}, T0))["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "ContainersNotReady")
    assert "[engine]" in ready["message"]


def test_transition_times_move_only_on_transitions(pod: dict[str, Any]) -> None:
    before = conditions(render_status(pod, FRESH, {}, T0))
    after = conditions(render_status(pod, UP, before, T1))
    assert after["Ready"]["lastTransitionTime"] == "2026-01-01T00:00:05Z"
    assert after["Initialized"]["lastTransitionTime"] == "2026-01-01T00:00:00Z"


def test_scheduling_is_left_to_the_scheduler(pod: dict[str, Any]) -> None:
    assert "PodScheduled" not in conditions(render_status(pod, UP, {}, T0))


def test_a_waiting_container_shows_reason_and_last_end(pod: dict[str, Any]) -> None:
    record = replace(FRESH, state=Waiting("CrashLoopBackOff", "back-off 10s"), last=FAILED, restarts=2)
    (container,) = render_status(pod, record, {}, T1)["containerStatuses"]
    assert container["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    assert container["lastState"]["terminated"] == {
        "exitCode": 1,
        "reason": "Error",
        "startedAt": "2026-01-01T00:00:00Z",
        "finishedAt": "2026-01-01T00:00:05Z",
    }
    assert container["restartCount"] == 2


def test_other_containers_do_not_hold_the_pod_back(pod: dict[str, Any]) -> None:
    pod["spec"]["containers"].append({"name": "sidecar"})
    pod["spec"]["initContainers"] = [{"name": "download"}]
    status = render_status(pod, UP, {}, T0)
    assert [c["ready"] for c in status["containerStatuses"]] == [True, True]
    assert status["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 0


@pytest.mark.parametrize(
    ("record", "phase"),
    [
        (FRESH, "Pending"),
        (UP, "Running"),
        (replace(FRESH, state=FAILED), "Running"),
        (replace(FRESH, state=Waiting("CrashLoopBackOff"), last=FAILED), "Running"),
        (replace(FRESH, state=FAILED, finished=True), "Failed"),
        (replace(FRESH, state=Terminated(0, T0, T1), finished=True), "Succeeded"),
    ],
)
def test_phases(record: Record, phase: str) -> None:
    assert record.phase == phase


@pytest.mark.parametrize(("returned", "code"), [(0, 0), (3, 3), (-9, 137), (-15, 143)])
def test_exit_codes(returned: int, code: int) -> None:
    assert exit_code(returned) == code
