"""Short ways to Kubernetes objects as the API server gives them, and to Snapshots and Plans."""

from dataclasses import replace
from typing import Any

from rorqual_engine.plan import Command, Configuration, Health, Hold, Reason, ServicePlan, Verdict
from rorqual_engine.snapshot import EngineMetrics, Pod, Service, ServiceKey, Workload
from rorqual_operator.act.render.configuration import write_configuration
from rorqual_operator.kube import Object

from .act.render.builders import CONFIGURATION, GPU, spec

NOW = 1_767_268_800.0
"""2026-01-01T12:00:00Z."""
CREATED = "2026-01-01T11:00:00Z"
KEY = ServiceKey("llm", "chat")


def service_item(name: str = "chat", **fields: Any) -> Object:
    """An LLMService; `fields` are those of its spec."""
    return {
        "apiVersion": "rorqual.io/v1alpha1",
        "kind": "LLMService",
        "metadata": {
            "namespace": "llm",
            "name": name,
            "uid": f"uid-{name}",
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": CREATED,
        },
        "spec": {"model": {"name": "org/model"}, "hardware": [{"gpu": GPU}], **fields},
    }


def pod_item(name: str = "chat-0", *, service: str | None = "chat", ready: bool = True, **status: Any) -> Object:
    """A running engine pod with one GPU on node-1; `status` is laid over its status."""
    labels = {"rorqual.io/service": service} if service else {}
    return {
        "metadata": {
            "namespace": "llm",
            "name": name,
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "creationTimestamp": CREATED,
            "labels": labels,
        },
        "spec": {
            "nodeName": "node-1",
            "containers": [{"name": "engine", "resources": {"limits": {"nvidia.com/gpu": "1"}}}],
        },
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.1",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"name": "engine", "restartCount": 0, "state": {"running": {}}}],
            **status,
        },
    }


def node_item(name: str = "node-1", *, gpus: str | int = 8, ready: str = "True", **labels: str) -> Object:
    """A node of H100s; `labels` are added, with dots and slashes as in `**{"nvidia.com/gpu.memory": "81559"}`."""
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "labels": {"nvidia.com/gpu.product": GPU, **labels},
        },
        "spec": {},
        "status": {"allocatable": {"nvidia.com/gpu": gpus}, "conditions": [{"type": "Ready", "status": ready}]},
    }


def deployment_item(replicas: int = 1, /, *, generation: int = 1, **status: Any) -> Object:
    """The Deployment of llm/chat, rolled out unless `status` says otherwise."""
    return {
        "metadata": {
            "namespace": "llm",
            "name": "chat",
            "uid": "uid-deployment",
            "resourceVersion": "1",
            "generation": generation,
            "annotations": {"rorqual.io/configuration": write_configuration(CONFIGURATION)},
        },
        "spec": {"replicas": replicas},
        "status": {
            "observedGeneration": generation,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": replicas,
            **status,
        },
    }


def metrics(**fields: Any) -> EngineMetrics:
    return EngineMetrics(**{"observed_at": NOW, "source": "scrape", "running": 4.0, "waiting": 0.0, **fields})


def pod(name: str = "chat-0", **fields: Any) -> Pod:
    """A serving engine pod with fresh metrics."""
    known = Pod(name=name, node="node-1", created_at=NOW - 3600, phase="Running", ready=True, metrics=metrics())
    return replace(known, **fields)


def workload(replicas: int = 1, **fields: Any) -> Workload:
    return replace(Workload(replicas=replicas, configuration=CONFIGURATION, rolled_out=True), **fields)


def service(*pods: Pod, key: ServiceKey = KEY, **fields: Any) -> Service:
    """llm/chat with these pods and a Deployment of as many replicas."""
    known = Service(
        key=key,
        uid=f"uid-{key.name}",
        generation=1,
        created_at=NOW - 3600,
        spec=spec(),
        workload=workload(len(pods)),
        pods=pods,
    )
    return replace(known, **fields)


def hold(reason: Reason = Reason.AT_TARGET, message: str = "as many as wanted", **fields: Any) -> Hold:
    return Hold(reason, message, **fields)


def plan(*commands: Command, desired: int = 1, **fields: Any) -> ServicePlan:
    """These commands (a silent hold when none) for a healthy service."""
    healthy = Health(Verdict.HEALTHY, Reason.ANSWERING, "every replica answers")
    return replace(ServicePlan(commands or (hold(),), desired, healthy), **fields)


__all__ = ["CONFIGURATION", "GPU", "Configuration", "spec"]
