"""Requests to the supervisor."""

from __future__ import annotations

from typing import Any

import pytest

from rorqual_sandbox.errors import SandboxError
from rorqual_sandbox.state import Phase, State
from rorqual_sandbox.supervisor.requests import Requests

STATE = State(Phase.READY, 1, "abc", 7, "https://s", "http://p", "http://a", "/bin")


class Recorder:
    """Components that note what befalls them."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def start(self, name: str) -> None:
        self.calls.append(f"start {name}")

    async def stop(self, name: str) -> None:
        self.calls.append(f"stop {name}")

    async def describe(self) -> list[dict[str, Any]]:
        return [{"name": "etcd"}]

    def shut_down(self) -> None:
        self.calls.append("shut down")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def requests(recorder: Recorder) -> Requests:
    return Requests(recorder, lambda: STATE, recorder.shut_down)


@pytest.mark.parametrize(
    ("request_", "call"),
    [
        ({"command": "stop", "component": "kwok"}, "stop kwok"),
        ({"command": "start", "component": "kwok"}, "start kwok"),
        ({"command": "shutdown"}, "shut down"),
    ],
)
async def test_requests_reach_the_components(
    requests: Requests, recorder: Recorder, request_: dict[str, Any], call: str
) -> None:
    assert await requests.answer(request_) == {}
    assert recorder.calls == [call]


async def test_status_tells_of_the_state_and_of_each_component(requests: Requests, recorder: Recorder) -> None:
    answer = await requests.answer({"command": "status"})
    assert (answer["state"]["network"], answer["components"]) == (7, [{"name": "etcd"}])
    assert recorder.calls == []


@pytest.mark.parametrize(
    "request_", [{}, {"command": "restart"}, {"command": "stop"}, {"command": "stop", "component": 1}]
)
async def test_what_nobody_understands_is_refused(requests: Requests, recorder: Recorder, request_: Any) -> None:
    with pytest.raises(SandboxError, match="unknown request"):
        await requests.answer(request_)
    assert recorder.calls == []
