"""One moment of the cluster as a Snapshot, and which changes bring the next round forward."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rorqual_engine.api import LLMServiceSpec
from rorqual_engine.plan import Memory
from rorqual_engine.snapshot import GPU, Service, ServiceKey, Unusual
from rorqual_operator import kube as k8s
from rorqual_operator.kube import Object, Resource
from rorqual_operator.observe.hub import HubConfigs
from rorqual_operator.observe.readings import Readings
from rorqual_operator.observe.world import Observation, World

from ..builders import CONFIGURATION, KEY, NOW, deployment_item, metrics, node_item, pod_item, service_item
from ..builders import GPU as PRODUCT
from ..fake_kube import OUTAGE, FakeKube
from ..virtual_time import in_virtual_time
from .metrics.samples import sample

OPTIONAL = (k8s.AUTOSCALERS, k8s.SCALED_OBJECTS)


class Woken:
    """Counts how often the next round was brought forward."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


@asynccontextmanager
async def watching(
    kube: FakeKube, namespaces: Iterable[str] = (), wake: Callable[[], None] = lambda: None
) -> AsyncIterator[World]:
    """A World that has listed everything once."""
    world = World(kube, namespaces, OPTIONAL, wake)  # type: ignore[arg-type]
    task = asyncio.create_task(world.run())
    await world.synced()
    await asyncio.sleep(1)
    try:
        yield world
    finally:
        task.cancel()


def readings() -> Readings:
    return Readings((), 60, 45)


def observe(world: World, **memories: Memory) -> Observation:
    return world.observe(readings(), {ServiceKey("llm", name): memory for name, memory in memories.items()}, NOW)


async def the_service(*items: tuple[Resource, Object]) -> Service:
    """llm/chat as observed among these objects."""
    kube = FakeKube()
    for resource, item in items:
        kube.add(resource, item)
    async with watching(kube) as world:
        (found,) = observe(world).snapshot.services
        return found


@in_virtual_time
async def test_service_with_all_that_belongs_to_it() -> None:
    found = await the_service(
        (k8s.LLMSERVICES, service_item()),
        (k8s.DEPLOYMENTS, deployment_item(2)),
        (k8s.PODS, pod_item("chat-b")),
        (k8s.PODS, pod_item("chat-a")),
        (k8s.PODS, pod_item("other-0", service="other")),
        (k8s.PODS, pod_item("stranger", service=None)),
    )
    assert (found.key, found.uid, found.generation, found.created_at) == (KEY, "uid-chat", 1, NOW - 3600)
    assert found.workload and (found.workload.replicas, found.workload.configuration) == (2, CONFIGURATION)
    assert [pod.name for pod in found.pods] == ["chat-a", "chat-b"]


@in_virtual_time
async def test_new_service_has_nothing_yet() -> None:
    found = await the_service((k8s.LLMSERVICES, service_item()))
    assert (found.workload, found.pods, found.memory) == (None, (), Memory())


@in_virtual_time
async def test_finished_pods_do_not_belong() -> None:
    found = await the_service((k8s.LLMSERVICES, service_item()), (k8s.PODS, pod_item(phase="Failed")))
    assert found.pods == ()


@in_virtual_time
async def test_nodes_count_the_pods_of_everybody() -> None:
    kube = FakeKube()
    kube.add(k8s.NODES, node_item())
    kube.add(k8s.PODS, pod_item("stranger", service=None))
    async with watching(kube) as world:
        (node,) = observe(world).snapshot.nodes
    assert (node.gpus, node.gpus_used) == (8, 1)


@in_virtual_time
async def test_what_a_pods_gpus_and_node_say() -> None:
    kube, read = FakeKube(), readings()
    kube.add(k8s.LLMSERVICES, service_item())
    kube.add(k8s.PODS, pod_item("a"))
    kube.add(k8s.NODES, node_item(ready="False"))
    read.gpus = {("llm", "a"): (GPU("0", xid=79),)}
    async with watching(kube) as world:
        (found,) = world.observe(read, {}, NOW).snapshot.services
    (pod,) = found.pods
    assert (pod.gpus, pod.gpu_product, pod.node_problem) == ((GPU("0", xid=79),), PRODUCT, "NotReady")


