"""How a replica asks for its GPUs, by sharing scheme."""

import math
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from rorqual_engine.api.spec import Sharing
from rorqual_engine.plan import Configuration

GPU_RESOURCE = "nvidia.com/gpu"
GPU_MEMORY_PERCENTAGE = "nvidia.com/gpumem-percentage"
PRODUCT_LABEL = "nvidia.com/gpu.product"
CLAIM = "gpu"
TOLERATION = {"key": GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"}
"""The usual taint of GPU nodes."""


def limits(sharing: Sharing, configuration: Configuration) -> dict[str, str]:
    """Extended resources of the engine's container; requests equal them, as Kubernetes wants it."""
    if sharing.scheme == "DRA":
        return {}
    found = {sharing.resource or GPU_RESOURCE: str(configuration.gpus)}
    if sharing.scheme == "HAMi" and configuration.gpu_memory_share is not None:
        found[GPU_MEMORY_PERCENTAGE] = str(math.ceil(round(configuration.gpu_memory_share * 100, 6)))
    return found


def container_resources(sharing: Sharing, configuration: Configuration) -> dict[str, Any]:
    """The container's ``resources``."""
    if sharing.scheme == "DRA":
        return {"claims": [{"name": CLAIM}]}
    return {"limits": limits(sharing, configuration)}


def pod_claims(sharing: Sharing) -> list[dict[str, str]]:
    """The pod's ``resourceClaims``; empty unless the scheme is DRA. The template holds all GPUs of one replica."""
    if sharing.scheme != "DRA" or sharing.claim_template is None:
        return []
    return [{"name": CLAIM, "resourceClaimTemplateName": sharing.claim_template}]


def on_product(affinity: Mapping[str, Any] | None, gpu: str) -> dict[str, Any]:
    """`affinity` with the GPU product required as well.

    Node selector terms are alternatives, so the product goes into each of them.
    """
    found: dict[str, Any] = deepcopy(dict(affinity or {}))
    required = found.setdefault("nodeAffinity", {}).setdefault("requiredDuringSchedulingIgnoredDuringExecution", {})
    required["nodeSelectorTerms"] = [
        {**term, "matchExpressions": [*term.get("matchExpressions", []), _is_product(gpu)]}
        for term in required.get("nodeSelectorTerms") or [{}]
    ]
    return found


def _is_product(gpu: str) -> dict[str, Any]:
    return {"key": PRODUCT_LABEL, "operator": "In", "values": [gpu]}
