"""What stands beside the Deployment: the ways in, the disruption budget, and the objects of other operators."""

from typing import Any

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_operator.act.render.identity import Owner, metadata, pod_selector
from rorqual_operator.act.render.ports import PORT, PORT_NAME
from rorqual_operator.act.render.runtime import Runtime

PICKER_PORT = 9002
"""Port of an endpoint picker's Service, as the Gateway API Inference Extension's charts set it."""
SCRAPE_INTERVAL = "15s"


def service(owner: Owner, spec: LLMServiceSpec) -> dict[str, Any]:
    """One address for all replicas."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(owner, spec),
        "spec": {
            "type": "ClusterIP",
            "selector": pod_selector(owner.name),
            "ports": [{"name": PORT_NAME, "port": PORT, "targetPort": PORT_NAME, "protocol": "TCP"}],
        },
    }


def disruption_budget(owner: Owner, spec: LLMServiceSpec) -> dict[str, Any]:
    """Evictions take one replica at a time; those that do not serve are never in the way of a drain."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(owner, spec),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": pod_selector(owner.name)},
        },
    }


def pod_monitor(owner: Owner, spec: LLMServiceSpec, runtime: Runtime) -> dict[str, Any]:
    """Prometheus Operator's order to scrape the engines."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": metadata(owner, spec),
        "spec": {
            "selector": {"matchLabels": pod_selector(owner.name)},
            "podMetricsEndpoints": [
                {"port": PORT_NAME, "path": runtime.metrics_path, "interval": SCRAPE_INTERVAL},
            ],
        },
    }


def inference_pool(owner: Owner, spec: LLMServiceSpec) -> dict[str, Any]:
    """The Gateway API Inference Extension's pool. Its endpoint picker is the user's, a Service named NAME-epp.

    Without a picker, requests go to any replica rather than nowhere.
    """
    return {
        "apiVersion": "inference.networking.k8s.io/v1",
        "kind": "InferencePool",
        "metadata": metadata(owner, spec),
        "spec": {
            "selector": {"matchLabels": pod_selector(owner.name)},
            "targetPorts": [{"number": PORT}],
            "endpointPickerRef": {
                "name": f"{owner.name}-epp",
                "port": {"number": PICKER_PORT},
                "failureMode": "FailOpen",
            },
        },
    }
