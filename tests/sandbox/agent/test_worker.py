"""The life of a pod, with real processes and an API server in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rorqual_sandbox.agent.events import EventRecorder
from rorqual_sandbox.agent.surroundings import Surroundings
from rorqual_sandbox.agent.worker import PodWorker, restarts
from rorqual_sandbox.clock import SystemClock
from rorqual_sandbox.engines.images import ImageTable
from rorqual_sandbox.engines.launch import Places
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.options import Options

Until = Callable[[Callable[[], Any]], Awaitable[Any]]


@pytest.fixture
async def around(api: Any, tmp_path: Path) -> AsyncIterator[Surroundings]:
    clock = SystemClock()
    async with aiohttp.ClientSession() as session:
        yield Surroundings(
            api=api,
            session=session,
            layout=Layout(tmp_path),
            images=ImageTable(Options(), Places(tmp_path, tmp_path)),
            events=EventRecorder(api, clock),
            clock=clock,
            host_ip="127.1.0.1",
            backoff_seconds=0.01,
        )


def with_script(pod: dict[str, Any], script: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "engine", "image": "busybox", "command": ["sh", "-c", script]}
    return {**pod, "spec": {**pod["spec"], "containers": [container], **spec}}


def start(pod: dict[str, Any], around: Surroundings) -> tuple[PodWorker, asyncio.Task[None]]:
    worker = PodWorker(pod, "127.1.1.1", around)
    return worker, asyncio.create_task(worker.run())


def delete(worker: PodWorker, grace_seconds: float) -> None:
    meta = {**worker.pod["metadata"], "deletionTimestamp": "now", "deletionGracePeriodSeconds": grace_seconds}
    worker.update({**worker.pod, "metadata": meta})


async def finish(worker: PodWorker, task: asyncio.Task[None]) -> None:
    worker.vanish()
    await asyncio.wait_for(task, 20)


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def reasons(api: Any) -> list[str]:
    return [event["reason"] for event in api.created]


def container_of(patch: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = patch["status"]["containerStatuses"][0]
    return found


async def test_a_running_pod_becomes_ready(api: Any, pod: Any, around: Surroundings, until: Until) -> None:
    worker, task = start(with_script(pod, "echo hello; sleep 60"), around)
    await until(lambda: api.patches and container_of(api.patches[-1])["ready"])
    assert api.patches[-1]["status"]["phase"] == "Running"
    assert "Started" in reasons(api)
    await until(lambda: worker.log.read_text() == "# sh -c 'echo hello; sleep 60'\nhello\n")
    await finish(worker, task)


async def test_vanishing_kills_at_once(api: Any, pod: Any, around: Surroundings, until: Until) -> None:
    worker, task = start(with_script(pod, "trap '' TERM; sleep 60"), around)
    pid = await until(lambda: worker.pid)
    await finish(worker, task)
    assert not is_alive(pid)
    assert api.deleted == []


async def test_crashes_back_off_and_count(api: Any, pod: Any, around: Surroundings, until: Until) -> None:
    worker, task = start(with_script(pod, "exit 3"), around)
    await until(lambda: worker.record.restarts >= 3)
    states = [container_of(patch)["state"].get("waiting", {}).get("reason") for patch in api.patches]
    assert "CrashLoopBackOff" in states and "BackOff" in reasons(api)
    assert worker.record.last is not None and worker.record.last.exit_code == 3
    await finish(worker, task)


@pytest.mark.parametrize(
    ("policy", "script", "phase"),
    [("Never", "exit 2", "Failed"), ("Never", "exit 0", "Succeeded"), ("OnFailure", "exit 0", "Succeeded")],
)
async def test_restart_policies_end_the_pod(
    api: Any, pod: Any, around: Surroundings, until: Until, policy: str, script: str, phase: str
) -> None:
    worker, task = start(with_script(pod, script, restartPolicy=policy), around)
    await until(lambda: api.patches and api.patches[-1]["status"]["phase"] == phase)
    assert worker.record.restarts == 0
    await finish(worker, task)


async def test_deletion_terminates_then_removes_the_object(
    api: Any, pod: Any, around: Surroundings, until: Until
) -> None:
    worker, task = start(with_script(pod, "trap 'exit 5' TERM; echo up; while :; do sleep 0.01; done"), around)
    await until(lambda: worker.pid and worker.log.read_text().endswith("up\n"))
    delete(worker, 20)
    await until(lambda: api.deleted)
    assert container_of(api.patches[-1])["state"]["terminated"]["exitCode"] == 5
    assert not container_of(api.patches[-1])["ready"]
    await finish(worker, task)


async def test_the_grace_period_ends_in_sigkill(api: Any, pod: Any, around: Surroundings, until: Until) -> None:
    worker, task = start(with_script(pod, "trap '' TERM; echo up; while :; do sleep 0.01; done"), around)
    await until(lambda: worker.pid and worker.log.read_text().endswith("up\n"))
    delete(worker, 0.05)
    await until(lambda: api.deleted)
    assert container_of(api.patches[-1])["state"]["terminated"]["exitCode"] == 137
    await finish(worker, task)


async def test_pre_stop_counts_against_the_grace_period(api: Any, pod: Any, around: Surroundings, until: Until) -> None:
    body = with_script(pod, "sleep 60")
    body["spec"]["containers"][0]["lifecycle"] = {"preStop": {"sleep": {"seconds": 600}}}
    worker, task = start(body, around)
    await until(lambda: worker.pid)
    delete(worker, 0.05)
    await until(lambda: api.deleted)
    await finish(worker, task)


async def test_a_pod_deleted_before_it_could_start_is_removed(
    api: Any, pod: Any, around: Surroundings, until: Until
) -> None:
    body = {**pod, "spec": {**pod["spec"], "containers": [{"name": "engine", "image": "x"}]}}
    worker, task = start(body, around)
    await until(lambda: api.patches)
    assert container_of(api.patches[-1])["state"]["waiting"]["reason"] == "ErrImagePull"
    delete(worker, 5)
    await until(lambda: api.deleted)
    await finish(worker, task)


async def test_a_failed_liveness_probe_restarts(api: Any, pod: Any, around: Surroundings, until: Until) -> None:
    body = with_script(pod, "sleep 60")
    liveness = {"exec": {"command": ["false"]}, "failureThreshold": 1, "periodSeconds": 0.01}
    body["spec"]["containers"][0]["livenessProbe"] = liveness
    worker, task = start(body, around)
    await until(lambda: worker.record.restarts >= 1)
    assert "Killing" in reasons(api)
    assert worker.record.last is not None and worker.record.last.exit_code == 143
    await finish(worker, task)


async def test_a_command_that_cannot_be_executed_counts_as_a_crash(
    api: Any, pod: Any, around: Surroundings, until: Until, tmp_path: Path
) -> None:
    body = {**pod, "spec": {**pod["spec"], "containers": [{**pod["spec"]["containers"][0]}]}}
    body["spec"]["containers"][0]["command"] = ["vllm", "serve", "m"]  # and no engine was built in tmp_path
    worker, task = start(body, around)
    await until(lambda: worker.record.last)
    assert worker.record.last is not None and worker.record.last.exit_code == 127
    await finish(worker, task)


@pytest.mark.parametrize(
    ("policy", "code", "again"),
    [("Always", 0, True), ("Always", 1, True), ("OnFailure", 0, False), ("OnFailure", 1, True), ("Never", 1, False)],
)
def test_restart_policy(policy: str, code: int, again: bool) -> None:
    assert restarts(policy, code) is again


async def test_the_containers_variables_win_over_the_agents_defaults(
    api: Any, pod: Any, around: Surroundings, until: Until
) -> None:
    body = with_script(pod, "echo $PORT $POD_IP; sleep 60")
    body["spec"]["containers"][0] |= {
        "ports": [{"containerPort": 8000}],
        "env": [{"name": "PORT", "value": "9"}],
    }
    worker, task = start(body, around)
    await until(lambda: worker.pid and worker.log.read_text().endswith("\n9 127.1.1.1\n"))
    await finish(worker, task)


async def test_nothing_of_the_agents_own_environment_leaks(
    api: Any, pod: Any, around: Surroundings, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret")
    worker, task = start(with_script(pod, "echo [$MY_TOKEN]; sleep 60"), around)
    await until(lambda: worker.pid and worker.log.read_text().endswith("\n[]\n"))
    await finish(worker, task)


async def test_a_fault_in_the_writing_is_a_fault_of_the_worker(
    api: Any, pod: Any, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(path: str, body: Any) -> Any:
        raise KeyError("bug")

    monkeypatch.setattr(api, "patch", broken)
    worker, task = start(with_script(pod, "sleep 60"), around)
    with pytest.raises(ExceptionGroup) as fault:
        await asyncio.wait_for(task, 20)
    assert fault.group_contains(KeyError, match="bug")
    assert worker.pid is None
