"""What the weights take on one GPU, as the engine's allocator counts them.

Nothing here is fitted. Over parameters x width it counts what vLLM 0.19's start-ups show to be there too:

* tables of sines and cosines for positions, on every GPU whole: 2.5 GiB for Llama 4 Scout's ten million positions;
* rounding: PyTorch hands out blocks above 10 MiB in steps of 2 MiB, and keeps up to 1 MiB of the last with the tensor;
* what tensor parallelism repeats: router, norms, down-projections of latent attention, key/value heads beyond their
  number;
* the up-projection of latent attention, kept a second time, absorbed into queries and outputs;
* the padding of MXFP4 experts to whole tiles, and one layer of theirs being laid out anew;
* with pipeline parallelism, the embedding on the first stage and the output layer on the last.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

from rorqual_engine.catalog.architecture import AttentionLayers, ModelFacts, Part
from rorqual_engine.units import MIB

_BYTES = {
    "fp8": 1.0,
    "int8": 1.0,
    "awq": 0.5 + 2.5 / 128,  # 4 bits, and per group of 128 a 16-bit scale and a 4-bit zero
    "gptq": 0.5 + 2 / 128,  # the same, symmetric: no zeros
    "int4": 0.5 + 2 / 32,  # per group of 32 a 16-bit scale
    "mxfp4": 0.5 + 1 / 32,  # per group of 32 an 8-bit scale
    "nvfp4": 0.5 + 1 / 16,  # per group of 16 an 8-bit scale
}
_ROUNDED_FROM = 10 * MIB
_STEP = 2 * MIB
_KEPT = MIB
_ABSORBED_COPIES = 1.5
"""Of latent attention's up-projection, over and above itself: DeepSeek-V2-Lite and Kimi-VL load 5.9 and 6.1 MiB more a
layer than their parameters take, and it has 4 MiB."""
_TILE = 128
"""MXFP4 kernels pad an expert's input and intermediate size to multiples of it."""
_REPACKED = ("gptq", "awq")
"""Schemes whose matrices are laid out anew one at a time after loading."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A model as stored, on so many GPUs."""

    facts: ModelFacts
    scheme: str
    whole: tuple[Part, ...]
    dtype_bytes: int
    tensor_parallel: int
    pipeline_parallel: int = 1

    def width(self, part: Part) -> float:
        """Bytes of one element of that part."""
        return self.dtype_bytes if self.scheme == "none" or part in self.whole else _BYTES[self.scheme]


@lru_cache(maxsize=4096)
def weight_bytes(stored: Stored) -> float:
    """Bytes on the GPU that holds the most: with pipeline parallelism on the first or the last stage.

    Kept, for a search asks it of the same replica on every GPU and at every number of sequences.
    """
    facts = stored.facts
    layers = _layer_bytes(stored) / facts.layers * math.ceil(facts.layers / stored.pipeline_parallel)
    ends = _end_bytes(stored)
    fixed = facts.rotary_elements * stored.dtype_bytes + _transient_bytes(stored)
    return layers + ends + fixed + facts.counts.encoder * stored.dtype_bytes / stored.tensor_parallel


def total_weight_bytes(stored: Stored) -> float:
    """Bytes of the checkpoint: every parameter once."""
    facts = stored.facts
    if not facts.counts.total:
        width = stored.dtype_bytes if stored.scheme == "none" else _BYTES[stored.scheme]
        ends = facts.vocabulary * facts.hidden_size * (1 if facts.tied_embeddings else 2)
        whole = min(ends, facts.parameters)
        return (facts.parameters - whole) * width + whole * stored.dtype_bytes
    parts: tuple[Part, ...] = ("embedding", "head", "attention", "dense", "shared", "experts", "router", "small")
    return sum(facts.counts.of(part) * stored.width(part) for part in (*parts, "encoder"))


def _end_bytes(stored: Stored) -> float:
    counts = stored.facts.counts
    if not counts.total:
        return 0.0
    embedding, head = (counts.of(part) * stored.dtype_bytes / stored.tensor_parallel for part in ("embedding", "head"))
    if stored.pipeline_parallel > 1:
        return max(embedding, head or embedding)
    return embedding + head


def _layer_bytes(stored: Stored) -> float:
    """All layers on one GPU of a stage that held them all."""
    facts, split = stored.facts, stored.tensor_parallel
    if not facts.counts.total:
        return total_weight_bytes(stored) / split
    parts: tuple[Part, ...] = ("attention", "dense", "shared", "experts")
    shared_out = sum(facts.counts.of(part) * stored.width(part) for part in parts) / split
    repeated = (facts.counts.router + facts.counts.small) * stored.dtype_bytes
    return (
        shared_out + repeated + _repeated_heads(stored) + _latent_bytes(stored) + _padding(stored) + _rounding(stored)
    )


