"""An API server in memory, behind the methods of `rorqual_operator.kube.Kube` that the operator calls."""

import asyncio
import copy
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

from rorqual_operator.kube import Conflict, KubeError, NotFound, Object, Resource, Unreachable

Place = tuple[Resource, str, str]
OUTAGE = Unreachable(0, "no answer from the API server", "connection refused")


class FakeKube:
    """Keeps objects, resource versions and generations; tells watches; fails on demand. No schema, no ownership."""

    def __init__(self) -> None:
        self.objects: dict[Place, Object] = {}
        self.calls: list[tuple[str, str, str]] = []
        """Verb, plural, name (with /subresource) of every request."""
        self.applied: list[tuple[str, Object]] = []
        """Field manager and body of every apply that was carried out."""
        self.queries: dict[str, dict[str, str]] = {}
        """Of the last list of each resource."""
        self.offered: dict[str, set[str]] = {}
        self.writes: dict[tuple[str, str], int] = {}
        self.errors: dict[tuple[str, str], int] = {}
        self.version = 100
        self._failures: list[tuple[str, str, Exception]] = []
        self._delays: dict[str, float] = {}
        self._told: dict[Resource, list[tuple[str, Object]]] = defaultdict(list)
        self._watches: dict[Resource, list[asyncio.Queue[Any]]] = defaultdict(list)

    # what a test does to it

    def add(self, resource: Resource, item: Object) -> Object:
        """Creates or changes an object as somebody else would."""
        place = self._place(resource, item)
        kind = "MODIFIED" if place in self.objects else "ADDED"
        return copy.deepcopy(self._store(place, copy.deepcopy(item), kind))

    def remove(self, resource: Resource, namespace: str, name: str, told: bool = True) -> Object:
        """Deletes an object; gives it as the watch's event has it."""
        gone = self.objects.pop((resource, namespace, name))
        if told:
            self.version += 1
            gone["metadata"]["resourceVersion"] = str(self.version)
            self._tell(resource, "DELETED", gone)
        return gone

    def fail(self, verb: str, plural: str, error: Exception, times: int = 1) -> None:
        """The next `times` requests of that verb and resource fail; "*" stands for any."""
        self._failures += [(verb, plural, error)] * times

    def recover(self) -> None:
        self._failures.clear()
        self._delays.clear()

    def delay(self, verb: str, seconds: float) -> None:
        """Requests of that verb take so long from now on."""
        self._delays[verb] = seconds

    def break_watches(self, resource: Resource, error: Exception | None = None) -> None:
        """Ends them, as the server does after its time-out, or with an error."""
        for queue in self._watches[resource]:
            queue.put_nowait(error or StopAsyncIteration())

    def tell(self, resource: Resource, kind: str, item: Object) -> None:
        """Sends a watch event as it is, a bookmark for instance."""
        self._tell(resource, kind, item)

    def names(self, verb: str) -> list[str]:
        return [f"{plural}/{name}" for done, plural, name in self.calls if done == verb]

    # what the operator calls

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        await self._called("get", resource, name)
        return copy.deepcopy(self._known((resource, namespace or "", name)))

    async def list(self, resource: Resource, namespace: str | None = None, **query: str) -> Object:
        await self._called("list", resource, namespace or "")
        self.queries[resource.plural] = query
        items = [item for (kind, space, _), item in self.objects.items() if kind is resource]
        inside = [item for item in items if namespace in (None, item["metadata"].get("namespace"))]
        return {"items": copy.deepcopy(inside), "metadata": {"resourceVersion": str(self.version)}}

    async def resources(self, group: str, version: str) -> set[str]:
        await self._called("resources", Resource(group, version, "", ""), group)
        if group not in self.offered:
            raise NotFound(404, "NotFound", group)
        return self.offered[group]

    async def create(self, resource: Resource, namespace: str | None, body: Object) -> Object:
        await self._called("create", resource, body["metadata"]["name"])
        place = self._place(resource, body)
        if place in self.objects:
            raise Conflict(409, "AlreadyExists", str(place))
        return copy.deepcopy(self._store(place, copy.deepcopy(body), "ADDED"))

    async def replace(self, resource: Resource, namespace: str | None, name: str, body: Object) -> Object:
        await self._called("replace", resource, name)
        known = self._known(self._place(resource, body))
        if body["metadata"].get("resourceVersion") != known["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", f"{name} has been modified")
        return copy.deepcopy(self._store(self._place(resource, body), copy.deepcopy(body), "MODIFIED"))

    async def merge(self, resource: Resource, namespace: str, name: str, body: Object) -> Object:
        await self._called("merge", resource, name)
        if not name:
            raise KubeError(405, "MethodNotAllowed", "the server does not allow this method on the collection")
        place = (resource, namespace, name)
        return copy.deepcopy(self._store(place, _merged(self._known(place), body), "MODIFIED"))

    async def apply(self, resource: Resource, body: Object, manager: str, subresource: str | None = None) -> Object:
        name = body["metadata"]["name"]
        await self._called("apply", resource, f"{name}/{subresource}" if subresource else name)
        place = self._place(resource, body)
        known = self._known(place) if subresource else self.objects.get(place, {})
        self.applied.append((manager, copy.deepcopy(body)))
        return copy.deepcopy(self._store(place, _merged(known, body), "MODIFIED" if known else "ADDED"))

    async def watch(
        self, resource: Resource, namespace: str | None, resource_version: str, **query: str
    ) -> AsyncIterator[tuple[str, Object]]:
        await self._called("watch", resource, resource_version)
        queue: asyncio.Queue[Any] = asyncio.Queue()
        for event in self._told[resource]:
            if int(event[1]["metadata"]["resourceVersion"]) > int(resource_version):
                queue.put_nowait(event)
        self._watches[resource].append(queue)
        try:
            while not isinstance(event := await queue.get(), StopAsyncIteration):
                if isinstance(event, Exception):
                    raise event
                yield event[0], copy.deepcopy(event[1])
        finally:
            self._watches[resource].remove(queue)

    async def _called(self, verb: str, resource: Resource, name: str) -> None:
        self.calls.append((verb, resource.plural, name))
        await asyncio.sleep(self._delays.get(verb, 0.0))
        for number, (failing, plural, error) in enumerate(self._failures):
            if failing in ("*", verb) and plural in ("*", resource.plural):
                del self._failures[number]
                raise error

    def _known(self, place: Place) -> Object:
        if place not in self.objects:
            raise NotFound(404, "NotFound", f"{place[0].plural} {place[2]} not found")
        return self.objects[place]

    def _store(self, place: Place, item: Object, kind: str) -> Object:
        self.version += 1
        before, metadata = self.objects.get(place), item["metadata"]
        metadata.setdefault("uid", before["metadata"]["uid"] if before else f"uid-{self.version}")
        metadata["resourceVersion"] = str(self.version)
        generation = before["metadata"].get("generation", 0) if before else metadata.get("generation", 1) - 1
        changed = before is None or before.get("spec") != item.get("spec")
        metadata["generation"] = generation + (1 if changed else 0)
        self.objects[place] = item
        self._tell(place[0], kind, item)
        return item

    def _tell(self, resource: Resource, kind: str, item: Object) -> None:
        event = (kind, copy.deepcopy(item))
        self._told[resource].append(event)
        for queue in self._watches[resource]:
            queue.put_nowait(event)

    @staticmethod
    def _place(resource: Resource, item: Object) -> Place:
        return resource, item["metadata"].get("namespace", ""), item["metadata"]["name"]


def forbidden(message: str = "not allowed") -> KubeError:
    return KubeError(403, "Forbidden", message)


def _merged(known: Object, body: Object) -> Object:
    """JSON merge of `body` over `known`; nothing is ever taken away."""
    merged = copy.deepcopy(known)
    for key, value in body.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else copy.deepcopy(value)
    return merged
