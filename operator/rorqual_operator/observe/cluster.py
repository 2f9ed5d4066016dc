"""Kubernetes objects, as plain dicts -> the Snapshot's types. Pure."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rorqual_engine.api.status import CalibrationRun
from rorqual_engine.observation import Observation
from rorqual_engine.plan import Replica
from rorqual_engine.snapshot import Node, Pod, ServiceKey, Trial, Workload
from rorqual_engine.units import MIB, UnitError, quantity
from rorqual_operator.act.render import read_configuration
from rorqual_operator.kube import Object
from rorqual_operator.times import seconds

log = logging.getLogger(__name__)

SERVICE_LABEL = "rorqual.io/service"
PAUSED_ANNOTATION = "rorqual.io/paused"
LABEL_ANNOTATION = "rorqual.io/label"
GPU_LABEL = "nvidia.com/gpu.product"
GPU_MEMORY_LABEL = "nvidia.com/gpu.memory"
GPU_RESOURCE = "nvidia.com/gpu"
ENGINE_CONTAINER = "engine"
FINISHED = ("Succeeded", "Failed")
BAD_CONDITIONS = frozenset(
    {
        *("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"),
        *("KernelDeadlock", "ReadonlyFilesystem", "FrequentKubeletRestart", "FrequentContainerdRestart"),
        "FrequentUnregisterNetDevice",
    }
)
"""Of nodes, True in trouble: Kubernetes' own, and those that node-problem-detector sets by default."""
GOOD_ENDINGS = ("ready", "healthy", "available", "ok")
"""Of conditions about GPUs that are True while all is well; the others of GPUs tell of trouble."""


def service_key(item: Object) -> ServiceKey:
    return ServiceKey(item["metadata"]["namespace"], item["metadata"]["name"])


def owner_key(pod: Object) -> ServiceKey | None:
    """The LLMService that an engine pod belongs to, by its label."""
    name = pod["metadata"].get("labels", {}).get(SERVICE_LABEL)
    return ServiceKey(pod["metadata"]["namespace"], name) if name else None


def paused(item: Object) -> bool:
    value = item["metadata"].get("annotations", {}).get(PAUSED_ANNOTATION, "false")
    return str(value).lower() == "true"


def label(item: Object) -> str:
    """What people say of times of this service, for the detector."""
    return str(item["metadata"].get("annotations", {}).get(LABEL_ANNOTATION, ""))


