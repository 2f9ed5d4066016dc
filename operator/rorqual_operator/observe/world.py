"""The reflectors of everything that decisions look at, and one moment of it as a Snapshot."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from pydantic import ValidationError

from rorqual_engine.api import LLMServiceSpec
from rorqual_engine.plan import Memory
from rorqual_engine.snapshot import ModelConfig, Pod, Service, ServiceKey, Snapshot, Unusual
from rorqual_operator import kube
from rorqual_operator.kube import Kube, Object, Resource
from rorqual_operator.observe import cluster, model_config
from rorqual_operator.observe.hub import HubConfigs
from rorqual_operator.observe.readings import Readings
from rorqual_operator.observe.reflector import Reflector
from rorqual_operator.times import seconds

log = logging.getLogger(__name__)

OURS = "app.kubernetes.io/managed-by=rorqual"
CHILDREN = (kube.DEPLOYMENTS, kube.SERVICES, kube.BUDGETS)


@dataclass(frozen=True, slots=True)
class Observation:
    """A Snapshot, and what the API server said that it was made from."""

    snapshot: Snapshot
    objects: Mapping[ServiceKey, Object]
    """Every LLMService as it is stored."""
    invalid: Mapping[ServiceKey, str] = field(default_factory=dict)
    """LLMServices whose spec cannot be read, with the reason in words."""
    problems: tuple[str, ...] = ()
    """Reflectors that cannot be sure to be up to date."""


class Detectors(Protocol):
    """Who looks at services' metrics beside the tick."""

    def find(self, key: ServiceKey, spec: LLMServiceSpec, label: str) -> Unusual:
        """The last word on a service; `label` is its annotation. Never waits."""
        ...

    def forget_unwanted(self) -> None:
        """Drops what was not looked for since the last call."""
        ...

    async def run(self) -> None:
        """Until cancelled."""
        ...


