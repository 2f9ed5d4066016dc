"""The demo's side of the Kubernetes API: applies what it needs and reads one service with its pods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rorqual_engine.api import GROUP, PLURAL, VERSION
from rorqual_engine.api.crd import crd
from rorqual_sandbox.api import Api, ApiError

Object = dict[str, Any]
APPLY = "application/apply-patch+yaml"
FIELD_MANAGER = "rorqual-demo"


@dataclass(frozen=True, slots=True)
class Observed:
    """A service and its pods at one moment."""

    service: Object
    pods: tuple[Object, ...]

    @property
    def status(self) -> Object:
        return dict(self.service.get("status") or {})


class Cluster:
    """One namespace of the sandbox."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self.namespace = namespace

    async def install_crd(self) -> None:
        """Applies the CustomResourceDefinition that the installed models describe."""
        manifest = crd()
        await self._apply(
            f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{manifest['metadata']['name']}", manifest
        )

    async def is_established(self) -> bool:
        """Whether the API server answers for LLMServices."""
        try:
            await self._api.get(self._services)
        except ApiError as error:
            if error.status in (404, 429):  # unknown yet, or "storage is (re)initializing"
                return False
            raise
        return True

    async def create_namespace(self) -> None:
        """Makes the namespace where it is missing."""
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        await self._apply(f"/api/v1/namespaces/{self.namespace}", manifest)

    async def apply_service(self, manifest: Object) -> None:
        """Applies an LLMService. Raises ApiError with the schema's or the CEL rule's words when it is refused."""
        await self._apply(f"{self._services}/{manifest['metadata']['name']}", manifest)

    async def observe(self, name: str) -> Observed:
        """The service `name` and its pods, ended ones included."""
        service = await self._api.get(f"{self._services}/{name}")
        selector = (service.get("status") or {}).get("selector")
        if not selector:
            return Observed(service, ())
        pods = await self._api.get(f"/api/v1/namespaces/{self.namespace}/pods", {"labelSelector": selector})
        return Observed(service, tuple(pods["items"]))

    async def events(self) -> tuple[Object, ...]:
        """The namespace's Events."""
        return tuple((await self._api.get(f"/api/v1/namespaces/{self.namespace}/events"))["items"])

    @property
    def _services(self) -> str:
        return f"/apis/{GROUP}/{VERSION}/namespaces/{quote(self.namespace)}/{PLURAL}"

    async def _apply(self, path: str, manifest: Object) -> None:
        await self._api.patch(f"{path}?fieldManager={FIELD_MANAGER}&force=true", manifest, APPLY)
