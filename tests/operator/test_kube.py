"""Requests to the API server are what its documentation asks for, and every answer is told apart."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from kubernetes.aio.client import Configuration

from rorqual_operator import kube as k8s
from rorqual_operator.kube import (
    DEPLOYMENTS,
    LLMSERVICES,
    NODES,
    PODS,
    Conflict,
    Gone,
    Kube,
    KubeError,
    NotConfigured,
    NotFound,
    Unreachable,
    connect,
)

from .api_server import Handler, Site, answering, json_answer, text_answer

DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "llm", "name": "chat"}}


def configured(url: str) -> Configuration:
    configuration: Configuration = type.__call__(Configuration)
    configuration.host = url
    configuration.api_key = {"BearerToken": "Bearer secret"}
    return configuration


@asynccontextmanager
async def client(*handlers: Handler) -> AsyncIterator[tuple[Kube, Site]]:
    async with answering(*handlers) as site, Kube(configured(site.url)) as kube:
        yield kube, site


def refusal(code: int, reason: str = "Because") -> Handler:
    return json_answer({"kind": "Status", "code": code, "reason": reason, "message": "no"}, code)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (PODS.path(), "/api/v1/pods"),
        (PODS.path("llm"), "/api/v1/namespaces/llm/pods"),
        (PODS.path("llm", "a"), "/api/v1/namespaces/llm/pods/a"),
        (NODES.path("llm", "a"), "/api/v1/nodes/a"),
        (LLMSERVICES.path("llm", "a", "status"), "/apis/rorqual.io/v1alpha1/namespaces/llm/llmservices/a/status"),
    ],
)
def test_paths(path: str, expected: str) -> None:
    assert path == expected


async def test_get_carries_the_token() -> None:
    async with client(json_answer(DEPLOYMENT)) as (kube, site):
        assert await kube.get(DEPLOYMENTS, "llm", "chat") == DEPLOYMENT
    assert site.asked[0].headers["Authorization"] == "Bearer secret"
    assert (site.asked[0].method, site.asked[0].path) == ("GET", "/apis/apps/v1/namespaces/llm/deployments/chat")


async def test_list_is_read_in_pages() -> None:
    first = {"items": [{"n": 1}], "metadata": {"resourceVersion": "7", "continue": "more"}}
    last = {"items": [{"n": 2}], "metadata": {"resourceVersion": "7"}}
    async with client(json_answer(first), json_answer(last)) as (kube, site):
        listed = await kube.list(PODS, "llm", labelSelector="a=b")
    assert listed["items"] == [{"n": 1}, {"n": 2}]
    assert listed["metadata"]["resourceVersion"] == "7"
    assert [asked.query.get("continue") for asked in site.asked] == [None, "more"]
    assert all(asked.query["labelSelector"] == "a=b" for asked in site.asked)


async def test_list_without_items() -> None:
    async with client(json_answer({"items": None, "metadata": {"resourceVersion": "7"}})) as (kube, _):
        assert (await kube.list(PODS))["items"] == []


async def test_apply_is_server_side_and_takes_fields_over() -> None:
    async with client(json_answer(DEPLOYMENT)) as (kube, site):
        await kube.apply(DEPLOYMENTS, DEPLOYMENT, "rorqual-scaling", "status")
    asked = site.asked[0]
    assert asked.method == "PATCH"
    assert asked.path == "/apis/apps/v1/namespaces/llm/deployments/chat/status"
    assert asked.query == {"fieldManager": "rorqual-scaling", "force": "true"}
    assert asked.headers["Content-Type"] == "application/apply-patch+yaml"
    assert json.loads(asked.body) == DEPLOYMENT


async def test_merge_is_a_json_merge_patch() -> None:
    async with client(json_answer({})) as (kube, site):
        await kube.merge(PODS, "llm", "a", {"count": 2})
    assert site.asked[0].headers["Content-Type"] == "application/merge-patch+json"


async def test_create_posts_to_the_collection_and_replace_puts_to_the_object() -> None:
    async with client(json_answer({})) as (kube, site):
        await kube.create(PODS, "llm", {"metadata": {"name": "a"}})
        await kube.replace(PODS, "llm", "a", {"metadata": {"name": "a"}})
    assert [(asked.method, asked.path) for asked in site.asked] == [
        ("POST", "/api/v1/namespaces/llm/pods"),
        ("PUT", "/api/v1/namespaces/llm/pods/a"),
    ]


@pytest.mark.parametrize(
    ("code", "kind"),
    [(404, NotFound), (409, Conflict), (410, Gone), (403, KubeError), (422, KubeError), (500, KubeError)],
)
async def test_refusals_by_status(code: int, kind: type[KubeError]) -> None:
    async with client(refusal(code)) as (kube, _):
        with pytest.raises(KubeError) as caught:
            await kube.get(PODS, "llm", "a")
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.reason, caught.value.message) == (code, "Because", "no")


async def test_refusal_that_is_no_status_object_keeps_its_text() -> None:
    async with client(text_answer("upstream is down", 502)) as (kube, _):
        with pytest.raises(KubeError, match=r"Bad Gateway \(502\): upstream is down"):
            await kube.get(PODS, "llm", "a")


async def test_nobody_answers() -> None:
    async with answering(json_answer({})) as site:
        url = site.url
    async with Kube(configured(url)) as kube:
        with pytest.raises(Unreachable):
            await kube.get(PODS, "llm", "a")
        assert kube.errors == {("pods", "Unreachable"): 1}


@pytest.mark.parametrize("body", ["<html>sign in</html>", "{half"])
async def test_answer_that_is_no_json_counts_as_none(body: str) -> None:
    async def handler(request: object) -> object:
        answer = await text_answer(body)(request)  # type: ignore[arg-type]
        answer.content_type = "application/json" if body.startswith("{") else "text/html"
        return answer

    async with client(handler) as (kube, _):  # type: ignore[arg-type]
        with pytest.raises(Unreachable):
            await kube.get(PODS, "llm", "a")


async def test_writes_and_refusals_are_counted() -> None:
    async with client(json_answer({}), refusal(409, "Conflict")) as (kube, _):
        await kube.create(PODS, "llm", {"metadata": {"name": "a"}})
        with pytest.raises(Conflict):
            await kube.create(PODS, "llm", {"metadata": {"name": "a"}})
        assert kube.writes == {("POST", "pods"): 2}
        assert kube.errors == {("pods", "Conflict"): 1}


def lines(*events: object) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


async def test_watch_tells_changes_and_bookmarks_and_ends() -> None:
    item = {"metadata": {"name": "a", "resourceVersion": "8"}}
    stream = lines({"type": "ADDED", "object": item}, {"type": "BOOKMARK", "object": item})
    async with client(text_answer(stream)) as (kube, site):
        seen = [event async for event in kube.watch(PODS, "llm", "7", labelSelector="a=b")]
    assert seen == [("ADDED", item), ("BOOKMARK", item)]
    query = site.asked[0].query
    assert (query["watch"], query["resourceVersion"], query["allowWatchBookmarks"]) == ("true", "7", "true")
    assert query["labelSelector"] == "a=b"


async def test_watch_takes_objects_as_large_as_etcd_allows() -> None:
    item = {"metadata": {"name": "a", "annotations": {"large": "x" * 1_500_000}}}
    async with client(text_answer(lines({"type": "ADDED", "object": item}))) as (kube, _):
        assert [event async for event in kube.watch(PODS, None, "7")] == [("ADDED", item)]


async def test_watch_error_event_is_raised_by_its_code() -> None:
    gone = {"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}
    async with client(text_answer(lines(gone))) as (kube, _):
        with pytest.raises(Gone, match="too old"):
            _ = [event async for event in kube.watch(PODS, None, "7")]


async def test_watch_that_is_refused() -> None:
    async with client(refusal(410)) as (kube, _):
        with pytest.raises(Gone):
            _ = [event async for event in kube.watch(PODS, None, "7")]


async def test_watch_that_breaks_off_within_a_line() -> None:
    async with client(text_answer('{"type": "ADDED", "obj')) as (kube, _):
        with pytest.raises(Unreachable):
            _ = [event async for event in kube.watch(PODS, None, "7")]


async def test_discovery() -> None:
    offered = json_answer({"resources": [{"name": "podmonitors"}, {"name": "probes"}]})
    async with client(offered, offered, refusal(404)) as (kube, site):
        assert await k8s.serves(kube, k8s.POD_MONITORS)
        assert not await k8s.serves(kube, k8s.Resource("monitoring.coreos.com", "v1", "others", "Other"))
        assert not await k8s.serves(kube, k8s.INFERENCE_POOLS)
    assert site.asked[0].path == "/apis/monitoring.coreos.com/v1"


async def test_use_without_entering_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match="async context manager"):
        await Kube(configured("http://127.0.0.1:9")).get(PODS, None, "a")


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "http://127.0.0.1:4711"}}]
users: [{name: me, user: {token: abc}}]
"""


async def test_connect_reads_a_kubeconfig(tmp_path) -> None:
    file = tmp_path / "config"
    file.write_text(KUBECONFIG)
    async with await k8s.connect(str(file)) as kube:
        assert kube.configuration.host == "http://127.0.0.1:4711"
        assert await kube.configuration.get_api_key_with_prefix("BearerToken", alias="authorization") == "Bearer abc"


@pytest.mark.parametrize("content", [None, "", "- a list", "a: [", "kind: Config"])
async def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    with pytest.raises(NotConfigured, match=str(path)):
        await connect(str(path))
