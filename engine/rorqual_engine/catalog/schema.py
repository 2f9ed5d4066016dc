"""What the catalog's files on GPUs and engines may say. Read once, checked here."""

from typing import Literal

from pydantic import Field

from rorqual_engine.catalog.base import CatalogModel
from rorqual_engine.units import GIB, MIB

DRIVER_GIB = 0.7
"""Memory that the driver keeps: the most seen on data-centre GPUs (B200: 179.06 GiB by nvidia-smi, 178.36 by CUDA)."""

BatchClass = Literal["large", "small"]
Precision = Literal["bf16", "fp8", "fp4", "int8"]
Interconnect = Literal["NVLink", "NVLink bridge", "Infinity Fabric", "Xe Link", "Ethernet", "PCIe"]


class Throughput(CatalogModel):
    """Dense matrix arithmetic in 10^12 operations a second, without sparsity, by precision."""

    bf16: float = Field(gt=0)
    """Of fp16 on GPUs that have no bf16."""
    fp8: float | None = Field(default=None, gt=0)
    """None where the GPU has none: such weights are then multiplied as bf16."""
    fp4: float | None = Field(default=None, gt=0)
    int8: float | None = Field(default=None, gt=0)

    def at(self, precision: Precision) -> float:
        """Operations in that precision; in bf16 where the GPU cannot do it faster."""
        found: float | None = getattr(self, precision)
        if found is None and precision == "fp4":
            found = self.fp8
        return found or self.bf16


class Link(CatalogModel):
    """How GPUs of one node exchange data."""

    kind: Interconnect
    gb_per_second: float = Field(gt=0)
    """Of one GPU, in one direction."""


class MIGProfile(CatalogModel):
    """One way to slice the GPU (NVIDIA's Multi-Instance GPU)."""

    name: str
    """Such as 1g.10gb; the resource is nvidia.com/mig-1g.10gb."""
    instances: int = Field(gt=0)
    """Most of them on one GPU."""
    memory_mib: int = Field(gt=0)
    compute_slices: int = Field(gt=0)


class GPU(CatalogModel):
    """One GPU product."""

    product: str
    """As the node's label (nvidia.com/gpu.product and its like) names it."""
    aliases: tuple[str, ...] = ()
    """Other labels and common short names."""
    vendor: Literal["NVIDIA", "AMD", "Intel"] = "NVIDIA"
    memory_mib: int = Field(gt=0)
    usable_gib: float | None = Field(default=None, gt=0)
    gpus_per_node: int = Field(default=8, gt=0)
    batch_class: BatchClass = "large"
    bandwidth_gb_per_second: float | None = Field(default=None, gt=0)
    """Of its memory. None only for a GPU that the catalog lacks and a node's label describes."""
    tflops: Throughput | None = None
    link: Link | None = None
    mig: tuple[MIGProfile, ...] = ()
    source: str = ""

    @property
    def usable_bytes(self) -> int:
        """Memory that CUDA sees as the device's total."""
        if self.usable_gib is not None:
            return int(self.usable_gib * GIB)
        return int(self.memory_mib * MIB - DRIVER_GIB * GIB)


class BatchDefaults(CatalogModel):
    """What the engine takes when not told."""

    sequences: int = Field(gt=0)
    batched_tokens: int = Field(gt=0)


class RuntimeVersion(CatalogModel):
    """Facts that hold from one version on."""

    since: str
    default_share: float = Field(gt=0, le=1)
    sampler_bytes_per_logit: float = Field(ge=0)
    graphs_in_share: bool
    context_gib: float = Field(gt=0)
    """CUDA context and loaded kernels, on a GPU of a replica that has no other."""
    block_tokens: int = Field(default=16, gt=0)
    """Of one KV block, unless the attention backend wants another."""
    largest_graph_batch: int = Field(default=512, gt=0)
    """Most sequences of a step for which a CUDA graph is captured."""
    large: BatchDefaults
    small: BatchDefaults

    def batch_defaults(self, batch_class: BatchClass) -> BatchDefaults:
        return self.large if batch_class == "large" else self.small


class Runtime(CatalogModel):
    """One inference engine."""

    flags: dict[str, str]
    """Options that the configuration sets, and their flags; all take a number."""
    other_flags: dict[str, str] = Field(default_factory=dict)
    """Options that change memory or speed and that users give themselves."""
    short_flags: dict[str, str] = Field(default_factory=dict)
    versions: tuple[RuntimeVersion, ...]