def _repeated_heads(stored: Stored) -> float:
    """Key/value heads are repeated once there are more GPUs than heads."""
    hidden, split = stored.facts.hidden_size, stored.tensor_parallel
    extra = 0.0
    for layers in stored.facts.attention:
        if layers.kind in ("full", "sliding", "chunked") and layers.kv_heads < split:
            extra += layers.layers * hidden * layers.kv_elements * (1 / layers.kv_heads - 1 / split)
    return extra * stored.width("attention")


def _latent_bytes(stored: Stored) -> float:
    """What latent attention takes over its share: down-projections whole on every GPU, up-projections twice."""
    facts, split = stored.facts, stored.tensor_parallel
    if facts.latent is None:
        return 0.0
    latent = facts.latent
    layers = sum(group.layers for group in facts.attention if group.kind == "latent")
    down = facts.hidden_size * (latent.size + (latent.query_rank or 0)) * (1 - 1 / split) * stored.width("attention")
    up = latent.kv_rank * facts.attention_heads * (latent.nope_size + latent.value_size)
    return layers * (down + _ABSORBED_COPIES * up / split * stored.dtype_bytes)


def _padding(stored: Stored) -> float:
    """Of MXFP4 experts to whole tiles."""
    experts = stored.facts.experts
    if experts is None or stored.scheme != "mxfp4":
        return 0.0
    hidden, size = experts.hidden_size or stored.facts.hidden_size, experts.intermediate_size / stored.tensor_parallel
    grown = _up(hidden, _TILE) * _up(size, _TILE) / (hidden * size)
    return (grown - 1) * stored.facts.counts.experts * stored.width("experts") / stored.tensor_parallel


def _transient_bytes(stored: Stored) -> float:
    """What lies beside the weights while the last layer is laid out anew: the peak is what the engine reports."""
    facts, split = stored.facts, stored.tensor_parallel
    if stored.scheme == "mxfp4" and facts.experts is not None:
        one = facts.counts.experts / max(1, facts.experts.layers) * stored.width("experts")
        return one * 2 / 3 / split  # gate and up together
    if stored.scheme in _REPACKED:
        return max(_matrices(stored), default=0.0)
    return 0.0


def _rounding(stored: Stored) -> float:
    """What the allocator keeps with the tensors of all layers."""
    facts = stored.facts
    attention = sum(
        layers.layers * sum(_left_over(size) for size in _attention_matrices(stored, layers))
        for layers in facts.attention
    )
    return attention + sum(count * _left_over(size) for count, size in _feed_forward_matrices(stored))


def _matrices(stored: Stored) -> list[float]:
    attention = [size for layers in stored.facts.attention for size in _attention_matrices(stored, layers)]
    return attention + [size for _, size in _feed_forward_matrices(stored)]


def _attention_matrices(stored: Stored, layers: AttentionLayers) -> list[float]:
    """Queries, keys and values fused, and the output; of one layer on one GPU."""
    if layers.kind not in ("full", "sliding", "chunked"):
        return []
    split = stored.tensor_parallel
    width = stored.facts.hidden_size * stored.width("attention")
    keys_values = layers.kv_elements * max(1 / split, 1 / layers.kv_heads)
    outputs = layers.query_heads * (layers.value_size or layers.head_size) / split
    return [width * (layers.query_heads * layers.head_size / split + keys_values), width * outputs]


def _feed_forward_matrices(stored: Stored) -> list[tuple[int, float]]:
    """How many, and bytes of one on one GPU: gate and up fused, and down; dense, and all experts of a layer at once."""
    facts, split = stored.facts, stored.tensor_parallel
    experts, first = facts.experts, facts.feed_forward_matrices - 1
    found = []
    dense = round(facts.counts.dense / (facts.feed_forward_matrices * facts.hidden_size * facts.intermediate_size))
    if dense:
        one = facts.hidden_size * facts.intermediate_size * stored.width("dense") / split
        found += [(dense, first * one), (dense, one)]
    if experts is not None and facts.counts.experts:
        hidden = experts.hidden_size or facts.hidden_size
        one = experts.count * hidden * experts.intermediate_size * stored.width("experts") / split
        found += [(experts.layers, first * one), (experts.layers, one)]
    return found


def _left_over(size: float) -> float:
    if size <= _ROUNDED_FROM:
        return 0.0
    over = -size % _STEP
    return over if over <= _KEPT else 0.0


def _up(size: float, step: int) -> int:
    return math.ceil(size / step) * step
