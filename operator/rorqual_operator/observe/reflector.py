"""A copy of a collection, kept by list and watch.

An own one rather than kopf's index, which keeps objects that vanished while a watch was broken: here every
list replaces the store.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from rorqual_operator.kube import Gone, Kube, KubeError, NotFound, Object, Resource

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.1
"""Between two watches, so that a server that ends them at once is not asked without end."""
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

Key = tuple[str, str]
"""Namespace (empty for cluster-wide objects) and name."""


def key_of(item: Mapping[str, Any]) -> Key:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def lean(item: Object) -> Object:
    """Without managedFields, which are half of an object and never looked at."""
    item["metadata"].pop("managedFields", None)
    return item


class Reflector:
    """Objects of one resource, in one namespace or all, that match a label selector.

    `run` never returns; it survives every failure of the API server and tells through `problem` while one lasts.
    """

    def __init__(
        self,
        kube: Kube,
        resource: Resource,
        namespace: str | None = None,
        selector: str | None = None,
        on_change: Callable[[Object], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.resource, self.namespace = resource, namespace
        self.synced = asyncio.Event()
        self.problem: str | None = None
        """Why the copy may be old, in words; None while the watch works."""
        self._kube, self.on_change, self._sleep = kube, on_change, sleep
        self._query = {"labelSelector": selector} if selector else {}
        self._store: dict[Key, Object] = {}
        self._told_version = 0
        self._failures = 0

    def __iter__(self) -> Iterator[Object]:
        return iter(list(self._store.values()))

    def __len__(self) -> int:
        return len(self._store)

    def get(self, namespace: str, name: str) -> Object | None:
        return self._store.get((namespace, name))

    def put(self, item: Object) -> None:
        """Takes in what a write of ours returned, so that the next round sees it before the watch tells.

        An unknown object of a version that the watch has passed was deleted meanwhile, and stays so.
        """
        passed = key_of(item) not in self._store and int(item["metadata"]["resourceVersion"]) <= self._told_version
        if not passed and self._newer(item):
            self._store[key_of(item)] = lean(item)

    async def run(self) -> None:
        while True:
            try:
                await self._follow(await self._relist())
            except Gone:
                log.info("listing %s again: the watch's resource version is too old", self.resource.plural)
                await self._sleep(PAUSE_SECONDS)
            except KubeError as error:
                await self._back_off(error)

    async def _relist(self) -> str:
        listed = await self._kube.list(self.resource, self.namespace, **self._query)
        fresh = {key_of(item): lean(item) for item in listed["items"]}
        gone = [item for key, item in self._store.items() if key not in fresh]
        changed = [item for key, item in fresh.items() if self._version(key) != item["metadata"]["resourceVersion"]]
        self._store = fresh
        self._recovered(str(listed["metadata"]["resourceVersion"]))
        for item in gone + changed:
            self.on_change(item)
        return str(listed["metadata"]["resourceVersion"])

    def _version(self, key: Key) -> str | None:
        known = self._store.get(key)
        return known["metadata"]["resourceVersion"] if known else None

    async def _follow(self, version: str) -> None:
        """Watches from there on, again and again, until the version is gone or an error comes."""
        while True:
            async for kind, item in self._kube.watch(self.resource, self.namespace, version, **self._query):
                version = item["metadata"]["resourceVersion"]
                self._recovered(version)
                if kind != "BOOKMARK":
                    self._take(kind, lean(item))
            await self._sleep(PAUSE_SECONDS)

    def _take(self, kind: str, item: Object) -> None:
        if kind == "DELETED":
            self._store.pop(key_of(item), None)
        elif self._newer(item):
            self._store[key_of(item)] = item
        self.on_change(item)

    def _newer(self, item: Object) -> bool:
        """Whether an object is not older than the stored one: writes of ours and the watch tell in any order.

        Resource versions of one object grow as numbers (KEP-5504; etcd's revisions have always been such).
        """
        known = self._store.get(key_of(item))
        if known is None or known["metadata"]["uid"] != item["metadata"]["uid"]:
            return True
        return int(item["metadata"]["resourceVersion"]) >= int(known["metadata"]["resourceVersion"])

    def _recovered(self, version: str) -> None:
        """Everything up to that version is known."""
        self._told_version = int(version)
        self._failures, self.problem = 0, None
        self.synced.set()

    async def _back_off(self, error: KubeError) -> None:
        self.problem = f"{self.resource.plural}: {error}"
        delay = BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS) - 1)]
        self._failures += 1
        hint = "; is its CRD installed?" if isinstance(error, NotFound) else ""
        log.warning("cannot watch %s, again in %.1f s: %s%s", self.resource.plural, delay, error, hint)
        await self._sleep(delay)
