"""The little of the Kubernetes API that the supervisor and the agent need, on plain dicts."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import yaml

from rorqual_sandbox.errors import SandboxError

Object = dict[str, Any]
STRATEGIC_MERGE = "application/strategic-merge-patch+json"
_WATCH_SECONDS = 300


class ApiError(SandboxError):
    """The API server refused a request; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True)
class Credentials:
    """Where the API server is and how to talk to it."""

    server: str
    token: str
    authority: str

    @classmethod
    def read(cls, kubeconfig: Path) -> Credentials:
        """The first cluster and user of a sandbox's kubeconfig."""
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return cls(cluster["server"], user["token"], authority)


class Api:
    """An asynchronous client; use it as a context manager."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def __aenter__(self) -> Api:
        context = ssl.create_default_context(cadata=self._credentials.authority)
        self._session = aiohttp.ClientSession(
            base_url=self._credentials.server,
            headers={"Authorization": f"Bearer {self._credentials.token}"},
            connector=aiohttp.TCPConnector(ssl=context, limit=0),
            timeout=aiohttp.ClientTimeout(total=30),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Object:
        """One object or a list. Raises ApiError."""
        return await self._request("GET", path, params=params)

    async def create(self, path: str, body: Object) -> Object:
        """POST to the collection at `path`."""
        return await self._request("POST", path, body=body)

    async def patch(self, path: str, body: Object, content_type: str = STRATEGIC_MERGE) -> Object:
        """PATCH of the object, or its subresource, at `path`."""
        return await self._request("PATCH", path, body=body, content_type=content_type)

    async def delete(self, path: str, body: Object | None = None) -> Object:
        """DELETE, with DeleteOptions in `body`."""
        return await self._request("DELETE", path, body=body)

    async def watch(self, path: str, params: Mapping[str, str], version: str) -> AsyncIterator[Object]:
        """Watch events from `version` until the server ends the stream; ERROR events raise ApiError."""
        query = {**params, "watch": "true", "resourceVersion": version, "timeoutSeconds": str(_WATCH_SECONDS)}
        timeout = aiohttp.ClientTimeout(total=None, sock_read=_WATCH_SECONDS + 30)
        async with self._session.get(path, params=query, timeout=timeout, read_bufsize=2**24) as response:
            await _check(response)
            async for line in response.content:
                if not line.endswith(b"\n"):  # cut off in the middle
                    return
                event: Object = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(int(event["object"].get("code", 500)), event["object"].get("message", ""))
                yield event

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        data = json.dumps(body) if body is not None else None
        headers = {"Content-Type": content_type}
        async with self._session.request(method, path, params=params, data=data, headers=headers) as response:
            await _check(response)
            answer: Object = await response.json()
            return answer


async def _check(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    text = await response.text()
    try:
        message = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        message = text[:300]
    raise ApiError(response.status, message)
