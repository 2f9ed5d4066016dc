"""Kubernetes' objects as the Snapshot has them."""

from typing import Any

import pytest

from rorqual_engine.snapshot import ServiceKey
from rorqual_operator.kube import Object
from rorqual_operator.observe import cluster
from rorqual_operator.times import seconds

from ..builders import CONFIGURATION, GPU, NOW, deployment_item, node_item, pod_item, service_item


def engine(**state: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "engine", "restartCount": 0, "state": {}, **state}]}


def test_serving_pod() -> None:
    found = cluster.to_pod(pod_item())
    assert found.serving
    assert (found.name, found.node, found.ip, found.created_at) == ("chat-0", "node-1", "10.0.0.1", NOW - 3600)
    assert (found.restarts, found.waiting_reason, found.unschedulable) == (0, None, None)


STARTED, LATER = "2026-01-01T12:00:00Z", "2026-01-01T12:05:00Z"


@pytest.mark.parametrize(
    ("status", "at", "lost"),
    [
        ("False", LATER, True),
        ("False", STARTED, False),
        ("False", "2026-01-01T11:00:00Z", False),
        ("True", LATER, False),
    ],
)
def test_readiness_is_lost_only_after_the_container_began(status: str, at: str, lost: bool) -> None:
    item = pod_item(
        conditions=[{"type": "Ready", "status": status, "lastTransitionTime": at}],
        containerStatuses=[{"name": "engine", "restartCount": 0, "state": {"running": {"startedAt": STARTED}}}],
    )
    found = cluster.to_pod(item)
    assert found.lost_at == (seconds(at) if lost else None)
    assert found.started == (lost or status == "True")


def test_a_container_that_ended_has_no_readiness_to_lose() -> None:
    item = pod_item(
        conditions=[{"type": "Ready", "status": "False", "lastTransitionTime": LATER}],
        containerStatuses=[{"name": "engine", "restartCount": 1, "state": {"terminated": {"finishedAt": LATER}}}],
    )
    assert cluster.to_pod(item).lost_at is None


def test_waiting_container() -> None:
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}
    found = cluster.to_pod(pod_item(ready=False, **engine(state=waiting)))
    assert (found.waiting_reason, found.waiting_message) == ("CrashLoopBackOff", "back-off 5m0s")


def test_restarts_and_when_the_last_was() -> None:
    ended = {"terminated": {"finishedAt": "2026-01-01T11:59:00Z", "exitCode": 137}}
    found = cluster.to_pod(pod_item(**engine(restartCount=3, lastState=ended)))
    assert (found.restarts, found.last_restart_at) == (3, NOW - 60)


def test_sidecars_do_not_count() -> None:
    statuses = [{"name": "proxy", "restartCount": 9, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]
    found = cluster.to_pod(pod_item(containerStatuses=[*statuses, {"name": "engine", "restartCount": 1, "state": {}}]))
    assert (found.restarts, found.waiting_reason) == (1, None)


def test_unschedulable_pod() -> None:
    message = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    item = pod_item(phase="Pending", conditions=[scheduled], containerStatuses=[], podIP=None)
    del item["spec"]["nodeName"]
    found = cluster.to_pod(item)
    assert (found.node, found.ready, found.unschedulable) == (None, False, message)


def test_pod_that_waits_for_a_gate_is_not_unschedulable() -> None:
    gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}
    assert cluster.to_pod(pod_item(conditions=[gated])).unschedulable is None


def test_pod_that_the_kubelet_has_not_seen_yet() -> None:
    item = pod_item()
    item["status"] = {}
    found = cluster.to_pod(item)
    assert (found.phase, found.ready, found.ip, found.restarts) == ("Unknown", False, None, 0)


