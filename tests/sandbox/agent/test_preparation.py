"""From a container to a command: what is passed on, and the waiting for what is missing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rorqual_sandbox.agent.account import Account
from rorqual_sandbox.agent.preparation import prepare
from rorqual_sandbox.agent.record import Waiting
from rorqual_sandbox.agent.surroundings import Surroundings
from rorqual_sandbox.api import ApiError
from rorqual_sandbox.engines.launch import Launch, LaunchRefusedError, Request
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.process import ENGINE_VARIABLE, INSTANCE_VARIABLE


class FakeImages:
    """Launches what it is asked for; `refusals` come first."""

    def __init__(self) -> None:
        self.refusals: list[LaunchRefusedError] = []
        self.requests: list[Request] = []

    def prepare(self, request: Request) -> Launch:
        self.requests.append(request)
        if self.refusals:
            raise self.refusals.pop(0)
        return Launch(("engine", *request.args), env={"FORCED": "launch"}, defaults={"PORT": "8000", "A": "default"})


class FakeEvents:
    """Keeps messages."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def record(self, pod: Any, kind: str, reason: str, message: str) -> None:
        self.told.append(f"{kind} {reason} {message}")


@pytest.fixture
def images() -> FakeImages:
    return FakeImages()


@pytest.fixture
def events() -> FakeEvents:
    return FakeEvents()


@pytest.fixture
def around(api: Any, clock: Any, images: FakeImages, events: FakeEvents, tmp_path: Path) -> Surroundings:
    parts = SimpleNamespace(
        api=api, clock=clock, images=images, events=events, layout=Layout(tmp_path), host_ip="127.1.0.1"
    )
    return cast(Surroundings, parts)


def account(pod: Any, around: Surroundings, **container: Any) -> Account:
    pod["spec"]["containers"][0] |= container
    return Account(pod, "127.1.1.1", around)


async def test_the_request_tells_what_the_container_asks_for(
    pod: Any, around: Surroundings, images: FakeImages
) -> None:
    pod["metadata"]["annotations"] = {"a": "b"}
    env = [{"name": "SEQS", "value": "4"}]
    made = account(pod, around, args=["--max-num-seqs", "$(SEQS)"], env=env, ports=[{"containerPort": 9000}])
    prepared = await prepare(made, around)
    assert prepared.launch.argv == ("engine", "--max-num-seqs", "4")
    (request,) = images.requests
    assert (request.pod_ip, request.port, request.annotations) == ("127.1.1.1", 9000, {"a": "b"})


async def test_whose_variable_wins(pod: Any, around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The launch's own, then the container's, then the launch's defaults, then what is passed on of the agent's."""
    monkeypatch.setenv("HOME", "/agent")
    monkeypatch.setenv("LANG", "agent")
    env = [{"name": name, "value": "container"} for name in ("A", "FORCED", "HOME")]
    prepared = await prepare(account(pod, around, env=env), around)
    wanted = {"FORCED": "launch", "A": "container", "HOME": "container", "PORT": "8000", "LANG": "agent"}
    assert {name: prepared.env[name] for name in wanted} == wanted


async def test_only_a_few_of_the_agents_variables_are_passed_on(
    pod: Any, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret")
    monkeypatch.setenv(INSTANCE_VARIABLE, "abc")
    prepared = await prepare(account(pod, around), around)
    assert "MY_TOKEN" not in prepared.env
    assert prepared.env[ENGINE_VARIABLE] == prepared.env[INSTANCE_VARIABLE] == "abc"


async def test_a_container_cannot_shed_its_mark(
    pod: Any, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(INSTANCE_VARIABLE, "abc")
    env = [{"name": ENGINE_VARIABLE, "value": ""}]
    assert (await prepare(account(pod, around, env=env), around)).env[ENGINE_VARIABLE] == "abc"


async def test_a_refusal_is_told_once_and_tried_again(
    pod: Any, around: Surroundings, images: FakeImages, events: FakeEvents, clock: Any
) -> None:
    images.refusals = [LaunchRefusedError("ErrImagePull", "no such image")] * 3
    made = account(pod, around)
    await prepare(made, around)
    assert made.record.state == Waiting("ErrImagePull", "no such image")
    assert events.told == ["Warning Failed Error: no such image"]
    assert clock.sleeps == [2.0, 2.0, 2.0]


async def test_an_api_server_that_is_away_is_waited_for(
    pod: Any, around: Surroundings, api: Any, events: FakeEvents, clock: Any
) -> None:
    api.failures = [ApiError(500, "etcd is away")]
    api.objects["/api/v1/namespaces/llm/secrets/hub"] = {"data": {}}
    made = account(pod, around, envFrom=[{"secretRef": {"name": "hub"}}])
    await prepare(made, around)
    assert clock.sleeps == [2.0] and "etcd is away" in events.told[0]
    assert made.record.state == Waiting("ContainerCreating")
