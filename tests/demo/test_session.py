from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from rorqual_demo import operator_process
from rorqual_demo.cluster import Observed
from rorqual_demo.endpoints import Endpoint
from rorqual_demo.errors import DemoError, OperatorError
from rorqual_demo.history import History
from rorqual_demo.ledger import Ledger
from rorqual_demo.observer import Observer
from rorqual_demo.operator_process import OperatorSettings, run_operator
from rorqual_demo.picker import Picker
from rorqual_demo.readiness import describe, is_serving, poll
from rorqual_demo.scrape import EngineGauges, scrape
from rorqual_demo.supervision import attend
from rorqual_sandbox.api import ApiError

from .objects import STATUS, FakeClock, pod

SERVICE = {"metadata": {"name": "chat"}, "status": STATUS}


class RecordedSource:
    """Answers with the given observations, then fails."""

    def __init__(self, *observed: Observed) -> None:
        self.left = list(observed)

    async def observe(self, name: str) -> Observed:
        if not self.left:
            raise ApiError(503, f"nothing more about {name}")
        return self.left.pop(0)


@asynccontextmanager
async def engine_metrics(text: str) -> AsyncIterator[int]:
    async def handle(_request: web.Request) -> web.Response:
        return web.Response(text=text)

    app = web.Application()
    app.router.add_get("/metrics", handle)
    async with TestServer(app, host="127.0.0.1") as server:
        assert server.port is not None
        yield server.port


def pod_at(name: str, port: int) -> dict[str, object]:
    made = pod(name, ip="127.0.0.1")
    made["spec"]["containers"][0]["ports"][0]["containerPort"] = port
    return made


async def test_a_look_makes_a_frame_and_feeds_the_picker() -> None:
    picker, history = Picker(), History()
    text = "vllm:num_requests_running 3\nvllm:num_requests_waiting 2\nvllm:kv_cache_usage_perc 0.5\n"
    async with engine_metrics(text) as port, aiohttp.ClientSession() as session:
        source = RecordedSource(Observed(SERVICE, (pod_at("a", port), pod("b", ready="False"))))
        frame = await Observer(source, "chat", session, picker, Ledger(), history, FakeClock()).look()
    assert (frame.replicas.desired, frame.replicas.ready, frame.replicas.starting) == (3, 1, 1)
    assert (frame.engines.running, frame.engines.waiting, frame.engines.kv_use) == (3, 2, 0.5)
    assert [endpoint.pod for endpoint in picker.endpoints] == ["a"]
    assert history.last is frame


async def test_an_api_server_that_is_gone_for_long_ends_the_demo() -> None:
    clock, history = FakeClock(), History()
    async with aiohttp.ClientSession() as session:
        source = RecordedSource(Observed(SERVICE, ()))
        with pytest.raises(DemoError, match="503: nothing more about chat"):
            await Observer(source, "chat", session, Picker(), Ledger(), history, clock).run()
    assert len(history.frames) == 1
    assert clock.now() == 15  # one frame, then fifteen failures, a second apart


async def test_engines_that_do_not_answer_are_left_out_of_the_scrape() -> None:
    async with engine_metrics("vllm:num_requests_running 1\n") as port, aiohttp.ClientSession() as session:
        endpoints = [Endpoint("a", "127.0.0.1", port), Endpoint("gone", "127.0.0.1", unused_port())]
        assert await scrape(session, endpoints) == {"a": EngineGauges(1, 0, None)}


def test_serving_needs_the_condition_and_all_pods() -> None:
    assert is_serving(Observed(SERVICE, (pod("a"), pod("b"))))
    assert not is_serving(Observed(SERVICE, ()))
    assert not is_serving(Observed(SERVICE, (pod("a"), pod("b", ready="False"))))
    assert not is_serving(Observed({"metadata": {}}, (pod("a"),)))


def test_what_is_wrong_is_described() -> None:
    waiting = pod("a", ready="False")
    waiting["status"]["containerStatuses"] = [
        {"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}}
    ]
    text = describe(Observed(SERVICE, (waiting,)))
    assert "Ready=True (Answering) 1 replica serves" in text
    assert "a Running CrashLoopBackOff: back-off 10s; Ready=False" in text
    assert "none: the operator wrote no status" in describe(Observed({}, ()))


async def test_polling_is_bounded() -> None:
    async def never() -> bool:
        return False

    with pytest.raises(TimeoutError):
        await poll(never, 0.01)


async def forever() -> None:
    await asyncio.Event().wait()


async def test_watchers_end_with_what_they_attend() -> None:
    async def main() -> str:
        return "done"

    assert await attend(main(), forever(), forever()) == "done"


async def test_a_watcher_that_fails_calls_the_rest_off() -> None:
    async def fail() -> None:
        raise OperatorError("it ended")

    with pytest.raises(OperatorError, match="it ended"):
        await attend(forever(), forever(), fail())


async def test_an_operator_that_ends_is_an_error_with_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_process, "_RUN", "import sys; print('no such cluster'); sys.exit(3)")
    settings = OperatorSettings(tmp_path / "kubeconfig", "http://127.0.0.1:9", f"127.0.0.1:{unused_port()}")
    async with run_operator(settings, tmp_path / "operator.log") as operator:
        with pytest.raises(OperatorError, match=r"ended with status 3(.|\n)*no such cluster"):
            await operator.watch()
        with pytest.raises(OperatorError, match="ended with status 3"):
            await operator.wait_ready(30)


def test_the_operator_gets_these_options_and_no_others(tmp_path: Path) -> None:
    settings = OperatorSettings(tmp_path, "http://127.7.0.1:9090", "127.7.0.1:8080")
    env = settings.environment({"PATH": "/bin", "RORQUAL_NAMESPACES": "production"})
    assert env["RORQUAL_PROMETHEUS_URL"] == "http://127.7.0.1:9090"
    assert "RORQUAL_NAMESPACES" not in env and env["PATH"] == "/bin"
