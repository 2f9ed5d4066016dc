"""Brings a service's child objects to what was decided: server-side apply, nothing written when nothing differs.

Two field managers share a Deployment: `rorqual` owns everything but spec.replicas, which is `rorqual-scaling`'s.
So in scaling.mode Off a person may set the number, and an apply of the rest never touches it.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rorqual_engine.api import LLMServiceSpec
from rorqual_engine.plan import Configuration
from rorqual_operator.act.render import Capabilities, Owner, render
from rorqual_operator.kube import BUDGETS, BY_KIND, DEPLOYMENTS, SERVICES, Kube, Object, Resource

log = logging.getLogger(__name__)

MANAGER = "rorqual"
SCALER = "rorqual-scaling"

WATCHED = (DEPLOYMENTS, SERVICES, BUDGETS)
"""Children that a reflector follows, so that their loss or change is seen."""

Lookup = Callable[[Resource, str, str], Object | None]
"""Finds a child that is known to exist, by resource, namespace and name."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What was last written for one service."""

    digest: str
    generations: Mapping[tuple[str, str], int | None]
    """metadata.generation by kind and name right after the write: a later one means that somebody changed the spec."""


class Children:
    """Writes child objects and remembers what was written, so that a round without change writes nothing."""

    def __init__(self, kube: Kube, capabilities: Capabilities, stored: Callable[[Resource, Object], None]) -> None:
        self._kube, self._capabilities, self._stored = kube, capabilities, stored
        self._applied: dict[str, Applied] = {}

    async def ensure(
        self, owner: Owner, spec: LLMServiceSpec, configuration: Configuration, replicas: int, lookup: Lookup
    ) -> bool:
        """Applies the children unless they are as they were written last. Returns whether anything was written."""
        manifests = render(owner, spec, configuration, self._capabilities)
        digest = hashlib.sha256(json.dumps(manifests, sort_keys=True).encode()).hexdigest()
        if self._unchanged(owner, digest, manifests, lookup):
            return False
        exists = lookup(DEPLOYMENTS, owner.namespace, owner.name) is not None
        generations: dict[tuple[str, str], int | None] = {}
        for manifest in manifests:
            resource = BY_KIND[manifest["apiVersion"], manifest["kind"]]
            if resource is DEPLOYMENTS and not exists:
                manifest = with_replicas(manifest, replicas)  # else the API server would start one pod by default
            written = await self._apply(resource, manifest, MANAGER)
            if resource is DEPLOYMENTS and not exists:
                written = await self._apply(resource, scale_patch(owner.namespace, owner.name, replicas), SCALER)
            generations[manifest["kind"], manifest["metadata"]["name"]] = written["metadata"].get("generation")
        self._applied[owner.uid] = Applied(digest, generations)
        return True

    async def scale(self, owner: Owner, replicas: int) -> None:
        """Writes the number of replicas, and nothing else."""
        written = await self._apply(DEPLOYMENTS, scale_patch(owner.namespace, owner.name, replicas), SCALER)
        known, key = self._applied.get(owner.uid), ("Deployment", owner.name)
        before, after = known.generations.get(key) if known else None, written["metadata"].get("generation")
        if known and before is not None and after <= before + 1:  # else somebody changed the spec in between
            self._applied[owner.uid] = Applied(known.digest, {**known.generations, key: after})

    def forget(self, alive: set[str]) -> None:
        """Drops what is remembered of services whose uid is not alive."""
        self._applied = {uid: applied for uid, applied in self._applied.items() if uid in alive}

    async def _apply(self, resource: Resource, manifest: Object, manager: str) -> Object:
        written = await self._kube.apply(resource, manifest, manager)
        self._stored(resource, written)
        return written

    def _unchanged(self, owner: Owner, digest: str, manifests: list[Object], lookup: Lookup) -> bool:
        known = self._applied.get(owner.uid)
        if known is None or known.digest != digest:
            return False
        return all(self._as_written(known, manifest, lookup) for manifest in manifests)

    @staticmethod
    def _as_written(known: Applied, manifest: Object, lookup: Lookup) -> bool:
        resource, metadata = BY_KIND[manifest["apiVersion"], manifest["kind"]], manifest["metadata"]
        if resource not in WATCHED:
            return True
        live = lookup(resource, metadata["namespace"], metadata["name"])
        if live is None:
            return False
        return bool(live["metadata"].get("generation") == known.generations.get((manifest["kind"], metadata["name"])))


def scale_patch(namespace: str, name: str, replicas: int) -> Object:
    """The Deployment as the scaler sees it."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"replicas": replicas},
    }


def with_replicas(manifest: Mapping[str, Any], replicas: int) -> Object:
    return {**manifest, "spec": {**manifest["spec"], "replicas": replicas}}
