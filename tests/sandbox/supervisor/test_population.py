"""What a fresh API server is filled with, and the waiting for it."""

from __future__ import annotations

from typing import Any

import pytest

from rorqual_sandbox.api import ApiError
from rorqual_sandbox.errors import ComponentFailedError
from rorqual_sandbox.nodes import NodeSpec
from rorqual_sandbox.supervisor.population import Population, takes_pods

SPECS = (NodeSpec("h100-0", "NVIDIA-H100-80GB-HBM3", 8), NodeSpec("cpu-0"))
ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"


def node(ready: str = "True", taints: Any = None) -> dict[str, Any]:
    return {"spec": {"taints": taints}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


@pytest.fixture
def server(api: Any) -> Any:
    api.objects = {"/api/v1/nodes": {"items": [node(), node()]}, ACCOUNT: {}}
    return api


async def test_the_policy_comes_before_the_first_pod_could(server: Any, clock: Any) -> None:
    await Population(server, clock).create(SPECS)
    kinds = [body["kind"] for body in server.created]
    assert kinds == ["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "Node", "Node"]
    assert [body["metadata"]["name"] for body in server.created[2:]] == ["h100-0", "cpu-0"]


async def test_it_waits_for_all_nodes(server: Any, clock: Any) -> None:
    few, all_ = {"items": [node(), node("False")]}, {"items": [node(), node()]}
    server.lists = [few, few, all_, {}]  # the last is the ServiceAccount
    await Population(server, clock).create(SPECS)
    assert server.lists == [] and len(clock.sleeps) == 2


async def test_it_waits_for_the_service_account(server: Any, clock: Any) -> None:
    del server.objects[ACCOUNT]
    sleep = clock.sleep

    async def make_it_meanwhile(seconds: float) -> None:
        await sleep(seconds)
        server.objects[ACCOUNT] = {}

    clock.sleep = make_it_meanwhile
    await Population(server, clock).create(SPECS)
    assert len(clock.sleeps) == 1


async def test_nodes_that_never_get_ready_are_kwoks_fault(server: Any, clock: Any) -> None:
    server.objects["/api/v1/nodes"] = {"items": [node()]}
    with pytest.raises(ComponentFailedError, match=r"nodes were not ready after 30 s; see kwok\.log"):
        await Population(server, clock).create(SPECS)
    assert clock.elapsed_seconds >= 30


async def test_a_missing_service_account_is_the_controller_managers(server: Any, clock: Any) -> None:
    del server.objects[ACCOUNT]
    with pytest.raises(ComponentFailedError, match=r"default/default.*see kube-controller-manager\.log"):
        await Population(server, clock).create(SPECS)


async def test_a_server_that_does_not_answer_counts_as_not_ready(server: Any, clock: Any) -> None:
    server.failures = [TimeoutError()]
    with pytest.raises(ComponentFailedError, match="nodes were not ready"):
        await Population(server, clock).create(SPECS)


async def test_other_errors_are_not_waited_out(server: Any, clock: Any) -> None:
    server.failures = [ApiError(403, "forbidden")]
    with pytest.raises(ApiError, match="forbidden"):
        await Population(server, clock).create(SPECS)


async def test_an_error_of_the_service_account_is_no_absence(server: Any, clock: Any) -> None:
    get = server.get

    async def refuse(path: str) -> Any:
        if path == ACCOUNT:
            raise ApiError(500, "etcd is away")
        return await get(path)

    server.get = refuse
    with pytest.raises(ApiError, match="etcd is away"):
        await Population(server, clock).create(SPECS)


@pytest.mark.parametrize(
    ("found", "takes"),
    [(node(), True), (node("Unknown"), False), (node(taints=[{"key": "not-ready"}]), False), (node(taints=[]), True)],
)
def test_which_nodes_take_pods(found: dict[str, Any], takes: bool) -> None:
    assert takes_pods(found) is takes


def test_a_node_without_conditions_takes_none() -> None:
    assert not takes_pods({"spec": {}, "status": {}})
