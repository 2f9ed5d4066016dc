"""What a point asks of the hardware at its peaks: everything in the law that no fitted coefficient changes.

Prompts of P and answers of N tokens differ in length, so the mean token is one of a longer request than the mean one:

* An answer of N tokens is in the batch for N steps, and at step t has a context of P + t. Over the requests that run,
  the mean context is E[sum over t < N of (P + t)] / E[N] = E[P] + E[N^2] / (2 E[N]), with P and N independent (in
  Azure's trace of 2023, E[PN] is 0.92 of E[P] E[N] for conversations and 1.00 for code).
* A token of a prompt of which a share h is cached attends on average to (1 + h) P / 2 tokens before it, and a prompt
  has (1 - h) P tokens to attend for: over the prompts' tokens the mean is (1 + h) E[P^2] / (2 E[P]).

Both are what the mean length gives, times E[L^2] / E[L]^2, which is 1 when all are alike.
"""

from dataclasses import dataclass

import numpy as np

from rorqual_engine.sizing.performance.points import MOST_BYTES_OF_4_BITS, Points
from rorqual_engine.sizing.performance.prediction import Array

MEMORY_SHARE = 0.92
"""Of a GPU's memory that the engine takes (vLLM's default since 0.21)."""
WORKSPACE_BYTES = 4e9
"""Of activations, CUDA graphs and communication on one GPU."""
HEAD_BYTES = 2.0
"""Of one parameter of the output head."""
OUTPUT_HELD = {"vllm": 0.55, "sglang": 0.55, "trtllm": 1.0}
"""Share of the answer whose KV cache a running request holds: TensorRT-LLM reserves all of it at the start."""


@dataclass(frozen=True, slots=True)
class Work:
    """Seconds at the data sheet's peaks, unless said otherwise; every array has one entry a point."""

    capacity: Array
    """Requests whose KV cache fits."""
    running: Array
    """Requests that run at once; the others wait."""
    each: Array
    """Of those, on one rank and in one pipeline stage."""
    dense_weights: Array
    expert_weights: Array
    context: Array
    decode_matrices: Array
    prefill_matrices: Array
    prefill_weights: Array
    prefill_attention: Array
    sent_per_token: Array
    """Two exchanges a layer."""
    exchanges: Array
    """How many a step has."""
    fresh: Array
    """Tokens of a prompt that no cache holds."""
    layer_traffic: Array
    """One pass of a prompt's hidden states through memory, in every layer."""
    expert_traffic: Array
    """The same for the copies that go to experts."""


def work_of(points: Points) -> Work:
    """The work of every point."""
    gpus = points["tensor"] * points["data"]
    bandwidth, peak = points["bandwidth_gb"] * 1e9, points["tflops"] * 1e12
    active_share = points["active"] / np.maximum(points["experts"], 1.0)
    experts, others = _expert_parameters(points), _other_parameters(points)
    capacity = _capacity(points, experts, others)
    running = np.maximum(np.minimum(np.minimum(points["concurrency"], points["sequences"]), capacity), 1.0)
    each = np.maximum(running / points["data"] / points["pipeline"], 1.0)
    fresh = np.maximum(points["input_tokens"] * (1.0 - points["hit_rate"]), 1.0)
    seen = (points["input_tokens"] - fresh / 2.0) * points["prompt_square"]
    chunk = np.minimum(fresh, points["batched_tokens"])
    pass_seconds = fresh * points["hidden"] * 2.0 / bandwidth
    sparse = np.where(points["sparse"] > 0, points["sparse"], np.inf)
    length = points["input_tokens"] + points["output_tokens"] / 2.0 * points["answer_square"]
    scores = 4.0 * points["heads"] * points["head_size"] * _tokens_attended(points, seen, sparse)
    on_rank = others / points["tensor"]
    dense_bytes = _dense_bytes(points, others) / points["tensor"]
    return Work(
        capacity=capacity,
        running=running,
        each=each,
        dense_weights=dense_bytes / bandwidth,
        expert_weights=experts
        * _touched(active_share, each * points["data"])
        / gpus
        * points["weight_bytes"]
        / bandwidth,
        context=each * _context_bytes(points, length, sparse) / bandwidth,
        decode_matrices=2.0 * each * (on_rank + experts * active_share / points["tensor"]) / peak,
        prefill_matrices=2.0 * fresh * (on_rank + experts * active_share / points["tensor"]) / peak,
        prefill_weights=np.ceil(fresh / points["batched_tokens"])
        * (dense_bytes + experts * _touched(active_share, chunk) / gpus * points["weight_bytes"])
        / bandwidth,
        prefill_attention=fresh * scores / (points["dense_tflops"] * 1e12 * points["tensor"]),
        sent_per_token=(gpus > 1) * 4.0 * points["hidden"] * points["layers"] / (points["link_gb"] * 1e9),
        exchanges=(gpus > 1) * 2.0 * points["layers"],
        fresh=fresh,
        layer_traffic=pass_seconds * points["layers"],
        expert_traffic=pass_seconds * points["expert_layers"] * points["active"] / points["expert_ranks"],
    )