@in_virtual_time
async def test_metrics_and_silence_of_pods() -> None:
    kube, read = FakeKube(), readings()
    kube.add(k8s.LLMSERVICES, service_item())
    kube.add(k8s.PODS, pod_item("a"))
    kube.add(k8s.PODS, pod_item("b"))
    read.window.take({("llm", "a"): sample(NOW, gauges={"running": 4.0, "waiting": 0.0})}, [("llm", "a")])
    read.unanswered_since = {("llm", "b"): NOW - 30}
    read.problem = "no engine answers"
    async with watching(kube) as world:
        (found,) = world.observe(read, {}, NOW).snapshot.services
    assert [pod.metrics for pod in found.pods] == [metrics(), None]
    assert [pod.unanswered_since for pod in found.pods] == [None, NOW - 30]
    assert found.metrics_problem == "no engine answers"


@in_virtual_time
async def test_memory_is_handed_on() -> None:
    kube, memory = FakeKube(), Memory(known_since=5.0)
    kube.add(k8s.LLMSERVICES, service_item())
    async with watching(kube) as world:
        assert observe(world, chat=memory).snapshot.services[0].memory is memory


@in_virtual_time
async def test_spec_that_cannot_be_read_is_told_with_its_path_and_harms_no_other() -> None:
    kube = FakeKube()
    kube.add(k8s.LLMSERVICES, service_item("bad", scaling={"maxReplicas": 0}))
    kube.add(k8s.LLMSERVICES, service_item("good"))
    async with watching(kube) as world:
        found = observe(world)
    assert [one.key.name for one in found.snapshot.services] == ["good"]
    assert list(found.invalid) == [ServiceKey("llm", "bad")]
    assert "spec.scaling.maxReplicas: " in found.invalid[ServiceKey("llm", "bad")]
    assert set(found.objects) == {ServiceKey("llm", "bad"), ServiceKey("llm", "good")}


