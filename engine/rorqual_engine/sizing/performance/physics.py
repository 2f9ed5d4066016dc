"""The physical law: how long one step takes, and what a closed loop of requests makes of it.

A decode step reads the weights that its tokens touch and the keys and values of their contexts, computes, lets the GPUs
exchange activations twice a layer, and pays a fixed cost a layer and a step. A prefill is bound by its matrix products,
those of attention growing with the square of the prompt. In a closed loop of C requests each decode step shares the
GPUs with the prefills of the others, so TPOT grows by their work per output token; and a prompt waits for those before.

Coefficients (efficiencies, costs) are fitted; see docs/explanation/performance-law.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rorqual_engine.sizing.performance.points import RUNTIMES, Points
from rorqual_engine.sizing.performance.prediction import Array

FIRST_GUESS: dict[str, float] = {
    "bandwidth_share": 0.7,
    "kv_bandwidth_share": 0.6,
    "decode_compute_share": 0.4,
    "prefill_compute_share": 0.5,
    "attention_compute_share": 0.3,
    "link_share": 0.5,
    "exchange_us": 8.0,
    "layer_us_vllm": 30.0,
    "layer_us_sglang": 30.0,
    "layer_us_trtllm": 25.0,
    "expert_layer_us": 20.0,
    "step_us": 1500.0,
    "prefill_step_us": 10000.0,
    "interference": 1.0,
    "burst": 0.3,
}
Coefficients = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Parts:
    """Seconds; every array has one entry a point."""

    weights: Array
    context: Array
    compute: Array
    exchange: Array
    fixed: Array
    prefill: Array
    tpot: Array
    ttft: Array


def physical_law(points: Points, by: Coefficients) -> Parts:
    """Parts of a decode step, one prompt's prefill, and TPOT and TTFT in the closed loop."""
    running = np.minimum(points["concurrency"], points["sequences"])
    weights = _weight_seconds(points, running) / by["bandwidth_share"]
    context = _context_seconds(points, running) / by["kv_bandwidth_share"]
    compute = _matrix_flops(points) * running / _flops(points) / by["decode_compute_share"]
    exchange = _exchange_seconds(points, running / points["data"], by)
    fixed = _fixed_seconds(points, by)
    step = np.hypot(weights, compute) + context + exchange + fixed
    prefill = prefill_seconds(points, by)
    each = running / points["data"]
    output = np.maximum(points["output_tokens"], 1.0)
    tpot = step / points["accepted"] + by["interference"] * prefill * (each - 1.0) / output
    wait = by["burst"] * (each - 1.0) * prefill / 2.0
    queued = np.maximum(points["concurrency"] / running - 1.0, 0.0) * (prefill + tpot * output)
    return Parts(weights, context, compute, exchange, fixed, prefill, tpot, prefill + wait + step + queued)


def prefill_seconds(points: Points, by: Coefficients) -> Array:
    """One prompt's prefill alone on the replica (on one rank of it, with attention DP)."""
    fresh = np.maximum(points["input_tokens"] * (1.0 - points["hit_rate"]), 1.0)
    seen = points["input_tokens"] - fresh / 2.0
    matrices = fresh * _matrix_flops(points) / _flops(points) * points["data"] / by["prefill_compute_share"]
    attention = (
        fresh
        * seen
        * _attention_flops(points)
        / (points["dense_tflops"] * 1e12 * points["tensor"] * by["attention_compute_share"])
    )
    steps = np.ceil(fresh / points["batched_tokens"])
    return matrices + attention + _exchange_seconds(points, fresh, by) + steps * by["prefill_step_us"] * 1e-6


def _expert_parameters(points: Points) -> Array:
    """Of all routed experts."""
    return 3.0 * points["hidden"] * points["expert_size"] * points["experts"] * points["expert_layers"]


def _other_parameters(points: Points) -> Array:
    """Read at every step: all but routed experts and the table of input embeddings."""
    embedding = points["vocabulary"] * points["hidden"]
    return np.maximum(points["parameters"] - _expert_parameters(points) - embedding, embedding)


def _gpus(points: Points) -> Array:
    return points["tensor"] * points["data"]


def _flops(points: Points) -> Array:
    """FLOP/s of the GPUs of one pipeline stage, at the precision of the weights."""
    return points["tflops"] * 1e12 * _gpus(points)


def _matrix_flops(points: Points) -> Array:
    """Of one token through all weights that it meets."""
    active = _expert_parameters(points) * points["active"] / np.maximum(points["experts"], 1.0)
    return 2.0 * (_other_parameters(points) + active)


def _attention_flops(points: Points) -> Array:
    """Of one token with one token of context, over all layers."""
    return 4.0 * points["full_layers"] * points["heads"] * points["head_size"]


def _weight_seconds(points: Points, tokens: Array) -> Array:
    """Weights that a step of so many tokens reads: of E experts with k active, 1 - (1 - k/E)^tokens are touched."""
    missed = (1.0 - points["active"] / np.maximum(points["experts"], 1.0)) ** tokens
    read = _other_parameters(points) / points["tensor"] + _expert_parameters(points) * (1.0 - missed) / _gpus(points)
    return read * points["weight_bytes"] / (points["bandwidth_gb"] * 1e9)


def _context_seconds(points: Points, running: Array) -> Array:
    """Keys and values of the contexts, half of the answer long since."""
    length = points["input_tokens"] + points["output_tokens"] / 2.0
    heads = np.ceil(points["kv_heads"] / points["tensor"])
    wide = np.where(points["latent"] > 0, points["latent"], 2.0 * heads * points["head_size"])
    others = np.maximum(points["layers"] - points["full_layers"], 0.0)
    near = np.minimum(length, points["window"])
    far = np.where(points["sparse"] > 0, np.minimum(length, points["sparse"]), length)
    tokens = points["full_layers"] * far + others * near
    return running / points["data"] * tokens * wide * points["kv_bytes"] / (points["bandwidth_gb"] * 1e9)


def _exchange_seconds(points: Points, tokens: Array, by: Coefficients) -> Array:
    """Two all-reduces a layer (or the dispatch and the gathering of experts)."""
    several = _gpus(points) > 1
    sent = 2.0 * tokens * points["hidden"] * 2.0 / (points["link_gb"] * 1e9 * by["link_share"])
    return np.where(several, points["layers"] * 2.0 * (by["exchange_us"] * 1e-6 + sent), 0.0)


def _fixed_seconds(points: Points, by: Coefficients) -> Array:
    layer = sum(points[name] * by[f"layer_us_{name}"] for name in RUNTIMES)
    return (points["layers"] * layer + points["expert_layers"] * by["expert_layer_us"] + by["step_us"]) * 1e-6