class World:
    """All reflectors. `run` keeps them going; `observe` reads them."""

    def __init__(
        self,
        api: Kube,
        namespaces: Iterable[str],
        optional: Iterable[Resource],
        wake: Callable[[], None],
        hub: HubConfigs | None = None,
        detectors: Detectors | None = None,
    ) -> None:
        self._hub, self._detectors = hub, detectors
        self._specs: dict[str, tuple[int, LLMServiceSpec]] = {}
        self._seen: set[str] = set()
        self._all: list[Reflector] = []
        self._by_resource: dict[Resource, list[Reflector]] = defaultdict(list)
        spaces: list[str | None] = list(namespaces) or [None]
        self.scope = ", ".join(space or "all namespaces" for space in spaces)
        for resource in (kube.LLMSERVICES, kube.PODS, *optional):
            self._add(api, resource, spaces, None, None)
        for resource in CHILDREN:
            self._add(api, resource, spaces, OURS, wake)
        self._add(api, kube.CONFIG_MAPS, spaces, model_config.SELECTOR, wake)
        self._add(api, kube.NODES, [None], None, None)
        self._wake_on_engine_pods(wake)

    def _add(
        self,
        api: Kube,
        resource: Resource,
        namespaces: Iterable[str | None],
        selector: str | None,
        wake: Callable[[], None] | None,
    ) -> None:
        for namespace in namespaces:
            reflector = Reflector(api, resource, namespace, selector, (lambda _: wake()) if wake else lambda _: None)
            self._all.append(reflector)
            self._by_resource[resource].append(reflector)

    def _wake_on_engine_pods(self, wake: Callable[[], None]) -> None:
        def changed(pod: Object) -> None:
            if cluster.owner_key(pod):
                wake()

        for reflector in self._by_resource[kube.PODS]:
            reflector.on_change = changed

    async def run(self) -> None:
        """Runs every reflector until cancelled; the failure of one is the failure of all."""
        async with asyncio.TaskGroup() as group:
            for reflector in self._all:
                group.create_task(reflector.run(), name=f"reflector {reflector.resource.plural}")
            if self._hub:
                group.create_task(self._hub.run(), name="hub")
            if self._detectors:
                group.create_task(self._detectors.run(), name="detectors")

    async def synced(self) -> None:
        """Returns when every collection has been listed once."""
        for reflector in self._all:
            await reflector.synced.wait()

    def items(self, resource: Resource) -> Iterator[Object]:
        for reflector in self._by_resource[resource]:
            yield from reflector

    def get(self, resource: Resource, key: ServiceKey) -> Object | None:
        found = (reflector.get(key.namespace, key.name) for reflector in self._by_resource[resource])
        return next((item for item in found if item is not None), None)

    def put(self, resource: Resource, item: Object) -> None:
        """Takes in the answer to a write of ours."""
        for reflector in self._by_resource[resource]:
            if reflector.namespace in (None, item["metadata"].get("namespace")):
                reflector.put(item)

    def take_service(self, item: Object) -> bool:
        """Takes in what kopf's watch tells of an LLMService. Returns whether anything but its status changed."""
        known = self.get(kube.LLMSERVICES, cluster.service_key(item))
        if item.get("metadata", {}).get("deletionTimestamp") is None:
            self.put(kube.LLMSERVICES, item)
        return known is None or _wish(known) != _wish(item)

    def engine_pods(self) -> dict[ServiceKey, list[Object]]:
        found: dict[ServiceKey, list[Object]] = defaultdict(list)
        for pod in self.items(kube.PODS):
            key = cluster.owner_key(pod)
            if key and pod.get("status", {}).get("phase") not in cluster.FINISHED:
                found[key].append(pod)
        return found

    def observe(self, readings: Readings, memories: Mapping[ServiceKey, Memory], now: float) -> Observation:
        """One moment of the cluster with the last readings of the engines."""
        pods, objects, invalid, services = self.engine_pods(), {}, {}, []
        seen = _Seen(readings, cluster.to_hosts(self.items(kube.NODES)))
        self._seen = set()
        for item in self.items(kube.LLMSERVICES):
            if "deletionTimestamp" in item["metadata"]:
                continue
            key = cluster.service_key(item)
            objects[key] = item
            try:
                spec = self._spec(item)
            except ValidationError as error:
                invalid[key] = describe(error)
                continue
            services.append(self._service(key, item, spec, pods.get(key, []), seen, memories.get(key, Memory()), now))
        self._specs = {uid: known for uid, known in self._specs.items() if uid in self._seen}
        if self._hub:
            self._hub.forget_unwanted()
        if self._detectors:
            self._detectors.forget_unwanted()
        nodes = cluster.to_nodes(self.items(kube.NODES), self.items(kube.PODS))
        problems = tuple(reflector.problem for reflector in self._all if reflector.problem)
        return Observation(Snapshot(tuple(services), nodes), objects, invalid, problems)

    def _spec(self, item: Object) -> LLMServiceSpec:
        """Read once for each generation. Raises ValidationError."""
        uid, generation = item["metadata"]["uid"], item["metadata"]["generation"]
        self._seen.add(uid)
        known = self._specs.get(uid)
        if known is None or known[0] != generation:
            known = self._specs[uid] = (generation, LLMServiceSpec.model_validate(item["spec"]))
        return known[1]

    def _service(
        self,
        key: ServiceKey,
        item: Object,
        spec: LLMServiceSpec,
        pods: list[Object],
        seen: "_Seen",
        memory: Memory | None,
        now: float,
    ) -> Service:
        deployment, readings = self.get(kube.DEPLOYMENTS, key), seen.readings
        views = tuple(seen.whole(key, cluster.to_pod(pod)) for pod in pods)
        serving = [(key.namespace, pod.name) for pod in views if pod.serving]
        return Service(
            key=key,
            uid=item["metadata"]["uid"],
            generation=item["metadata"]["generation"],
            created_at=seconds(item["metadata"]["creationTimestamp"]),
            spec=spec,
            paused=cluster.paused(item),
            workload=cluster.to_workload(deployment) if deployment else None,
            pods=tuple(sorted(views, key=lambda pod: pod.name)),
            service_ttft=readings.window.latency(serving, "ttft"),
            service_tpot=readings.window.latency(serving, "tpot"),
            growth=readings.steps.growth([(key.namespace, pod.name) for pod in views], now),
            foreign_autoscaler=self._foreign_autoscaler(key),
            metrics_problem=readings.problem,
            model_config=self._model_config(key, spec),
            trial=cluster.to_trial(item),
            unusual=self._detectors.find(key, spec, cluster.label(item)) if self._detectors else Unusual(),
            past=readings.pasts.get(key) if memory is None else None,
            memory=memory or Memory(),
        )

    def _model_config(self, key: ServiceKey, spec: LLMServiceSpec) -> ModelConfig | None:
        """The config.json that the spec has from elsewhere, or the hub's where the operator may ask it."""
        source = spec.model.config_json_from
        if source is None:
            return self._hub.find(spec) if self._hub else None
        wanted = source.config_map_key_ref
        item = self.get(kube.CONFIG_MAPS, ServiceKey(key.namespace, wanted.name))
        return model_config.from_config_map(item, wanted)

    def _foreign_autoscaler(self, key: ServiceKey) -> str | None:
        """An HPA or ScaledObject that aims at the Deployment that Rorqual scales."""
        for resource in (kube.AUTOSCALERS, kube.SCALED_OBJECTS):
            for item in self.items(resource):
                aim = item["spec"].get("scaleTargetRef", {})
                same = item["metadata"]["namespace"] == key.namespace and aim.get("name") == key.name
                if same and aim.get("kind", "Deployment") == "Deployment":
                    return f"{resource.kind} {item['metadata']['name']}"
        return None


def _wish(item: Object) -> tuple[object, ...]:
    """What a user can change of an LLMService."""
    metadata = item["metadata"]
    return metadata["uid"], metadata.get("generation"), metadata.get("annotations"), metadata.get("deletionTimestamp")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is known of pods beside their own objects."""

    readings: Readings
    hosts: Mapping[str, cluster.Host]

    def whole(self, key: ServiceKey, pod: Pod) -> Pod:
        """A pod with it."""
        name, readings = (key.namespace, pod.name), self.readings
        host = self.hosts.get(pod.node) if pod.node is not None else None
        return replace(
            pod,
            metrics=readings.window.metrics(name),
            unanswered_since=readings.unanswered_since.get(name),
            gpus=readings.gpus.get(name, ()),
            gpu_product=host.gpu_product if host else None,
            node_problem=host.problem if host else None,
        )


def describe(error: ValidationError) -> str:
    """A validation error as one line with the fields' paths."""
    return "; ".join(
        f"spec.{'.'.join(str(part) for part in problem['loc'])}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors()
    )
