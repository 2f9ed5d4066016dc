"""A container's environment and its command, with references followed as the kubelet does."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from rorqual_sandbox.api import ApiError, Object
from rorqual_sandbox.engines.launch import LaunchRefusedError

_REFERENCE = re.compile(r"\$(\$)?\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)")


class Reader(Protocol):
    """Reads objects; the API client is one."""

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Object:
        """One object. Raises ApiError."""


async def resolve_environment(reader: Reader, pod: Object, container: Object, pod_ip: str) -> dict[str, str]:
    """Variables of `envFrom` and `env`. Raises LaunchRefusedError (CreateContainerConfigError) for a missing source."""
    namespace = pod["metadata"]["namespace"]
    env: dict[str, str] = {}
    for source in container.get("envFrom", []):
        env |= await _read_source(reader, namespace, source)
    for entry in container.get("env", []):
        value = await _value(reader, pod, entry, pod_ip)
        if value is not None:
            env[entry["name"]] = expand(value, env)
    return env


def expand(text: str, env: Mapping[str, str]) -> str:
    """Replaces $(NAME) by its value; an unknown name stays, and $$(NAME) becomes $(NAME)."""

    def value(match: re.Match[str]) -> str:
        escaped, name = match.groups()
        return f"$({name})" if escaped else env.get(name, match[0])

    return _REFERENCE.sub(value, text)


def expand_all(words: Sequence[str], env: Mapping[str, str]) -> tuple[str, ...]:
    """`expand` on each word."""
    return tuple(expand(word, env) for word in words)


async def _value(reader: Reader, pod: Object, entry: Object, pod_ip: str) -> str | None:
    source = entry.get("valueFrom")
    match source:
        case None:
            return str(entry.get("value", ""))
        case {"fieldRef": {"fieldPath": path}}:
            return _field(pod, path, pod_ip)
        case {"secretKeyRef": ref}:
            return await _key(reader, pod["metadata"]["namespace"], "secrets", ref)
        case {"configMapKeyRef": ref}:
            return await _key(reader, pod["metadata"]["namespace"], "configmaps", ref)
        case _:
            raise LaunchRefusedError("CreateContainerConfigError", f"env {entry['name']}: unsupported source {source}")


def _field(pod: Object, path: str, pod_ip: str) -> str:
    known = {
        "metadata.name": pod["metadata"]["name"],
        "metadata.namespace": pod["metadata"]["namespace"],
        "metadata.uid": pod["metadata"]["uid"],
        "spec.nodeName": pod["spec"]["nodeName"],
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", "default"),
        "status.podIP": pod_ip,
        "status.podIPs": pod_ip,
    }
    keyed = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if keyed:
        return str(pod["metadata"].get(keyed[1], {}).get(keyed[2], ""))
    if path not in known:
        raise LaunchRefusedError("CreateContainerConfigError", f"unsupported fieldPath {path!r}")
    return str(known[path])


async def _key(reader: Reader, namespace: str, resource: str, ref: Object) -> str | None:
    data = await _read_data(reader, namespace, resource, ref)
    if data is None:
        return None
    if ref["key"] in data:
        return data[ref["key"]]
    if ref.get("optional"):
        return None
    raise LaunchRefusedError(
        "CreateContainerConfigError",
        f"couldn't find key {ref['key']} in {_kind(resource)} {namespace}/{ref['name']}",
    )


async def _read_source(reader: Reader, namespace: str, source: Object) -> dict[str, str]:
    resource, ref = (
        ("secrets", source["secretRef"]) if "secretRef" in source else ("configmaps", source["configMapRef"])
    )
    data = await _read_data(reader, namespace, resource, ref) or {}
    return {source.get("prefix", "") + key: value for key, value in data.items()}


async def _read_data(reader: Reader, namespace: str, resource: str, ref: Object) -> dict[str, str] | None:
    """The data of a Secret or ConfigMap as text; None for an absent optional one."""
    try:
        found = await reader.get(f"/api/v1/namespaces/{namespace}/{resource}/{ref['name']}")
    except ApiError as error:
        if error.status != 404:
            raise
        if ref.get("optional"):
            return None
        message = f'{_kind(resource)} "{ref["name"]}" not found'
        raise LaunchRefusedError("CreateContainerConfigError", message) from error
    data: dict[str, str] = found.get("data") or {}
    if resource == "secrets":
        return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}
    return data


def _kind(resource: str) -> str:
    return {"secrets": "secret", "configmaps": "configmap"}[resource]
