"""Brings the service up and waits for it, or tells why it did not come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from rorqual_demo.cluster import Cluster, Observed
from rorqual_demo.endpoints import endpoint_of
from rorqual_demo.errors import DemoError, NotReadyError
from rorqual_demo.frame import read_service

_POLL_SECONDS = 0.5
_CRD_SECONDS = 30.0


async def install(cluster: Cluster) -> None:
    """The CustomResourceDefinition and the namespace. Raises DemoError when the API server does not take them up."""
    await cluster.install_crd()
    try:
        await poll(cluster.is_established, _CRD_SECONDS)
    except TimeoutError as error:
        raise DemoError(f"the API server did not serve LLMServices after {_CRD_SECONDS:.0f} s") from error
    await cluster.create_namespace()


async def wait_serving(cluster: Cluster, name: str, timeout_seconds: float) -> None:
    """Until the service is Ready and all its pods take requests. Raises NotReadyError that says how it stands."""

    async def serves() -> bool:
        return is_serving(await cluster.observe(name))

    try:
        await poll(serves, timeout_seconds)
    except TimeoutError as error:
        state = describe(await cluster.observe(name))
        message = f"LLMService {cluster.namespace}/{name} was not ready after {timeout_seconds:.0f} s\n{state}"
        raise NotReadyError(message) from error


async def poll(holds: Callable[[], Awaitable[bool]], timeout_seconds: float) -> None:
    """Asks twice a second until `holds`. Raises TimeoutError."""
    async with asyncio.timeout(timeout_seconds):
        while not await holds():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(_POLL_SECONDS)


def is_serving(observed: Observed) -> bool:
    """Whether it says that it is ready, and all its pods take requests."""
    return read_service(observed.status).is_ready and bool(observed.pods) and all(map(endpoint_of, observed.pods))


def describe(observed: Observed) -> str:
    """Conditions of the service and states of its pods, as `kubectl describe` would tell them."""
    conditions = [
        f"  {kind}={status} ({reason}) {message}"
        for kind, (status, reason, message) in read_service(observed.status).conditions.items()
    ]
    pods = [_describe_pod(pod) for pod in observed.pods]
    nothing = ["  none: the operator wrote no status"]
    return "\n".join(["conditions:", *(conditions or nothing), "pods:", *(pods or ["  none"])])


def _describe_pod(pod: dict[str, Any]) -> str:
    status = pod["status"]
    waiting = [
        f"{one['state']['waiting'].get('reason')}: {one['state']['waiting'].get('message', '')}"
        for one in status.get("containerStatuses", ())
        if "waiting" in one.get("state", {})
    ]
    unready = [
        f"{one['type']}={one['status']} {one.get('message', '')}".strip()
        for one in status.get("conditions", ())
        if one["status"] != "True"
    ]
    return f"  {pod['metadata']['name']} {status.get('phase')} {'; '.join([*waiting, *unready])}"
