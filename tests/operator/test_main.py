"""The wiring: standing by, leading, giving up, and what kopf is told."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from kubernetes.aio.client import Configuration

from rorqual_engine.snapshot import Snapshot
from rorqual_operator import kube as k8s
from rorqual_operator import main
from rorqual_operator.act.render import Capabilities
from rorqual_operator.kube import LEASES
from rorqual_operator.leader import LeadershipLost
from rorqual_operator.loop import Round
from rorqual_operator.main import Operator, _connection, _Listeners
from rorqual_operator.observe.world import Observation
from rorqual_operator.settings import Settings

from .builders import NOW
from .fake_kube import FakeKube

SETTINGS = Settings(http_address="127.0.0.1:0", identity="me", lease_namespace="ops", lease_renew_seconds=0.01)
LEASE = {
    "metadata": {"namespace": "ops", "name": "rorqual"},
    "spec": {"holderIdentity": "other", "leaseDurationSeconds": 3600, "renewTime": "2026-01-01T00:00:00.000000Z"},
}


def operator(kube: FakeKube, **options: Any) -> Operator:
    return Operator(SETTINGS.model_copy(update=options), kube)  # type: ignore[arg-type]


def holder(kube: FakeKube) -> str:
    found: str = kube.objects[LEASES, "ops", "rorqual"]["spec"]["holderIdentity"]
    return found


async def test_stand_by_is_alive_and_ready_and_touches_nothing() -> None:
    kube = FakeKube()
    kube.add(LEASES, LEASE)
    subject = operator(kube)
    task = asyncio.create_task(subject.run())
    while kube.names("get").count("leases/rorqual") < 3:  # noqa: ASYNC110 the fake tells nobody
        await asyncio.sleep(0)
    assert subject._health.live() == (True, "standing by")
    assert subject._health.ready() == (True, "standing by")
    assert {verb for verb, _, _ in kube.calls} == {"get"}
    task.cancel()


@pytest.mark.parametrize("error", [LeadershipLost("gone"), KeyError("a bug")])
async def test_lease_is_given_up_whatever_ends_leading(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    kube = FakeKube()
    subject = operator(kube)
    held: list[str] = []

    async def lead(*_: object) -> None:
        held.append(holder(kube))
        raise error

    monkeypatch.setattr(subject, "_lead", lead)
    with pytest.raises(type(error)):
        await subject.run()
    assert (held, holder(kube)) == (["me"], "")


async def test_optional_kinds_are_those_that_the_cluster_has() -> None:
    kube = FakeKube()
    kube.offered = {"autoscaling": {"horizontalpodautoscalers"}, "monitoring.coreos.com": {"podmonitors"}}
    optional, capabilities = await operator(kube)._discover()
    assert optional == [k8s.AUTOSCALERS]
    assert capabilities == Capabilities(pod_monitor=True, inference_pool=False)


@pytest.mark.parametrize(
    ("url", "names"), [(None, ["scrape"]), ("http://prometheus.invalid", ["prometheus", "scrape"])]
)
async def test_scraping_is_always_there_to_step_in(url: str | None, names: list[str]) -> None:
    async with AsyncExitStack() as stack:
        sources = await operator(FakeKube(), prometheus_url=url)._sources(stack)
        assert [source.name for source in sources] == names


def configured(**fields: Any) -> Any:
    configuration: Configuration = type.__call__(Configuration)
    for name, value in {"host": "https://10.0.0.1", **fields}.items():
        setattr(configuration, name, value)
    kube = FakeKube()
    kube.configuration = configuration  # type: ignore[attr-defined]
    return kube


async def test_kopf_uses_the_same_token() -> None:
    found = await _connection(configured(api_key={"BearerToken": "Bearer abc"}, ssl_ca_cert="/ca"))
    assert (found.server, found.scheme, found.token, found.ca_path) == ("https://10.0.0.1", "Bearer", "abc", "/ca")


async def test_kopf_uses_the_same_certificate() -> None:
    found = await _connection(configured(cert_file="/cert", key_file="/key", verify_ssl=False))
    assert (found.certificate_path, found.private_key_path, found.insecure) == ("/cert", "/key", True)
    assert (found.scheme, found.token) == (None, None)


def test_hub_is_asked_only_where_it_is_allowed() -> None:
    assert operator(FakeKube())._hub(lambda: None) is None
    assert operator(FakeKube(), fetch_from_hub=True)._hub(lambda: None) is not None


class Told:
    """Counts what telemetry is told."""

    def __init__(self) -> None:
        self.done = 0
        self.failed = 0

    def round_done(self, _: Round) -> None:
        self.done += 1

    def round_failed(self, _: Exception) -> None:
        self.failed += 1


def finished(*problems: str) -> Round:
    return Round(Observation(Snapshot((), ()), {}, {}, problems), {}, NOW, NOW, 0)


async def test_probes_and_telemetry_hear_of_every_round() -> None:
    subject, told = operator(FakeKube()), Told()
    health: Any = subject._health
    listeners = _Listeners(told, health, None)  # type: ignore[arg-type]
    listeners.round_done(finished("pods: no answer", "nodes: no answer"))
    assert health.ready() == (False, "pods: no answer; nodes: no answer")
    assert health.last_round_at is not None
    listeners.round_done(finished())
    assert health.ready()[0]
    before = health.last_round_at
    listeners.round_failed(KeyError("x"))
    assert (told.done, told.failed, health.last_round_at) == (2, 1, before)


async def test_stop_ends_the_operator_without_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopping(FakeKube):
        async def __aenter__(self) -> "Stopping":
            return self

        async def __aexit__(self, *_: object) -> None: ...

    async def connect(_: object) -> Stopping:
        return Stopping()

    async def stopped() -> None:
        raise main.Stop

    monkeypatch.setattr(k8s, "connect", connect)
    monkeypatch.setattr(main, "_stop_on_signal", stopped)
    await main.run(SETTINGS)
