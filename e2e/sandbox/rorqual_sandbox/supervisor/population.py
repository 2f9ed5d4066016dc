"""What a fresh API server is filled with, and when that is ready for pods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rorqual_sandbox.admission import mark_engine_pods
from rorqual_sandbox.api import ApiError, Object
from rorqual_sandbox.clock import Clock, poll
from rorqual_sandbox.errors import ComponentFailedError
from rorqual_sandbox.nodes import NodeSpec, node_manifest

_READY_SECONDS = 30
_NODES = "/api/v1/nodes"
_SERVICE_ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"


class Server(Protocol):
    """Reads and creates objects; the API client does."""

    async def get(self, path: str) -> Object:
        """One object or a list. Raises ApiError."""

    async def create(self, path: str, body: Object) -> Object:
        """POST to the collection at `path`. Raises ApiError."""


@dataclass(frozen=True)
class Population:
    """The objects of a fresh sandbox."""

    server: Server
    clock: Clock

    async def create(self, nodes: Sequence[NodeSpec]) -> None:
        """The admission policy and the nodes; returns when pods can run. Raises ComponentFailedError."""
        for collection, manifest in mark_engine_pods():
            await self.server.create(collection, manifest)
        for node in nodes:
            await self.server.create(_NODES, node_manifest(node))
        await self._wait(lambda: self._are_ready(len(nodes)), "the nodes were not ready", "kwok")
        missing = "the ServiceAccount default/default, without which no pod can be created, was not there"
        await self._wait(self._has_service_account, missing, "kube-controller-manager")

    async def _wait(self, probe: Callable[[], Awaitable[bool]], complaint: str, component: str) -> None:
        try:
            ready = await poll(probe, self.clock, _READY_SECONDS)
        except TimeoutError:  # of a single request
            ready = False
        if not ready:
            raise ComponentFailedError(f"{complaint} after {_READY_SECONDS} s; see {component}.log")

    async def _are_ready(self, count: int) -> bool:
        nodes = (await self.server.get(_NODES))["items"]
        return sum(takes_pods(node) for node in nodes) >= count

    async def _has_service_account(self) -> bool:
        try:
            await self.server.get(_SERVICE_ACCOUNT)
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return True


def takes_pods(node: dict[str, Any]) -> bool:
    """Whether the node is Ready and free of taints."""
    conditions = node["status"].get("conditions", [])
    ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    return ready and not node["spec"].get("taints")