def test_ending_pod_does_not_serve() -> None:
    item = pod_item()
    item["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    assert not cluster.to_pod(item).serving


def test_owner() -> None:
    assert cluster.owner_key(pod_item()) == ServiceKey("llm", "chat")
    assert cluster.owner_key(pod_item(service=None)) is None


@pytest.mark.parametrize(("value", "paused"), [("true", True), ("True", True), ("false", False), ("", False)])
def test_paused_by_annotation(value: str, paused: bool) -> None:
    item = service_item()
    item["metadata"]["annotations"] = {"rorqual.io/paused": value}
    assert cluster.paused(item) is paused


def test_not_paused_without_annotations() -> None:
    assert not cluster.paused(service_item())


def test_workload() -> None:
    found = cluster.to_workload(deployment_item(3))
    assert (found.replicas, found.configuration, found.rolled_out, found.progress_failure) == (
        3,
        CONFIGURATION,
        True,
        None,
    )


@pytest.mark.parametrize(
    ("status", "rolled_out"),
    [
        ({}, True),
        ({"observedGeneration": 1}, False),  # the Deployment's controller has not seen the newest template
        ({"updatedReplicas": 1}, False),
        ({"updatedReplicas": 3, "replicas": 4}, True),  # one old pod is ending
        ({"updatedReplicas": 2, "replicas": 2}, True),  # a scale step is no rollout
    ],
)
def test_rolled_out(status: dict[str, int], rolled_out: bool) -> None:
    assert cluster.to_workload(deployment_item(3, generation=2, **status)).rolled_out is rolled_out


def test_deployment_without_pods_wanted_is_rolled_out() -> None:
    item = deployment_item(0)
    item["status"] = {"observedGeneration": 1}
    assert cluster.to_workload(item).rolled_out


DEADLINE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
QUOTA = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
GOES_ON = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated", "message": "is progressing"}


@pytest.mark.parametrize(
    ("conditions", "failure"),
    [
        ([GOES_ON], None),
        ([DEADLINE], "timed out"),
        ([GOES_ON, QUOTA], "exceeded quota"),
        ([DEADLINE, QUOTA], "exceeded quota"),
        ([GOES_ON, {**QUOTA, "status": "False"}], None),
    ],
)
def test_progress_failure(conditions: list[dict[str, str]], failure: str | None) -> None:
    assert cluster.to_workload(deployment_item(conditions=conditions)).progress_failure == failure


def test_foreign_deployment_has_no_configuration() -> None:
    item = deployment_item()
    del item["metadata"]["annotations"]
    assert cluster.to_workload(item).configuration is None


@pytest.mark.parametrize(
    ("resources", "gpus"),
    [
        ({}, 0),
        ({"limits": {"nvidia.com/gpu": "2"}}, 2),
        ({"requests": {"nvidia.com/gpu": "2"}}, 2),
        ({"limits": {"nvidia.com/gpu": 2}, "requests": {"nvidia.com/gpu": 2}}, 2),
        ({"limits": {"memory": "1Gi"}}, 0),
        ({"limits": {"nvidia.com/gpu": "1e0"}}, 1),
    ],
)
def test_gpus_requested(resources: dict[str, Any], gpus: int) -> None:
    item = pod_item()
    item["spec"]["containers"] = [{"name": "engine", "resources": resources}, {"name": "proxy"}]
    assert cluster.gpus_requested(item) == gpus


def test_a_greedy_init_container_counts_as_the_scheduler_counts_it() -> None:
    pod = pod_item()
    pod["spec"]["initContainers"] = [{"name": "load", "resources": {"limits": {"nvidia.com/gpu": "4"}}}]
    assert cluster.gpus_requested(pod) == 4
    pod["spec"]["initContainers"][0]["resources"] = {}
    assert cluster.gpus_requested(pod) == 1


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_finished_pods_use_no_gpus(phase: str) -> None:
    assert cluster.gpus_requested(pod_item(phase=phase)) == 0


def numbers(node: Object, *pods: Object) -> tuple[int, int, int]:
    """GPUs, used, free."""
    (found,) = cluster.to_nodes([node], pods)
    return found.gpus, found.gpus_used, found.gpus_free


def test_node_with_pods_of_anybody() -> None:
    pods = [pod_item(f"pod-{number}", service=None) for number in range(3)]
    assert numbers(node_item(), *pods) == (8, 3, 5)


def test_finished_and_unbound_pods_leave_gpus_free() -> None:
    unbound = pod_item("unbound")
    del unbound["spec"]["nodeName"]
    elsewhere = pod_item("elsewhere")
    elsewhere["spec"]["nodeName"] = "node-2"
    assert numbers(node_item(), pod_item(phase="Succeeded"), unbound, elsewhere) == (8, 0, 8)


def test_cordoned_node_takes_no_new_pods() -> None:
    node = node_item()
    node["spec"]["unschedulable"] = True
    assert numbers(node, pod_item()) == (0, 1, 0)


@pytest.mark.parametrize("ready", ["False", "Unknown"])
def test_node_that_is_not_ready_takes_no_new_pods(ready: str) -> None:
    assert numbers(node_item(ready=ready)) == (0, 0, 0)


def test_node_without_gpus() -> None:
    node = node_item()
    node["metadata"]["labels"], node["status"]["allocatable"] = {}, {"cpu": "4"}
    (found,) = cluster.to_nodes([node], [])
    assert (found.gpu, found.gpus, found.memory_mib) == (None, 0, None)


@pytest.mark.parametrize(("label", "memory_mib"), [("81559", 81559), ("80Gi", 81920), ("large", None)])
def test_memory_label(label: str, memory_mib: int | None) -> None:
    (found,) = cluster.to_nodes([node_item(**{"nvidia.com/gpu.memory": label})], [])
    assert (found.gpu, found.memory_mib) == (GPU, memory_mib)


def host(*conditions: dict[str, str]) -> cluster.Host:
    item = node_item()
    item["status"]["conditions"] = list(conditions)
    return cluster.to_hosts([item])["node-1"]


def test_a_node_that_is_well() -> None:
    ready = {"type": "Ready", "status": "True"}
    assert host(ready, {"type": "MemoryPressure", "status": "False"}) == cluster.Host(GPU, None)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (
            {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting"},
            "NotReady, NodeStatusUnknown: Kubelet stopped posting",
        ),
        ({"type": "Ready", "status": "False"}, "NotReady"),
        ({"type": "DiskPressure", "status": "True"}, "DiskPressure"),
        ({"type": "KernelDeadlock", "status": "True", "reason": "DockerHung"}, "KernelDeadlock, DockerHung"),
        ({"type": "GpuXidError", "status": "True"}, "GpuXidError"),
    ],
)
def test_conditions_that_tell_of_trouble(condition: dict[str, str], words: str) -> None:
    assert host(condition).problem == words


@pytest.mark.parametrize("kind", ["GPUDriverReady", "NvidiaGpuHealthy", "SomebodysOwn", "NvlinkAvailable"])
def test_conditions_that_are_true_while_all_is_well(kind: str) -> None:
    assert host({"type": kind, "status": "True"}).problem is None


def test_a_node_without_a_status() -> None:
    assert cluster.to_hosts([{"metadata": {"name": "new"}, "spec": {}}]) == {"new": cluster.Host(None, None)}
