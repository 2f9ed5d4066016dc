"""The physical law: how long one step takes, and what a closed loop of requests makes of it.

A decode step reads the weights that its tokens touch and the keys and values of their contexts, computes, lets the GPUs
exchange activations twice a layer, and pays a fixed cost a layer, a step and a request. A prefill is bound by its
matrix products, attention (which grows with the square of the prompt), exchanges, and the passes of hidden states
through memory. In a closed loop of C requests each output token also waits for its share of the others' prefills; a
prompt waits for those before it, and for a place where the KV cache holds fewer requests than are in flight.
"""

from dataclasses import dataclass

import numpy as np

from rorqual_engine.sizing.performance.coefficients import coefficients_of
from rorqual_engine.sizing.performance.points import Points
from rorqual_engine.sizing.performance.prediction import Array
from rorqual_engine.sizing.performance.work import Work, work_of

Coefficients = dict[str, Array]
FREE_OVERLOAD = 1.2
"""Requests in flight over those that fit, from which on a queue shows in the median."""
MEDIAN_WAIT = 0.7
"""The median's share of the wait that Little's law gives: the first wave finds the engine empty."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Seconds; every array has one entry a point."""

    weights: Array
    context: Array
    compute: Array
    exchange: Array
    fixed: Array
    prefill: Array
    overload: Array
    """Requests in flight over those that run."""
    tpot: Array
    ttft: Array

    @property
    def step(self) -> Array:
        """Of a decode step, had its parts come one after the other."""
        return self.weights + self.context + self.compute + self.exchange + self.fixed


def physical_law(points: Points, work: Work, matrix: Array) -> Parts:
    """Parts of a decode step, one prompt's prefill, and TPOT and TTFT in the closed loop."""
    by = coefficients_of(points, matrix)
    weights = work.dense_weights / by["dense_bandwidth"] + work.expert_weights / by["expert_bandwidth"]
    context = work.context / by["context_bandwidth"]
    compute = work.decode_matrices / by["decode_compute"]
    exchange = work.exchanges * by["exchange_us"] * 1e-6 + work.sent_per_token * work.each / by["link"]
    fixed = _fixed_seconds(points, work, by)
    step = np.hypot(weights, compute) + context + exchange + fixed
    prefill = _prefill_seconds(work, by)
    output = np.maximum(points["output_tokens"], 1.0)
    others = np.maximum(work.each - 1.0, 0.0)
    tpot = step / points["accepted"] + by["interference"] * prefill * others / output
    overload = points["concurrency"] / work.running
    queue = MEDIAN_WAIT * np.maximum(overload - FREE_OVERLOAD, 0.0) * (prefill + tpot * output)
    wait = by["burst"] * others * prefill / 2.0 + work.each * by["queue_us"] * 1e-6 + step * by["steps_awaited"]
    ttft = by["prompt_us"] * 1e-6 + prefill + wait + queue
    return Parts(weights, context, compute, exchange, fixed, prefill, overload, tpot, ttft)


def roofline(points: Points) -> tuple[Array, Array]:
    """TTFT and TPOT at the data sheet's peaks: no cost but bytes, operations and the others' prefills."""
    work = work_of(points)
    step = np.maximum(work.dense_weights + work.expert_weights + work.context, work.decode_matrices)
    prefill = np.maximum(work.prefill_matrices, work.prefill_weights) + work.prefill_attention
    others = np.maximum(work.each - 1.0, 0.0)
    return prefill + step, step + prefill * others / np.maximum(points["output_tokens"], 1.0)


def _prefill_seconds(work: Work, by: Coefficients) -> Array:
    """One prompt's prefill alone on the replica (on one rank of it, with attention DP)."""
    seconds: Array = (
        np.hypot(work.prefill_matrices / by["prefill_compute"], work.prefill_weights)
        + work.prefill_attention / by["attention_compute"]
        + work.sent_per_token * work.fresh / by["link"]
        + work.layer_traffic * by["passes"]
        + work.expert_traffic * by["expert_passes"]
    )
    return seconds


def _fixed_seconds(points: Points, work: Work, by: Coefficients) -> Array:
    layers = points["layers"]
    linear = np.where(points["window"] > 0, 0.0, layers - points["full_layers"])
    micros: Array = (
        layers * by["layer_us"]
        + points["expert_layers"] * by["expert_layer_us"]
        + layers * (points["latent"] > 0) * by["latent_layer_us"]
        + layers * (points["sparse"] > 0) * by["sparse_layer_us"]
        + linear * by["linear_layer_us"]
        + by["step_us"]
        + work.each * by["row_us"]
    )
    return micros * 1e-6
