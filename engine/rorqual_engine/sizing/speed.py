"""From the catalog's words to those of the performance law: one replica of an engine on GPUs of one product."""

import math
from dataclasses import replace
from functools import lru_cache

from rorqual_engine.catalog import GPU, ModelFacts
from rorqual_engine.sizing.engine import Engine
from rorqual_engine.sizing.performance import Accelerator, Setting, Shape
from rorqual_engine.sizing.performance.setting import Precision

PRECISION: dict[str, Precision] = {
    "none": "bf16",
    "fp8": "fp8",
    "int8": "int8",
    "awq": "int4",
    "gptq": "int4",
    "int4": "int4",
    "mxfp4": "fp4",
    "nvfp4": "fp4",
}
BEFORE_FP8 = 0.77
"""A100 over H100, each against its data sheet: for TensorRT-LLM the law is too fast by 0.38 (as a logarithm) on the one
and by 0.12 on the other."""
UNSEEN_DOUBT = 0.2
"""Deviation, as a logarithm, for what no measured row has: GPUs before FP8 or without NVLink, stages of a pipeline."""
OTHER_VENDORS_DOUBT = {"AMD": 0.8, "Intel": 1.5}
SLOWEST_LINK_GB = 16.0
"""One way over PCIe 3 x16, for GPUs whose link the catalog does not tell."""


def setting_of(
    engine: Engine, gpu: GPU, tensor_parallel: int, sequences: int, pace: float = 1.0, pipeline_parallel: int = 1
) -> Setting | None:
    """The replica as the performance law sees it; None when the catalog does not tell the GPU's speed.

    `pace` is the part of the GPU's speed that the replica has (below 1 on a slice or a shared GPU).
    """
    accelerator = accelerator_of(gpu, pace)
    if accelerator is None:
        return None
    if pipeline_parallel > 1:
        accelerator = replace(accelerator, doubt=math.hypot(accelerator.doubt, UNSEEN_DOUBT))
    return Setting(
        model=shape_of(engine.name, engine.facts),
        gpu=accelerator,
        precision=PRECISION[engine.quantization],
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        batched_tokens=engine.tokens_per_step(gpu),
        sequences=sequences,
        kv_bytes=engine.kv_bytes,
        accepted_tokens=engine.accepted_tokens,
    )


@lru_cache(maxsize=1024)
def accelerator_of(gpu: GPU, pace: float) -> Accelerator | None:
    """The peaks of that part of a GPU; None when its bandwidth or its arithmetic is not known."""
    if gpu.bandwidth_gb_per_second is None or gpu.tflops is None:
        return None
    speeds = gpu.tflops
    reached, doubt = generation(gpu)
    return Accelerator(
        name=gpu.product,
        dense_tflops=speeds.at("bf16") * pace,
        fp8_tflops=speeds.at("fp8") * pace,
        fp4_tflops=speeds.at("fp4") * pace,
        bandwidth_gb=gpu.bandwidth_gb_per_second * pace,
        memory_gb=gpu.usable_bytes / 1e9,
        link_gb=gpu.link.gb_per_second if gpu.link else SLOWEST_LINK_GB,
        reached=reached,
        doubt=doubt,
    )


def generation(gpu: GPU) -> tuple[float, float]:
    """What such GPUs reach of their peaks beside Hopper and Blackwell, which the fit knows, and how unsure that is.

    By Argonne's LLM-Inference-Bench (bench/sizing.py prints its errors by GPU): A100s reach less. AMD's and Intel's
    were at a third and a tenth with the engines of 2024; how far these have come is not among the measurements, so the
    data sheet stands, in doubt.
    """
    if gpu.vendor != "NVIDIA":
        return 1.0, OTHER_VENDORS_DOUBT[gpu.vendor]
    if gpu.tflops is not None and gpu.tflops.at("fp8") <= gpu.tflops.at("bf16"):
        return BEFORE_FP8, UNSEEN_DOUBT
    return 1.0, 0.0 if gpu.link is not None and gpu.link.kind == "NVLink" else UNSEEN_DOUBT


@lru_cache(maxsize=512)
def shape_of(name: str, facts: ModelFacts) -> Shape:
    """The figures of an architecture that its speed depends on."""
    groups = facts.attention
    whole = sum(group.layers for group in groups if group.kind in ("full", "latent"))
    windows = [group.window for group in groups if group.window]
    experts = facts.experts
    return Shape(
        name=name,
        parameters=facts.parameters,
        layers=facts.layers,
        hidden_size=facts.hidden_size,
        attention_heads=facts.attention_heads,
        kv_heads=facts.kv_heads,
        head_size=facts.head_size,
        vocabulary=facts.vocabulary,
        experts=experts.count if experts else 0,
        active_experts=experts.active if experts else 0,
        expert_size=experts.intermediate_size if experts else 0,
        expert_layers=(experts.layers or facts.layers) if experts else 0,
        latent_size=facts.latent_size or 0,
        full_layers=whole,
        window_tokens=max(windows, default=0),
        sparse_tokens=facts.latent.index_topk if facts.latent else 0,
    )
