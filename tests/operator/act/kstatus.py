"""kstatus's generic rules, by which Argo CD, Flux and `kubectl wait` style tools judge a custom resource.

After sigs.k8s.io/cli-utils pkg/kstatus/status, checkGenericProperties and checkReadyCondition.
"""

from typing import Any, Literal

Verdict = Literal["InProgress", "Failed", "Current", "Terminating"]


def kstatus(item: dict[str, Any]) -> Verdict:
    metadata, status = item["metadata"], item.get("status", {})
    if "deletionTimestamp" in metadata:
        return "Terminating"
    if status.get("observedGeneration", metadata["generation"]) != metadata["generation"]:
        return "InProgress"
    for condition in status.get("conditions", []):  # in their order: the first that says something counts
        if condition["status"] == "True" and condition["type"] == "Reconciling":
            return "InProgress"
        if condition["status"] == "True" and condition["type"] == "Stalled":
            return "Failed"
    ready = [condition["status"] for condition in status.get("conditions", []) if condition["type"] == "Ready"]
    return "InProgress" if ready and ready[0] != "True" else "Current"
