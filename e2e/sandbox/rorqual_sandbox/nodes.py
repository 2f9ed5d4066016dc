"""The GPU nodes that the sandbox pretends to have.

Labels are those of NVIDIA's GPU feature discovery and device plugin; memory is what nvidia-smi reports for the
product, in MiB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rorqual_sandbox.errors import SandboxError

GPUS_PER_NODE = 8


@dataclass(frozen=True)
class Product:
    """A GPU as GPU feature discovery describes it; `compute` is the compute capability."""

    name: str
    memory_mib: int
    family: str
    compute: tuple[int, int]
    mig_capable: str


PRODUCTS = {
    product.name: product
    for product in (
        Product("NVIDIA-H100-80GB-HBM3", 81559, "hopper", (9, 0), "true"),
        Product("NVIDIA-H200", 143771, "hopper", (9, 0), "true"),
        Product("NVIDIA-B200", 183359, "blackwell", (10, 0), "true"),
        Product("NVIDIA-A100-SXM4-80GB", 81920, "ampere", (8, 0), "true"),
        Product("NVIDIA-A100-SXM4-40GB", 40960, "ampere", (8, 0), "true"),
        Product("NVIDIA-L40S", 46068, "ada-lovelace", (8, 9), "false"),
        Product("NVIDIA-L4", 23034, "ada-lovelace", (8, 9), "false"),
        Product("NVIDIA-A10G", 23028, "ampere", (8, 6), "false"),
        Product("Tesla-T4", 15360, "turing", (7, 5), "false"),
    )
}


@dataclass(frozen=True)
class NodeSpec:
    """A node to create: `gpus` devices of `product` (None: a node without GPUs)."""

    name: str
    product: str | None = None
    gpus: int = 0
    labels: tuple[tuple[str, str], ...] = ()


DEFAULT_FLEET = (
    NodeSpec("h100-0", "NVIDIA-H100-80GB-HBM3", 8),
    NodeSpec("h100-1", "NVIDIA-H100-80GB-HBM3", 8),
    NodeSpec("a100-0", "NVIDIA-A100-SXM4-80GB", 8),
    NodeSpec("l40s-0", "NVIDIA-L40S", 4),
    NodeSpec("cpu-0"),
)


def fleet_of(gpus: Mapping[str, int]) -> tuple[NodeSpec, ...]:
    """Nodes of at most eight GPUs each that hold `gpus` (product to count), and one without GPUs."""
    nodes: list[NodeSpec] = []
    for product, count in gpus.items():
        prefix = product.lower().removeprefix("nvidia-")
        sizes = [GPUS_PER_NODE] * (count // GPUS_PER_NODE) + [count % GPUS_PER_NODE]
        nodes += [NodeSpec(f"{prefix}-{i}", _known(product), size) for i, size in enumerate(sizes) if size]
    return (*nodes, NodeSpec("cpu-0"))


def read_fleet(path: Path) -> tuple[NodeSpec, ...]:
    """Nodes from a YAML list of {name, product, gpus, labels}."""
    entries = yaml.safe_load(path.read_text())
    if not isinstance(entries, list):
        raise SandboxError(f"{path}: expected a list of {{name, product, gpus, labels}}")
    return tuple(_read_node(path, entry) for entry in entries)


def _read_node(path: Path, entry: Any) -> NodeSpec:
    if not isinstance(entry, dict) or "name" not in entry:
        raise SandboxError(f"{path}: expected an entry such as {{name: h100-0, product: …, gpus: 8}}, found {entry}")
    product = entry.get("product")
    return NodeSpec(
        str(entry["name"]),
        _known(str(product)) if product else None,
        int(entry.get("gpus", GPUS_PER_NODE if product else 0)),
        tuple((str(key), str(value)) for key, value in (entry.get("labels") or {}).items()),
    )


def _known(product: str) -> str:
    if product not in PRODUCTS:
        raise SandboxError(f"GPU product {product!r} is unknown; known are {', '.join(PRODUCTS)}")
    return product


def node_manifest(node: NodeSpec) -> dict[str, Any]:
    """The Node object, with the capacity in its status."""
    resources = {"cpu": "96", "memory": "1Ti", "ephemeral-storage": "2Ti", "pods": "110"}
    if node.gpus:
        resources["nvidia.com/gpu"] = str(node.gpus)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": node_labels(node)},
        "status": {"capacity": resources, "allocatable": resources},
    }


def node_labels(node: NodeSpec) -> dict[str, str]:
    """Labels that kubelet, GPU feature discovery and the device plugin set."""
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": node.name,
        "topology.kubernetes.io/region": "sandbox",
        "topology.kubernetes.io/zone": "sandbox-a",
    }
    if node.product:
        labels |= _gpu_labels(PRODUCTS[node.product], node.gpus)
    return labels | dict(node.labels)


def _gpu_labels(product: Product, count: int) -> dict[str, str]:
    return {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": product.name,
        "nvidia.com/gpu.count": str(count),
        "nvidia.com/gpu.memory": str(product.memory_mib),
        "nvidia.com/gpu.family": product.family,
        "nvidia.com/gpu.compute.major": str(product.compute[0]),
        "nvidia.com/gpu.compute.minor": str(product.compute[1]),
        "nvidia.com/gpu.replicas": "1",
        "nvidia.com/gpu.sharing-strategy": "none",
        "nvidia.com/gpu.mode": "compute",
        "nvidia.com/mig.capable": product.mig_capable,
        "nvidia.com/cuda.driver-version.full": "580.95.05",
        "nvidia.com/cuda.driver-version.major": "580",
        "nvidia.com/cuda.driver-version.minor": "95",
        "nvidia.com/cuda.driver-version.revision": "05",
        "nvidia.com/cuda.runtime-version.full": "13.0",
        "nvidia.com/cuda.runtime-version.major": "13",
        "nvidia.com/cuda.runtime-version.minor": "0",
    }
