"""Environment variables follow their references."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from rorqual_sandbox.agent.environment import expand, resolve_environment
from rorqual_sandbox.engines.launch import LaunchRefusedError

SECRET = "/api/v1/namespaces/llm/secrets/hub"
CONFIG = "/api/v1/namespaces/llm/configmaps/settings"


async def resolve(api: Any, pod: Any, *env: dict[str, Any], **container: Any) -> dict[str, str]:
    return await resolve_environment(api, pod, {"env": list(env), **container}, "127.1.1.1")


def secret_ref(**extra: Any) -> dict[str, Any]:
    return {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token", **extra}}}


def field_ref(path: str) -> dict[str, Any]:
    return {"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}


async def test_plain_values_may_refer_to_earlier_ones(api: Any, pod: Any) -> None:
    env = await resolve(api, pod, {"name": "A", "value": "1"}, {"name": "B", "value": "$(A)$(C)$$(A)"})
    assert env == {"A": "1", "B": "1$(C)$(A)"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("status.podIP", "127.1.1.1"),
        ("metadata.name", "chat-0"),
        ("metadata.namespace", "llm"),
        ("spec.nodeName", "h100-0"),
        ("metadata.labels['app']", "chat"),
        ("metadata.labels['none']", ""),
    ],
)
async def test_fields(api: Any, pod: Any, path: str, value: str) -> None:
    assert await resolve(api, pod, field_ref(path)) == {"X": value}


async def test_secrets_are_decoded(api: Any, pod: Any) -> None:
    api.objects[SECRET] = {"data": {"token": base64.b64encode(b"abc").decode()}}
    assert await resolve(api, pod, secret_ref()) == {"TOKEN": "abc"}


async def test_a_missing_secret_is_refused_in_the_kubelets_words(api: Any, pod: Any) -> None:
    with pytest.raises(LaunchRefusedError, match='secret "hub" not found') as refusal:
        await resolve(api, pod, secret_ref())
    assert refusal.value.reason == "CreateContainerConfigError"


async def test_a_missing_key_is_refused(api: Any, pod: Any) -> None:
    api.objects[SECRET] = {"data": {}}
    with pytest.raises(LaunchRefusedError, match="couldn't find key token in secret llm/hub"):
        await resolve(api, pod, secret_ref())


async def test_an_optional_reference_may_be_missing(api: Any, pod: Any) -> None:
    assert await resolve(api, pod, secret_ref(optional=True)) == {}


async def test_config_maps_by_key_and_whole(api: Any, pod: Any) -> None:
    api.objects[CONFIG] = {"data": {"a": "1"}}
    by_key = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}
    whole = [{"configMapRef": {"name": "settings"}, "prefix": "P_"}]
    assert await resolve(api, pod, by_key, envFrom=whole) == {"P_a": "1", "A": "1"}


@pytest.mark.parametrize("source", [{"resourceFieldRef": {}}, {"fieldRef": {"fieldPath": "status.x"}}])
async def test_unsupported_sources_are_refused(api: Any, pod: Any, source: dict[str, Any]) -> None:
    with pytest.raises(LaunchRefusedError, match="unsupported"):
        await resolve(api, pod, {"name": "X", "valueFrom": source})


def test_expansion_leaves_unknown_names() -> None:
    assert expand("--port=$(PORT) $(NO)", {"PORT": "1"}) == "--port=1 $(NO)"
