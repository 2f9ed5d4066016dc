"""The order of a start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from rorqual_sandbox.components import ORDER
from rorqual_sandbox.errors import ComponentFailedError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.nodes import NodeSpec
from rorqual_sandbox.options import Options
from rorqual_sandbox.supervisor.startup import Startup

READY = {"spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}


class FakeRunner:
    """Notes what is started; the API server's start makes its certificate, `failing` does not get up."""

    def __init__(self, layout: Layout, failing: str = "") -> None:
        self.begun: list[str] = []
        self.finished: list[str] = []
        self._layout = layout
        self._failing = failing

    async def start(self, name: str) -> None:
        self.begun.append(name)
        await asyncio.sleep(0)
        if name == self._failing:
            raise ComponentFailedError(f"{name} did not get up")
        if name == "kube-apiserver":
            (self._layout.certificates / "apiserver.crt").write_text("pem")
        self.finished.append(name)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "s")
    layout.create()
    return layout


def startup(layout: Layout, runner: Any, api: Any, clock: Any) -> Startup:
    api.objects["/api/v1/nodes"] = {"items": [READY]}
    api.objects["/api/v1/namespaces/default/serviceaccounts/default"] = {}

    @asynccontextmanager
    async def connect() -> AsyncIterator[Any]:
        assert layout.kubeconfig.exists()
        yield api

    options = Options(nodes=(NodeSpec("cpu-0"),), scrape_interval_seconds=7)
    return Startup(layout, options, "https://127.7.0.1:6443", runner, connect, clock)


async def test_the_api_server_waits_for_etcd_and_the_rest_for_the_api_server(
    layout: Layout, api: Any, clock: Any
) -> None:
    runner = FakeRunner(layout)
    await startup(layout, runner, api, clock).run()
    assert runner.finished[:2] == ["etcd", "kube-apiserver"]
    assert sorted(runner.begun) == sorted(runner.finished) == sorted(ORDER)


async def test_the_rest_starts_side_by_side(layout: Layout, api: Any, clock: Any) -> None:
    runner = FakeRunner(layout)
    barrier = asyncio.Barrier(5)
    start = runner.start

    async def start_together(name: str) -> None:
        await start(name)
        if name not in ("etcd", "kube-apiserver"):
            await barrier.wait()  # passed only when all five have begun

    runner.start = start_together  # type: ignore[method-assign]
    async with asyncio.timeout(20):
        await startup(layout, runner, api, clock).run()


async def test_what_the_components_read_is_written(layout: Layout, api: Any, clock: Any) -> None:
    await startup(layout, FakeRunner(layout), api, clock).run()
    kubeconfig = yaml.safe_load(layout.kubeconfig.read_text())
    assert kubeconfig["clusters"][0]["cluster"]["server"] == "https://127.7.0.1:6443"
    assert (layout.certificates / "sa.pub").exists() and (layout.certificates / "tokens.csv").exists()
    assert yaml.safe_load(layout.prometheus_config.read_text())["global"]["scrape_interval"] == "7000ms"


@pytest.mark.parametrize(("failing", "begun"), [("etcd", ["etcd"]), ("kube-apiserver", ["etcd", "kube-apiserver"])])
async def test_nothing_starts_on_what_is_missing(
    layout: Layout, api: Any, clock: Any, failing: str, begun: list[str]
) -> None:
    runner = FakeRunner(layout, failing)
    with pytest.raises(ComponentFailedError, match=f"{failing} did not get up"):
        await startup(layout, runner, api, clock).run()
    assert runner.begun == begun


@pytest.mark.parametrize("failing", ["kwok", "prometheus", "agent"])
async def test_one_of_the_rest_fails_the_start_with_its_own_error(
    layout: Layout, api: Any, clock: Any, failing: str
) -> None:
    with pytest.raises(ComponentFailedError, match=f"^{failing} did not get up$"):
        await startup(layout, FakeRunner(layout, failing), api, clock).run()
