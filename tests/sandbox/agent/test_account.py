"""A pod's record, and what is told of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rorqual_sandbox.agent.account import Account, resume_record
from rorqual_sandbox.agent.record import Running, Waiting
from rorqual_sandbox.agent.surroundings import Surroundings
from rorqual_sandbox.layout import Layout


class FakeEvents:
    """Keeps events."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []

    def record(self, pod: Any, kind: str, reason: str, message: str) -> None:
        self.told.append((kind, reason, message))


@pytest.fixture
def events() -> FakeEvents:
    return FakeEvents()


@pytest.fixture
def account(api: Any, clock: Any, pod: Any, events: FakeEvents, tmp_path: Path) -> Account:
    around = SimpleNamespace(api=api, clock=clock, events=events, layout=Layout(tmp_path), host_ip="127.1.0.1")
    return Account(pod, "127.1.1.1", cast(Surroundings, around))


@pytest.mark.parametrize(
    ("asked", "granted", "seconds"), [(None, None, 30), (None, 5, 5), (7, 5, 7), (0, 5, 0), (2, None, 2)]
)
def test_the_deletions_grace_period_wins_over_the_pods(
    account: Account, asked: float | None, granted: float | None, seconds: float
) -> None:
    if asked is not None:
        account.pod["metadata"]["deletionGracePeriodSeconds"] = asked
    if granted is not None:
        account.pod["spec"]["terminationGracePeriodSeconds"] = granted
    assert account.grace_seconds == seconds


def test_each_run_has_a_log_of_its_own(account: Account, tmp_path: Path) -> None:
    assert account.log == tmp_path / "logs/pods/llm/chat-0/u1-0.log"
    account.publish(restarts=2)
    assert account.log.name == "u1-2.log"


async def test_only_what_changed_is_written(account: Account, api: Any, clock: Any) -> None:
    account.publish(state=account.record.state)
    await account.writer.flush()
    assert api.patches == []
    account.publish(state=Running(clock.now()), ready=True)
    await account.writer.flush()
    (patch,) = api.patches
    assert patch["status"]["phase"] == "Running"


def test_events_are_of_the_pod(account: Account, events: FakeEvents) -> None:
    account.tell("Normal", "Started", "Started container engine")
    assert events.told == [("Normal", "Started", "Started container engine")]


@pytest.mark.parametrize(("spec", "policy"), [({}, "Always"), ({"restartPolicy": "Never"}, "Never")])
def test_the_restart_policy(account: Account, spec: dict[str, str], policy: str) -> None:
    account.pod["spec"] |= spec
    assert account.restart_policy == policy


def test_a_pod_that_nobody_ran_begins_waiting(account: Account) -> None:
    assert account.record.state == Waiting("ContainerCreating")
    assert (account.record.restarts, account.record.last) == (0, None)


@pytest.mark.parametrize(("state", "count"), [({"running": {}}, 3), ({"waiting": {}}, 2)])
def test_a_new_agent_counts_the_lost_process_as_a_restart(
    pod: Any, clock: Any, state: dict[str, Any], count: int
) -> None:
    pod["status"]["containerStatuses"] = [{"restartCount": 2, "state": state}]
    record = resume_record(pod, "127.1.1.1", "127.1.0.1", clock)
    assert record.restarts == count
    assert (record.last is not None) is (count == 3)
