"""A thin skin over kubernetes.aio: plain dicts in and out, with a timeout on everything.

Model objects are left aside on purpose: lists as plain dicts are twelve times faster and five times smaller.

    KubeError
    +-- NotFound        404
    +-- Conflict        409
    +-- Gone            410: the resource version is too old, list again
    +-- Unreachable     no answer
    +-- NotConfigured   no kubeconfig that can be used
"""

import json
import ssl
import warnings
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import yaml
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

Object = dict[str, Any]

REQUEST_TIMEOUT_SECONDS = 15.0
WATCH_TIMEOUT_SECONDS = 300
# Longest silence of a watch before it is begun anew.
WATCH_SILENCE_SECONDS = 90.0
# ValueError: the connection broke off within a line, or what answers is not the API server.
NO_ANSWER = (aiohttp.ClientError, TimeoutError, OSError, ValueError)


class KubeError(Exception):
    """The API server refused, or did not answer."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{reason} ({status}): {message}" if status else f"{reason}: {message}")
        self.status, self.reason, self.message = status, reason, message


class NotFound(KubeError):  # noqa: N818 the field's words
    """404."""


class Conflict(KubeError):  # noqa: N818
    """409."""


class Gone(KubeError):  # noqa: N818
    """410: the resource version is too old."""


class Unreachable(KubeError):  # noqa: N818
    """No answer from the API server."""


class NotConfigured(KubeError):  # noqa: N818
    """It is not known where the API server is, or as whom to ask it."""


_BY_STATUS: dict[int, type[KubeError]] = {404: NotFound, 409: Conflict, 410: Gone}


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object in the API."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of the collection, of one object, or of its subresource."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        if namespace and self.namespaced:
            parts.append(f"namespaces/{namespace}")
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


LLMSERVICES = Resource("rorqual.io", "v1alpha1", "llmservices", "LLMService")
PODS = Resource("", "v1", "pods", "Pod")
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
SERVICES = Resource("", "v1", "services", "Service")
BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
EVENTS = Resource("", "v1", "events", "Event")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
SCALED_OBJECTS = Resource("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")
POD_MONITORS = Resource("monitoring.coreos.com", "v1", "podmonitors", "PodMonitor")
INFERENCE_POOLS = Resource("inference.networking.k8s.io", "v1", "inferencepools", "InferencePool")

BY_KIND = {
    (resource.api_version, resource.kind): resource
    for resource in (DEPLOYMENTS, SERVICES, BUDGETS, POD_MONITORS, INFERENCE_POOLS, LLMSERVICES)
}


async def connect(kubeconfig: str | None) -> "Kube":
    """A client for that kubeconfig, or for the pod's service account, or for the default kubeconfig.

    Raises NotConfigured.
    """
    configuration: Configuration = type.__call__(Configuration)
    where = f"kubeconfig {kubeconfig}" if kubeconfig else "no kubeconfig and no service account"
    if kubeconfig and not Path(kubeconfig).is_file():  # noqa: ASYNC240 once, at the start
        raise NotConfigured(0, where, "no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own error says it better
            load = config.load_kube_config(kubeconfig, client_configuration=configuration) if kubeconfig else None
            await (load or config.load_config(client_configuration=configuration))
    except (config.ConfigException, yaml.YAMLError, OSError, TypeError, ValueError, KeyError) as error:
        raise NotConfigured(0, where, f"{error}; expected a kubeconfig as kubectl reads it") from error
    return Kube(configuration)


class Kube:
    """Requests to one API server. Use as an async context manager."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._api = ApiClient(configuration=configuration)
        self._session: aiohttp.ClientSession | None = None
        self.writes: dict[tuple[str, str], int] = {}
        """Writes sent so far by verb and resource, for telemetry."""
        self.errors: dict[tuple[str, str], int] = {}
        """Refusals so far by resource and reason, for telemetry."""

    async def __aenter__(self) -> "Kube":
        context: ssl.SSLContext | bool = self._api.rest_client.ssl_context or True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=100), read_bufsize=2**21, trust_env=True
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()
        await self._api.close()

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        return await self._json("GET", resource, resource.path(namespace, name))

    async def list(self, resource: Resource, namespace: str | None = None, **query: str) -> Object:
        """The whole list, as one object with `items` and `metadata.resourceVersion`, read in chunks of 500."""
        items: list[Object] = []
        query = {"limit": "500", **query}
        while True:
            page = await self._json("GET", resource, resource.path(namespace), query)
            items += page.get("items") or []
            token = page["metadata"].get("continue")
            if not token:
                return {**page, "items": items}
            query["continue"] = token

    async def resources(self, group: str, version: str) -> set[str]:
        """Plural names of what the API server offers in a group and version. Raises NotFound when it has none."""
        group_version = Resource(group, version, "", "")
        answer = await self._json("GET", group_version, group_version.path())
        return {entry["name"] for entry in answer.get("resources", [])}

    async def create(self, resource: Resource, namespace: str | None, body: Object) -> Object:
        return await self._json("POST", resource, resource.path(namespace), {"fieldManager": "rorqual"}, body)

    async def replace(self, resource: Resource, namespace: str | None, name: str, body: Object) -> Object:
        return await self._json("PUT", resource, resource.path(namespace, name), {"fieldManager": "rorqual"}, body)

    async def merge(self, resource: Resource, namespace: str, name: str, body: Object) -> Object:
        """JSON merge patch."""
        return await self._json(
            "PATCH", resource, resource.path(namespace, name), {}, body, "application/merge-patch+json"
        )

    async def apply(
        self, resource: Resource, body: Object, field_manager: str, subresource: str | None = None
    ) -> Object:
        """Server-side apply; takes the fields over from whoever had them."""
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace"), metadata["name"], subresource)
        query = {"fieldManager": field_manager, "force": "true"}
        return await self._json("PATCH", resource, path, query, body, "application/apply-patch+yaml")

    async def watch(
        self, resource: Resource, namespace: str | None, resource_version: str, **query: str
    ) -> AsyncIterator[tuple[str, Object]]:
        """Changes since a resource version, as (type, object), bookmarks included. Ends when the server ends it."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(WATCH_TIMEOUT_SECONDS),
            **query,
        }
        timeout = aiohttp.ClientTimeout(total=None, connect=REQUEST_TIMEOUT_SECONDS, sock_read=WATCH_SILENCE_SECONDS)
        try:
            async with await self._send("GET", resource.path(namespace), query, None, None, timeout) as response:
                await self._check(response, resource)
                async for line in response.content:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise self._error(event["object"], resource)
                    yield event["type"], event["object"]
        except NO_ANSWER as error:
            raise self._unreachable(error, resource) from error

    async def _json(
        self,
        method: str,
        resource: Resource,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS)
        if method != "GET":
            self._count(self.writes, method, resource.plural)
        try:
            async with await self._send(method, path, query or {}, body, content_type, timeout) as response:
                await self._check(response, resource)
                content: Object = await response.json()
                return content
        except NO_ANSWER as error:
            raise self._unreachable(error, resource) from error

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Object | None,
        content_type: str | None,
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("Kube must be entered as an async context manager before use")
        url = f"{self.configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        headers: dict[str, str] = {"Accept": "application/json"}
        if content_type and body is not None:
            headers["Content-Type"] = content_type
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        data = json.dumps(body).encode() if body is not None else None
        return await self._session.request(method, url, headers=headers, data=data, timeout=timeout)

    async def _check(self, response: aiohttp.ClientResponse, resource: Resource) -> None:
        if response.status < 400:
            return
        text = await response.text()
        try:
            status = json.loads(text)
        except ValueError:
            status = {"code": response.status, "reason": response.reason or "", "message": text[:500]}
        raise self._error({**status, "code": response.status}, resource)

    def _error(self, status: Object, resource: Resource) -> KubeError:
        code, reason = int(status.get("code") or 0), status.get("reason") or "Unknown"
        self._count(self.errors, resource.plural, reason)
        return _BY_STATUS.get(code, KubeError)(code, reason, status.get("message") or "")

    def _unreachable(self, error: Exception, resource: Resource) -> Unreachable:
        self._count(self.errors, resource.plural, "Unreachable")
        message = str(error) or type(error).__name__
        return Unreachable(0, "no answer from the API server", message)

    @staticmethod
    def _count(table: dict[tuple[str, str], int], *key: str) -> None:
        table[key[0], key[1]] = table.get((key[0], key[1]), 0) + 1


async def serves(kube: Kube, resource: Resource) -> bool:
    """Whether the API server knows that resource, by discovery."""
    try:
        found = await kube.resources(resource.group, resource.version)
    except NotFound:
        return False
    return resource.plural in found