def condition(item: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The object's condition of that type; empty when it has none."""
    found = (entry for entry in item.get("status", {}).get("conditions") or [] if entry["type"] == kind)
    return next(found, {})


def to_trial(item: Object) -> Trial | None:
    """What a calibration run left in the status; None without one, or when it cannot be read."""
    written = (item.get("status") or {}).get("calibration")
    if written is None:
        return None
    try:
        run = CalibrationRun.model_validate(written)
        points = tuple(Observation(**point.model_dump(by_alias=False)) for point in run.points)
    except ValueError as error:  # pydantic's and MeasurementError are both
        log.warning("status.calibration cannot be read, and is not used: %s", error)
        return None
    return Trial(Replica(run.gpu, run.tensor_parallel, run.pipeline_parallel), points)


TEMPLATE_HASH = "pod-template-hash"
"""Label that a Deployment's ReplicaSet gives its pods."""


def to_pod(item: Object) -> Pod:
    """An engine pod without its metrics."""
    status, metadata = item.get("status", {}), item["metadata"]
    container = _engine_status(status)
    waiting = container.get("state", {}).get("waiting", {})
    scheduled, ready = condition(item, "PodScheduled"), condition(item, "Ready")
    ended = container.get("lastState", {}).get("terminated", {}).get("finishedAt")
    return Pod(
        name=metadata["name"],
        node=item["spec"].get("nodeName"),
        created_at=seconds(metadata["creationTimestamp"]),
        phase=status.get("phase", "Unknown"),
        ready=ready.get("status") == "True",
        ready_since=_since(ready),
        lost_at=_lost_at(ready, container),
        terminating="deletionTimestamp" in metadata,
        ip=status.get("podIP"),
        version=metadata.get("labels", {}).get(TEMPLATE_HASH),
        restarts=container.get("restartCount", 0),
        last_restart_at=seconds(ended) if ended else None,
        waiting_reason=waiting.get("reason"),
        waiting_message=waiting.get("message", ""),
        unschedulable=scheduled.get("message", "") if scheduled.get("reason") == "Unschedulable" else None,
    )


def _since(ready: Mapping[str, Any]) -> float | None:
    at = ready.get("lastTransitionTime")
    return seconds(at) if at and ready.get("status") == "True" else None


def _lost_at(ready: Mapping[str, Any], container: Mapping[str, Any]) -> float | None:
    """Readiness that went after the container began; before, it is of an earlier run, or of the pod's creation."""
    at = ready.get("lastTransitionTime")
    begun = container.get("state", {}).get("running", {}).get("startedAt")
    if not at or not begun or ready.get("status") != "False" or seconds(at) <= seconds(begun):
        return None
    return seconds(at)


def _engine_status(status: Mapping[str, Any]) -> Mapping[str, Any]:
    containers = status.get("containerStatuses") or []
    named = (entry for entry in containers if entry["name"] == ENGINE_CONTAINER)
    return next(named, containers[0] if containers else {})


def to_workload(item: Object) -> Workload:
    """A Deployment as the decisions see it."""
    spec, status = item["spec"], item.get("status", {})
    current = status.get("observedGeneration", 0) >= item["metadata"].get("generation", 0)
    replicas = spec.get("replicas", 1)
    return Workload(
        replicas=replicas,
        configuration=read_configuration(item),
        rolled_out=current and status.get("updatedReplicas", 0) >= min(replicas, status.get("replicas", 0)),
        progress_failure=_failure(item),
    )


def _failure(deployment: Object) -> str | None:
    """Why a rollout cannot go on: a deadline that passed, or pods that may not be made (a quota, say)."""
    for kind, status in (("ReplicaFailure", "True"), ("Progressing", "False")):
        found = condition(deployment, kind)
        if found.get("status") == status:
            return str(found.get("message", ""))
    return None


def gpus_requested(pod: Object) -> int:
    """Whole GPUs that a pod holds, as the scheduler counts: its containers together, or its greediest init container.

    0 once it has finished.
    """
    if pod.get("status", {}).get("phase") in FINISHED:
        return 0
    together = sum(_gpus(container.get("resources", {})) for container in pod["spec"].get("containers", []))
    first = [_gpus(container.get("resources", {})) for container in pod["spec"].get("initContainers", [])]
    return max([together, *first])


def _gpus(resources: Mapping[str, Any]) -> int:
    wanted = resources.get("limits", {}).get(GPU_RESOURCE) or resources.get("requests", {}).get(GPU_RESOURCE) or 0
    return int(quantity(wanted))


def to_nodes(nodes: Iterable[Object], pods: Iterable[Object]) -> tuple[Node, ...]:
    """The GPU inventory: allocatable of nodes that take new pods, and what bound pods ask for."""
    used: dict[str, int] = {}
    for pod in pods:
        node = pod["spec"].get("nodeName")
        if node:
            used[node] = used.get(node, 0) + gpus_requested(pod)
    return tuple(_node(item, used.get(item["metadata"]["name"], 0)) for item in nodes)


@dataclass(frozen=True, slots=True)
class Host:
    """What a pod's node says of it."""

    gpu_product: str | None
    problem: str | None
    """Why it is not well, in words."""


def to_hosts(nodes: Iterable[Object]) -> dict[str, Host]:
    """By the node's name."""
    return {
        item["metadata"]["name"]: Host(item["metadata"].get("labels", {}).get(GPU_LABEL), _node_problem(item))
        for item in nodes
    }


def _node_problem(item: Object) -> str | None:
    """The first condition that tells of trouble; those of node-problem-detector are True while it lasts."""
    for one in item.get("status", {}).get("conditions") or []:
        kind, status = one["type"], one.get("status")
        if status != "True" if kind == "Ready" else status == "True" and _bad_when_true(kind):
            told = ": ".join(text for text in (one.get("reason"), one.get("message")) if text)
            return f"{'Not' if kind == 'Ready' else ''}{kind}{f', {told}' if told else ''}"
    return None


def _bad_when_true(kind: str) -> bool:
    if kind in BAD_CONDITIONS:
        return True
    lower = kind.lower()
    return any(word in lower for word in ("gpu", "xid", "nvlink")) and not lower.endswith(GOOD_ENDINGS)


def _node(item: Object, used: int) -> Node:
    labels = item["metadata"].get("labels", {})
    usable = condition(item, "Ready").get("status") == "True" and not item["spec"].get("unschedulable")
    allocatable = int(quantity(item.get("status", {}).get("allocatable", {}).get(GPU_RESOURCE, 0)))
    return Node(
        name=item["metadata"]["name"],
        gpu=labels.get(GPU_LABEL),
        gpus=allocatable if usable else 0,
        gpus_used=used,
        memory_mib=_memory_mib(labels.get(GPU_MEMORY_LABEL)),
    )


def _memory_mib(label: str | None) -> int | None:
    """GPU feature discovery writes plain MiB; some write a quantity."""
    if label is None:
        return None
    try:
        return int(label) if label.isdigit() else int(quantity(label) / MIB)
    except UnitError:
        return None
