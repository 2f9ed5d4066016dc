"""What the catalog's files may say. Read once, checked here."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rorqual_engine.units import GIB, MIB

DRIVER_GIB = 0.7
"""Memory that the driver keeps: the most seen on data-centre GPUs (B200: 179.06 GiB by nvidia-smi, 178.36 by CUDA)."""

BatchClass = Literal["large", "small"]
Quantization = Literal["none", "fp8", "awq", "gptq", "int8", "mxfp4"]


class CatalogModel(BaseModel):
    """Frozen; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GPU(CatalogModel):
    """One GPU product."""

    product: str
    memory_mib: int = Field(gt=0)
    usable_gib: float | None = None
    gpus_per_node: int = 8
    batch_class: BatchClass = "large"

    @property
    def usable_bytes(self) -> int:
        """Memory that CUDA sees as the device's total."""
        if self.usable_gib is not None:
            return int(self.usable_gib * GIB)
        return int(self.memory_mib * MIB - DRIVER_GIB * GIB)


class Experts(CatalogModel):
    """Routed experts of a mixture-of-experts model."""

    count: int
    active: int
    intermediate_size: int


class Variant(CatalogModel):
    """A name under which the same architecture is stored quantised."""

    name: str
    quantization: Quantization


class ModelFacts(CatalogModel):
    """Figures of one architecture; sizes in elements, not bytes."""

    name: str
    aliases: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    parameters: int = Field(gt=0)
    layers: int
    hidden_size: int
    intermediate_size: int
    attention_heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    max_context_tokens: int
    tied_embeddings: bool = False
    experts: Experts | None = None
    latent_size: int | None = None
    kv_layers: int | None = None
    quantization: Quantization = "none"
    unquantized_parameters: int | None = None
    weights_beyond_parameters_gib: float = 0.0

    @property
    def parameters_kept_whole(self) -> int:
        """Parameters that stay in dtype when the rest is quantised: by default embeddings and output layer."""
        if self.unquantized_parameters is not None:
            return self.unquantized_parameters
        return self.vocabulary * self.hidden_size * (1 if self.tied_embeddings else 2)


class BatchDefaults(CatalogModel):
    """What the engine takes when not told."""

    sequences: int
    batched_tokens: int


class RuntimeVersion(CatalogModel):
    """Facts that hold from one version on."""

    since: str
    default_share: float
    sampler_bytes_per_logit: float
    graphs_in_share: bool
    large: BatchDefaults
    small: BatchDefaults

    def batch_defaults(self, batch_class: BatchClass) -> BatchDefaults:
        return self.large if batch_class == "large" else self.small


class Runtime(CatalogModel):
    """One inference engine."""

    flags: dict[str, str]
    short_flags: dict[str, str] = {}
    versions: tuple[RuntimeVersion, ...]