def _expert_parameters(points: Points) -> Array:
    """Of all routed experts."""
    parameters: Array = 3.0 * points["hidden"] * points["expert_size"] * points["experts"] * points["expert_layers"]
    return parameters


def _other_parameters(points: Points) -> Array:
    """Read at every step: all but routed experts and the table of input embeddings."""
    embedding = points["vocabulary"] * points["hidden"]
    parameters: Array = np.maximum(points["parameters"] - _expert_parameters(points) - embedding, embedding)
    return parameters


def _dense_bytes(points: Points, others: Array) -> Array:
    """Of what is read at every step: the head has 16 bits in all checkpoints, and so have attention and shared layers
    where experts have 4 (as gpt-oss, Kimi-K2.5 and NVIDIA's NVFP4 checkpoints are published)."""
    head = points["vocabulary"] * points["hidden"]
    experts_alone = (points["experts"] > 0) & (points["weight_bytes"] <= MOST_BYTES_OF_4_BITS)
    size = np.where(experts_alone, HEAD_BYTES, points["weight_bytes"])
    dense: Array = np.maximum(others - head, 0.0) * size + head * HEAD_BYTES
    return dense


def _touched(active_share: Array, tokens: Array) -> Array:
    """Share of the experts that so many tokens meet: of E with k active, 1 - (1 - k/E)^tokens."""
    share: Array = 1.0 - (1.0 - active_share) ** tokens
    return share


def _tokens_attended(points: Points, length: Array, sparse: Array) -> Array:
    """Over all layers: the whole context, what sparse attention picks of it, or what a window shows."""
    near = np.maximum(points["layers"] - points["full_layers"], 0.0) * np.minimum(length, points["window"])
    tokens: Array = points["full_layers"] * np.minimum(length, sparse) + near
    return tokens


def _context_bytes(points: Points, length: Array, sparse: Array) -> Array:
    """Keys and values of one request on one GPU (of all pipeline stages)."""
    heads = np.ceil(points["kv_heads"] / points["tensor"])
    elements = np.where(points["latent"] > 0, points["latent"], 2.0 * heads * points["head_size"])
    size: Array = _tokens_attended(points, length, sparse) * elements * points["kv_bytes"]
    return size


def _capacity(points: Points, experts: Array, others: Array) -> Array:
    """Requests whose KV cache fits beside the weights; no limit where the weights alone do not (the caller knows)."""
    on_gpu = experts / (points["tensor"] * points["data"]) + others / points["tensor"]
    weights = on_gpu * points["weight_bytes"] / points["pipeline"]
    free = MEMORY_SHARE * points["memory_gb"] * 1e9 - weights - WORKSPACE_BYTES
    held = sum((points[name] * share for name, share in OUTPUT_HELD.items()), np.zeros(len(points)))
    length = points["input_tokens"] + held * points["output_tokens"] * points["answer_square"]
    one = _context_bytes(points, length, np.full(len(points), np.inf)) / points["pipeline"]
    capacity: Array = np.where(free > 0.02 * weights, np.maximum(free, 1.0) / one, 1e9) * points["data"]
    return capacity
