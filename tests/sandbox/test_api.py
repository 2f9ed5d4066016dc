"""The small API client, against a server that speaks HTTPS as the API server does."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from rorqual_sandbox.api import STRATEGIC_MERGE, Api, ApiError, Credentials

EVENTS = [{"type": "ADDED", "object": {"a": 1}}, {"type": "DELETED", "object": {"a": 1}}]


async def answer(request: web.Request) -> web.Response:
    if request.headers["Authorization"] != "Bearer secret":
        return web.Response(status=401, text="no")
    if request.path == "/missing":
        return web.json_response({"message": "pods not found"}, status=404)
    if request.path == "/watch":
        assert request.query["resourceVersion"] == "7" and request.query["labelSelector"] == "x"
        return web.Response(text="".join(json.dumps(event) + "\n" for event in EVENTS))
    if request.path == "/cut":
        return web.Response(text=json.dumps(EVENTS[0]) + "\n" + '{"type": "MODI')
    if request.path == "/expired":
        event = {"type": "ERROR", "object": {"code": 410, "message": "too old"}}
        return web.Response(text=json.dumps(event) + "\n")
    seen = {"method": request.method, "type": request.headers["Content-Type"], "body": await request.text()}
    return web.json_response(seen)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=x -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "crt")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return tmp_path


@pytest.fixture
async def credentials(certificate: Path) -> AsyncIterator[Credentials]:
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", answer)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "crt", certificate / "key")
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    authority = (certificate / "crt").read_text()
    yield Credentials(f"https://127.0.0.1:{runner.addresses[0][1]}", "secret", authority)
    await runner.cleanup()


async def test_methods_and_content_types(credentials: Credentials) -> None:
    async with Api(credentials) as api:
        assert (await api.get("/x"))["method"] == "GET"
        created = await api.create("/x", {"a": 1})
        assert (created["method"], created["type"], created["body"]) == ("POST", "application/json", '{"a": 1}')
        assert (await api.patch("/x", {}))["type"] == STRATEGIC_MERGE
        assert (await api.delete("/x", {"gracePeriodSeconds": 0}))["body"] == '{"gracePeriodSeconds": 0}'


async def test_a_refusal_carries_status_and_message(credentials: Credentials) -> None:
    async with Api(credentials) as api:
        with pytest.raises(ApiError, match="404: pods not found") as error:
            await api.get("/missing")
    assert error.value.status == 404


async def test_a_refusal_without_json_carries_its_text(credentials: Credentials) -> None:
    async with Api(Credentials(credentials.server, "wrong", credentials.authority)) as api:
        with pytest.raises(ApiError, match="401: no"):
            await api.get("/x")


async def test_watch_yields_events(credentials: Credentials) -> None:
    async with Api(credentials) as api:
        assert [event async for event in api.watch("/watch", {"labelSelector": "x"}, "7")] == EVENTS


async def test_half_an_event_ends_the_watch(credentials: Credentials) -> None:
    async with Api(credentials) as api:
        assert [event async for event in api.watch("/cut", {}, "7")] == EVENTS[:1]


async def test_an_error_event_is_an_error(credentials: Credentials) -> None:
    async with Api(credentials) as api:
        with pytest.raises(ApiError, match="410: too old"):
            assert not [event async for event in api.watch("/expired", {}, "7")]


def test_credentials_are_read_from_a_kubeconfig(tmp_path: Path) -> None:
    cluster = {"server": "https://s", "certificate-authority-data": base64.b64encode(b"pem").decode()}
    config = {"clusters": [{"cluster": cluster}], "users": [{"user": {"token": "t"}}]}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    assert Credentials.read(tmp_path / "kubeconfig") == Credentials("https://s", "t", "pem")
