"""From a manifest to running pods and back to nothing, with the operator stopped, killed and doubled on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from operating import OperatorProcess, Service, llmservice

from rorqual_sandbox.handle import Sandbox

pytestmark = pytest.mark.sandbox
Until = Callable[..., Any]
CHILDREN = ("deployment", "service", "poddisruptionbudget")


def test_a_manifest_becomes_a_ready_service(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))

    for kind in CHILDREN:
        owner = sandbox.get(kind, "chat", "-n", chat.namespace)["metadata"]["ownerReferences"][0]
        assert (owner["kind"], owner["name"], owner["controller"]) == ("LLMService", "chat", True)
    status = chat.status
    assert status["observedGeneration"] == 1
    assert status["configuration"]["running"]["maxConcurrentSequences"] == 2
    assert status["decisions"][-1]["reason"] == "InitialConfiguration"
    until(lambda: chat.holds("MetricsAvailable"))
    assert {"ConfigApplied", "Ready"} <= set(chat.events())


def test_kubectl_get_tells_whether_it_scales_and_why(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.status.get("health", {}).get("verdict") in ("Healthy", "Idle"))
    header, row = sandbox.kubectl("get", "llm", "-n", chat.namespace).stdout.splitlines()
    assert header.split() == ["NAME", "MODEL", "GPU", "DESIRED", "READY", "VERDICT", "REASON", "AGE"]
    assert row.split()[:6] == ["chat", "meta-llama/Llama-3.1-8B-Instruct", "NVIDIA-H100-80GB-HBM3", "1", "1", "Healthy"]


def test_a_changed_spec_rolls_the_pods(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))
    old = {pod["metadata"]["name"] for pod in chat.pods()}

    chat.patch({"configuration": {"maxConcurrentSequences": 3}})
    until(lambda: chat.status["configuration"]["running"]["maxConcurrentSequences"] == 3)
    until(lambda: chat.ready_pods() and not old & {pod["metadata"]["name"] for pod in chat.pods()}, 90)
    assert "--max-num-seqs=3" in chat.pods()[0]["spec"]["containers"][0]["args"]
    until(lambda: chat.holds("Reconciling", "False") and chat.holds("Ready"))


def test_a_change_of_bounds_alone_restarts_nothing(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))
    (before,) = chat.pods()
    chat.patch({"scaling": {"maxReplicas": 3}})
    until(lambda: chat.status["observedGeneration"] == 2)
    (after,) = chat.pods()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


def test_a_deleted_child_comes_back(sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))
    sandbox.kubectl("delete", "service", "chat", "-n", chat.namespace)
    until(lambda: sandbox.kubectl("get", "service", "chat", "-n", chat.namespace, check=False).returncode == 0)


def test_a_hand_edit_of_a_child_is_undone(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))
    patch = '{"spec":{"template":{"spec":{"containers":[{"name":"engine","image":"other"}]}}}}'
    sandbox.kubectl("patch", "deployment", "chat", "-n", chat.namespace, "-p", patch)
    until(lambda: "vllm" in chat.deployment()["spec"]["template"]["spec"]["containers"][0]["image"])


def test_deleting_leaves_nothing_with_the_operator_down(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))
    assert "finalizers" not in chat.object()["metadata"]
    operator.kill()

    sandbox.kubectl("delete", "llm", "chat", "-n", chat.namespace, "--timeout=20s")
    for kind in (*CHILDREN, "replicaset", "pods"):
        until(lambda kind=kind: not sandbox.get(kind, "-n", chat.namespace)["items"])


def test_a_paused_service_is_left_alone(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))
    sandbox.kubectl("annotate", "llm", "chat", "-n", chat.namespace, "rorqual.io/paused=true")
    until(lambda: chat.holds("Paused"))
    chat.patch({"scaling": {"minReplicas": 2}})
    until(lambda: chat.status["observedGeneration"] == 2)
    assert chat.deployment()["spec"]["replicas"] == 1

    sandbox.kubectl("annotate", "llm", "chat", "-n", chat.namespace, "rorqual.io/paused-")
    until(chat.ready(2))


def test_a_killed_operator_goes_on_where_it_was(
    sandbox: Sandbox, run_operator: Callable[..., OperatorProcess], chat: Service, until: Until
) -> None:
    first = run_operator()
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))
    (oldest,) = chat.pods()
    chat.patch({"scaling": {"minReplicas": 3}})
    until(lambda: chat.deployment()["spec"]["replicas"] == 3)
    first.kill()  # the new pods are still starting
    generation = chat.deployment()["metadata"]["generation"]

    run_operator()
    until(chat.ready(3))
    assert oldest["metadata"]["uid"] in {pod["metadata"]["uid"] for pod in chat.pods()}
    assert chat.deployment()["spec"]["replicas"] == 3
    assert chat.deployment()["metadata"]["generation"] == generation  # nothing was applied anew that changed anything


def test_another_replica_leads_when_the_leader_is_killed(
    sandbox: Sandbox, run_operator: Callable[..., OperatorProcess], chat: Service, until: Until
) -> None:
    leader = run_operator(identity="first")
    until(lambda: leader.leading)
    standby = run_operator(identity="second")
    until(lambda: standby.get("/readyz")[0] == 200)
    assert not standby.leading and standby.get("/healthz") == (200, "standing by\n")

    leader.kill()
    until(lambda: standby.leading, 20)
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))


def test_a_graceful_stop_is_quick_and_gives_up_the_lease(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready") and chat.holds("MetricsAvailable"))
    assert operator.stop(timeout_seconds=5) == 0
    lease = sandbox.get("lease", "rorqual", "-n", chat.namespace)
    assert lease["spec"].get("holderIdentity", "") == ""


def test_at_rest_nothing_is_written(sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready") and chat.holds("MetricsAvailable") and chat.holds("Reconciling", "False"))
    for _ in range(5):
        before, begun = writes(operator), ticks(operator)
        until(lambda begun=begun: ticks(operator) > begun + 15)
        if writes(operator) == before:
            return
    pytest.fail("something was written in each of five stretches of 15 ticks")


def ticks(operator: OperatorProcess) -> float:
    return _sum(operator, "rorqual_ticks_total")


def writes(operator: OperatorProcess) -> float:
    """Writes to the API server but those to Leases."""
    return _sum(operator, "rorqual_kubernetes_writes_total", without='resource="leases"')


def _sum(operator: OperatorProcess, metric: str, without: str = "\0") -> float:
    lines = operator.get("/metrics")[1].splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(metric) and without not in line)
