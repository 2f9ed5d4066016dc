"""Child objects are written when something differs, and only then."""

from collections.abc import Callable
from typing import Any

import pytest

from rorqual_operator.act.children import MANAGER, SCALER, Children
from rorqual_operator.act.render import Capabilities
from rorqual_operator.kube import (
    BUDGETS,
    DEPLOYMENTS,
    INFERENCE_POOLS,
    POD_MONITORS,
    SERVICES,
    KubeError,
    Object,
    Resource,
)

from ..builders import CONFIGURATION, Configuration, spec
from ..fake_kube import FakeKube, forbidden
from .render.builders import OWNER

CHAT = ("llm", "chat")


class Bench:
    """Children of llm/chat on a fake API server; its objects are what the operator sees."""

    def __init__(self, **capabilities: bool) -> None:
        self.kube = FakeKube()
        self.stored: list[Object] = []
        store: Callable[[Resource, Object], None] = lambda _, item: self.stored.append(item)  # noqa: E731
        self.children = Children(self.kube, Capabilities(**capabilities), store)  # type: ignore[arg-type]

    async def ensure(self, replicas: int = 2, configuration: Configuration = CONFIGURATION, **fields: Any) -> bool:
        return await self.children.ensure(OWNER, spec(**fields), configuration, replicas, self.lookup)

    def lookup(self, resource: Resource, namespace: str, name: str) -> Object | None:
        return self.kube.objects.get((resource, namespace, name))

    @property
    def deployment(self) -> Object:
        return self.kube.objects[DEPLOYMENTS, *CHAT]

    def applied(self) -> list[tuple[str, str]]:
        """Field manager and kind of what was applied since the last time it was asked for."""
        found = [(manager, body["kind"]) for manager, body in self.kube.applied]
        self.kube.applied.clear()
        return found


async def created(**capabilities: bool) -> Bench:
    bench = Bench(**capabilities)
    await bench.ensure()
    bench.applied()
    return bench


async def test_creation_carries_replicas_and_hands_them_to_the_scaler() -> None:
    bench = Bench()
    assert await bench.ensure(replicas=3)
    first = bench.kube.applied[0][1]
    assert (first["kind"], first["spec"]["replicas"]) == ("Deployment", 3)
    assert bench.applied() == [
        (MANAGER, "Deployment"),
        (SCALER, "Deployment"),
        (MANAGER, "Service"),
        (MANAGER, "PodDisruptionBudget"),
    ]
    assert set(bench.kube.objects) == {(resource, *CHAT) for resource in (DEPLOYMENTS, SERVICES, BUDGETS)}


async def test_every_answer_is_stored() -> None:
    bench = Bench()
    await bench.ensure()
    assert [item["kind"] for item in bench.stored] == ["Deployment", "Deployment", "Service", "PodDisruptionBudget"]


async def test_optional_kinds_where_the_cluster_has_them() -> None:
    bench = await created(pod_monitor=True, inference_pool=True)
    assert (POD_MONITORS, *CHAT) in bench.kube.objects
    assert (INFERENCE_POOLS, *CHAT) in bench.kube.objects
    assert not await bench.ensure()  # nobody watches them, and their absence from the copy says nothing


async def test_nothing_is_written_twice() -> None:
    bench = await created()
    assert not await bench.ensure()
    assert bench.applied() == []


@pytest.mark.parametrize(
    "change", [{"configuration": Configuration(CONFIGURATION.gpu, 1, 64)}, {"engine": {"extraArgs": ["--seed=1"]}}]
)
async def test_change_is_applied_without_touching_replicas(change: dict[str, Any]) -> None:
    bench = await created()
    assert await bench.ensure(replicas=9, **change)
    assert all("replicas" not in body["spec"] for _, body in bench.kube.applied)
    assert {manager for manager, _ in bench.applied()} == {MANAGER}
    assert bench.deployment["spec"]["replicas"] == 2


async def test_wanted_replicas_alone_change_nothing() -> None:
    bench = await created()
    assert not await bench.ensure(replicas=9)


@pytest.mark.parametrize("resource", [DEPLOYMENTS, SERVICES, BUDGETS])
async def test_missing_child_is_applied_again(resource: Resource) -> None:
    bench = await created()
    bench.kube.remove(resource, *CHAT)
    assert await bench.ensure()
    assert (resource, *CHAT) in bench.kube.objects
    assert not await bench.ensure()


async def test_deployment_made_anew_has_its_replicas_again() -> None:
    bench = await created()
    bench.kube.remove(DEPLOYMENTS, *CHAT)
    await bench.ensure(replicas=5)
    assert bench.deployment["spec"]["replicas"] == 5


async def test_foreign_change_is_put_right_once() -> None:
    bench = await created()
    image = bench.deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    foreign = {**bench.deployment, "spec": {"template": {"spec": {"containers": [{"image": "mine"}]}}}}
    bench.kube.add(DEPLOYMENTS, foreign)
    assert await bench.ensure()
    assert bench.deployment["spec"]["template"]["spec"]["containers"][0]["image"] == image
    assert not await bench.ensure()


async def test_foreign_change_that_apply_does_not_undo_is_let_be() -> None:
    bench = await created()
    bench.kube.add(DEPLOYMENTS, {**bench.deployment, "spec": {**bench.deployment["spec"], "paused": True}})
    assert await bench.ensure()
    assert not await bench.ensure()


async def test_scale_writes_replicas_alone_under_its_own_manager() -> None:
    bench = await created()
    await bench.children.scale(OWNER, 4)
    ((manager, body),) = bench.kube.applied
    assert (manager, body["spec"]) == (SCALER, {"replicas": 4})
    assert bench.deployment["spec"]["replicas"] == 4


async def test_own_scale_step_is_no_foreign_change() -> None:
    bench = await created()
    await bench.children.scale(OWNER, 4)
    assert not await bench.ensure()


async def test_scale_step_does_not_hide_a_foreign_change() -> None:
    bench = await created()
    bench.kube.add(DEPLOYMENTS, {**bench.deployment, "spec": {"replicas": 2, "template": {}}})
    await bench.children.scale(OWNER, 4)
    assert await bench.ensure()


async def test_after_a_restart_everything_is_applied_once() -> None:
    bench = await created()
    await bench.children.scale(OWNER, 4)
    bench.applied()
    bench.children = Children(bench.kube, Capabilities(), lambda *_: None)  # type: ignore[arg-type]
    assert await bench.ensure(replicas=1)
    assert (SCALER, "Deployment") not in bench.applied()
    assert bench.deployment["spec"]["replicas"] == 4
    assert not await bench.ensure()


async def test_what_failed_halfway_is_applied_again_whole() -> None:
    bench = Bench()
    bench.kube.fail("apply", "services", forbidden())
    with pytest.raises(KubeError):
        await bench.ensure()
    assert await bench.ensure()
    assert (SERVICES, *CHAT) in bench.kube.objects


async def test_forgotten_service_is_applied_anew() -> None:
    bench = await created()
    bench.children.forget({OWNER.uid})
    assert not await bench.ensure()
    bench.children.forget(set())
    assert await bench.ensure()
