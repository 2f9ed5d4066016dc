"""What is known of GPUs, model architectures and inference engines: reviewable data files and how to look things up."""

from rorqual_engine.catalog.lookup import (
    KnownModel,
    gpu,
    gpu_products,
    model,
    near_models,
    release,
    runtime,
    runtime_version,
)
from rorqual_engine.catalog.schema import (
    GPU,
    BatchDefaults,
    Experts,
    ModelFacts,
    Quantization,
    Runtime,
    RuntimeVersion,
)

__all__ = [
    "GPU",
    "BatchDefaults",
    "Experts",
    "KnownModel",
    "ModelFacts",
    "Quantization",
    "Runtime",
    "RuntimeVersion",
    "gpu",
    "gpu_products",
    "model",
    "near_models",
    "release",
    "runtime",
    "runtime_version",
]
