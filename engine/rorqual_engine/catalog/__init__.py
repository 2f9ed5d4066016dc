"""What is known of GPUs, model architectures and inference engines: reviewable data files and how to look things up."""

from rorqual_engine.catalog.architecture import NEVER_QUANTIZED, Experts, ModelFacts, Part, Quantization, Storage
from rorqual_engine.catalog.config_json import ConfigError, read_config_json
from rorqual_engine.catalog.entries import KnownModel
from rorqual_engine.catalog.lookup import (
    gpu,
    gpu_products,
    model,
    model_names,
    near_models,
    release,
    runtime,
    runtime_version,
)
from rorqual_engine.catalog.schema import (
    GPU,
    BatchDefaults,
    Runtime,
    RuntimeVersion,
)

__all__ = [
    "GPU",
    "NEVER_QUANTIZED",
    "BatchDefaults",
    "ConfigError",
    "Experts",
    "KnownModel",
    "ModelFacts",
    "Part",
    "Quantization",
    "Runtime",
    "RuntimeVersion",
    "Storage",
    "gpu",
    "gpu_products",
    "model",
    "model_names",
    "near_models",
    "read_config_json",
    "release",
    "runtime",
    "runtime_version",
]
