"""The figures of a model and of a GPU that its speed depends on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """One architecture; sizes in elements. Figures that a model lacks are 0."""

    name: str
    parameters: float
    layers: int
    hidden_size: int
    attention_heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    experts: int = 0
    """Routed experts of one layer."""
    active_experts: int = 0
    """Routed experts that one token takes."""
    expert_size: int = 0
    """Intermediate size of one routed expert."""
    expert_layers: int = 0
    """Layers with routed experts."""
    latent_size: int = 0
    """Elements of one token's compressed KV entry in a layer (multi-head latent attention)."""
    full_layers: int = 0
    """Layers whose attention sees the whole context; 0: all of them."""
    window_tokens: int = 0
    """Context that the other layers see; 0: those keep no KV cache (linear attention)."""
    sparse_tokens: int = 0
    """Most tokens that sparse attention picks from the context; 0: dense attention."""


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One GPU's peaks, by data sheet, without sparsity."""

    name: str
    dense_tflops: float
    """Of 16-bit matrix products, TFLOP/s."""
    fp8_tflops: float
    """The same for 8 bits; as dense_tflops where the GPU has no such units."""
    fp4_tflops: float
    """The same for 4 bits."""
    bandwidth_gb: float
    """Of its memory, GB/s."""
    memory_gb: float
    link_gb: float
    """Between the GPUs of a node, GB/s one way."""
    reached: float = 1.0
    """Part of the peaks that it reaches where the GPUs of the fit reach theirs."""
    doubt: float = 0.0
    """Deviation, as a logarithm, of its speeds from the law, beyond the law's own: of GPUs that no fit has seen."""