@in_virtual_time
async def test_service_that_is_being_deleted_is_left_alone() -> None:
    kube, item = FakeKube(), service_item()
    item["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    kube.add(k8s.LLMSERVICES, item)
    async with watching(kube) as world:
        assert observe(world).objects == {}


def scaler(kind: str, name: str, target: str, target_kind: str | None = "Deployment") -> Object:
    aim = {"name": target} if target_kind is None else {"name": target, "kind": target_kind}
    metadata = {"namespace": "llm", "name": name, "uid": name, "resourceVersion": "1"}
    return {"kind": kind, "metadata": metadata, "spec": {"scaleTargetRef": aim}}


@pytest.mark.parametrize(
    ("resource", "item", "told"),
    [
        (k8s.AUTOSCALERS, scaler("x", "hpa", "chat"), "HorizontalPodAutoscaler hpa"),
        (k8s.SCALED_OBJECTS, scaler("x", "keda", "chat", None), "ScaledObject keda"),
        (k8s.AUTOSCALERS, scaler("x", "hpa", "other"), None),
        (k8s.AUTOSCALERS, scaler("x", "hpa", "chat", "LLMService"), None),
    ],
)
def test_foreign_autoscaler(resource: Resource, item: Object, told: str | None) -> None:
    @in_virtual_time
    async def scenario() -> None:
        found = await the_service((k8s.LLMSERVICES, service_item()), (resource, item))
        assert found.foreign_autoscaler == told

    scenario()


def config_map(**content: Any) -> Object:
    return {"metadata": {"namespace": "llm", "name": "acme", "uid": "acme", "resourceVersion": "1"}, **content}


def asking(key: str = "config.json") -> Object:
    """llm/chat with its model's config.json in the ConfigMap acme."""
    return service_item(model={"name": "m", "configJsonFrom": {"configMapKeyRef": {"name": "acme", "key": key}}})


@in_virtual_time
async def test_config_json_comes_from_a_config_map_and_is_read_anew_when_it_changes() -> None:
    kube, woken = FakeKube(), Woken()
    kube.add(k8s.LLMSERVICES, asking())
    async with watching(kube, wake=woken) as world:
        for text in ("{}", '{"a": 1}'):
            before = woken.times
            kube.add(k8s.CONFIG_MAPS, config_map(data={"config.json": text}))
            await asyncio.sleep(1)
            assert woken.times > before
            assert observe(world).snapshot.services[0].config_text == text


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([], 'not found in the service\'s namespace with the label rorqual.io/model-config: "true"'),
        ([config_map()], "it has no key config.json; its keys are none"),
        ([config_map(data={"b": "", "a": ""})], "it has no key config.json; its keys are a, b"),
        ([config_map(binaryData={"config.json": "/w=="})], "key config.json is in binaryData; expected text in data"),
    ],
)
def test_config_json_that_is_not_there(items: list[Object], told: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        found = await the_service((k8s.LLMSERVICES, asking()), *((k8s.CONFIG_MAPS, item) for item in items))
        assert found.model_config is not None and found.config_text is None
        assert found.model_config.origin == "spec.model.configJsonFrom: ConfigMap acme"
        assert found.model_config.problem == told

    scenario()


@in_virtual_time
async def test_only_labelled_config_maps_are_asked_for() -> None:
    kube = FakeKube()
    async with watching(kube):
        assert kube.queries["configmaps"] == {"labelSelector": "rorqual.io/model-config=true"}


async def test_hub_is_asked_for_a_model_that_nobody_knows_and_wakes_the_next_round() -> None:
    kube, woken = FakeKube(), asyncio.Event()
    kube.add(k8s.LLMSERVICES, service_item())
    hub = HubConfigs(lambda model, *_: json.dumps({"of": model}), 5, lambda: 0.0, woken.set)
    world = World(kube, (), (), lambda: None, hub)  # type: ignore[arg-type]
    task = asyncio.create_task(world.run())
    await world.synced()
    (first,) = observe(world).snapshot.services
    assert first.model_config is not None and first.model_config.text is None
    await asyncio.wait_for(woken.wait(), 5)
    assert observe(world).snapshot.services[0].config_text == '{"of": "org/model"}'
    task.cancel()


@in_virtual_time
async def test_detectors_are_asked_with_the_label_and_told_of_the_end_of_a_round() -> None:
    class Detectors:
        def __init__(self) -> None:
            self.asked: list[tuple[ServiceKey, str]] = []
            self.forgot = 0

        def find(self, key: ServiceKey, spec: LLMServiceSpec, label: str) -> Unusual:
            self.asked.append((key, label))
            return Unusual(3.0, 2.0)

        def forget_unwanted(self) -> None:
            self.forgot += 1

        async def run(self) -> None:
            await asyncio.Event().wait()

    kube, detectors = FakeKube(), Detectors()
    item = service_item()
    item["metadata"].setdefault("annotations", {})["rorqual.io/label"] = "a/b=fault"
    kube.add(k8s.LLMSERVICES, item)
    world = World(kube, (), (), lambda: None, detectors=detectors)  # type: ignore[arg-type]
    task = asyncio.create_task(world.run())
    await world.synced()
    (found,) = observe(world).snapshot.services
    assert found.unusual == Unusual(3.0, 2.0)
    assert (detectors.asked, detectors.forgot) == ([(found.key, "a/b=fault")], 1)
    task.cancel()


@in_virtual_time
async def test_outage_is_a_problem_and_what_was_known_stays() -> None:
    kube = FakeKube()
    kube.add(k8s.LLMSERVICES, service_item())
    async with watching(kube) as world:
        assert observe(world).problems == ()
        kube.fail("*", "*", OUTAGE, times=1000)
        kube.break_watches(k8s.LLMSERVICES, OUTAGE)
        await asyncio.sleep(30)
        found = observe(world)
    assert [problem.split(":")[0] for problem in found.problems] == ["llmservices"]
    assert len(found.snapshot.services) == 1


async def woken_by(resource: Resource, *items: Object) -> int:
    kube, woken = FakeKube(), Woken()
    async with watching(kube, wake=woken):
        for item in items:
            kube.add(resource, item)
        await asyncio.sleep(1)
    return woken.times


@pytest.mark.parametrize(
    ("resource", "item", "wakes"),
    [
        (k8s.PODS, pod_item(), True),
        (k8s.PODS, pod_item(service=None), False),
        (k8s.DEPLOYMENTS, deployment_item(), True),
        (k8s.NODES, node_item(), False),
    ],
)
def test_what_brings_the_next_round_forward(resource: Resource, item: Object, wakes: bool) -> None:
    @in_virtual_time
    async def scenario() -> None:
        assert (await woken_by(resource, item) > 0) is wakes

    scenario()


async def told(*changes: dict[str, Any]) -> list[bool]:
    """What `take_service` says of the same service with these changes to its metadata, one after the other."""
    async with watching(FakeKube()) as world:
        answers = []
        for number, change in enumerate(changes):
            item = service_item()
            item["metadata"] |= {"resourceVersion": str(900 + number), **change}
            answers.append(world.take_service(item))
        return answers


@in_virtual_time
async def test_change_of_status_alone_is_no_news() -> None:
    assert await told({}, {}, {"generation": 2}, {"generation": 2}) == [True, False, True, False]


@in_virtual_time
async def test_annotation_and_new_object_are_news() -> None:
    paused = {"annotations": {"rorqual.io/paused": "true"}}
    assert await told({}, paused, paused, {"uid": "another"}) == [True, True, False, True]


@in_virtual_time
async def test_event_of_a_deleted_service_that_comes_late_does_not_bring_it_back() -> None:
    kube = FakeKube()
    item = kube.add(k8s.LLMSERVICES, service_item())
    async with watching(kube) as world:
        kube.remove(k8s.LLMSERVICES, "llm", "chat")
        await asyncio.sleep(1)
        world.take_service(item)
        assert observe(world).objects == {}


async def listed(namespaces: Sequence[str]) -> set[tuple[str, str]]:
    kube = FakeKube()
    async with watching(kube, namespaces):
        return {(plural, namespace) for verb, plural, namespace in kube.calls if verb == "list"}


@in_virtual_time
async def test_all_namespaces_are_one_list_a_kind() -> None:
    assert {namespace for _, namespace in await listed(())} == {""}


@in_virtual_time
async def test_named_namespaces_are_listed_one_by_one_and_nodes_once() -> None:
    found = await listed(("a", "b"))
    assert {namespace for plural, namespace in found if plural == "pods"} == {"a", "b"}
    assert {namespace for plural, namespace in found if plural == "nodes"} == {""}


@in_virtual_time
async def test_put_goes_to_the_namespaces_reflector() -> None:
    async with watching(FakeKube(), ("a", "llm")) as world:
        item = pod_item()
        item["metadata"]["resourceVersion"] = "900"
        world.put(k8s.PODS, item)
        assert world.get(k8s.PODS, ServiceKey("llm", "chat-0")) == item
        assert len(list(world.items(k8s.PODS))) == 1


@in_virtual_time
async def test_failure_of_one_reflector_is_the_failure_of_all() -> None:
    kube = FakeKube()
    kube.fail("list", "pods", KeyError("a bug"))
    with pytest.raises(ExceptionGroup):
        await World(kube, (), (), lambda: None).run()  # type: ignore[arg-type]
