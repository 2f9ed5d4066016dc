"""How a checkpoint's weights are stored, from the quantization_config of its config.json."""

import fnmatch
import re
from collections.abc import Iterable

from rorqual_engine.catalog.architecture import NEVER_QUANTIZED, Part, Quantization, Storage
from rorqual_engine.catalog.config_json.fields import Fields

_METHODS: dict[str, Quantization] = {
    "fp8": "fp8",
    "fbgemm_fp8": "fp8",
    "awq": "awq",
    "gptq": "gptq",
    "mxfp4": "mxfp4",
    "nvfp4": "nvfp4",
    "w8a8_fp8": "fp8",
    "w8a8_int8": "int8",
}
_EXAMPLES: dict[Part, tuple[str, ...]] = {
    "attention": ("self_attn.q_proj", "self_attn.o_proj", "linear_attn.in_proj_qkvz", "mixer.in_proj"),
    "dense": ("mlp.gate_proj", "mlp.down_proj"),
    "shared": ("mlp.shared_experts.gate_proj", "mlp.shared_expert.gate_proj", "mixer.shared_experts.up_proj"),
    "experts": ("mlp.experts.0.gate_proj", "block_sparse_moe.experts.0.w1", "mixer.experts.0.up_proj"),
}
"""Names of modules by which the parts are known in lists of what stays whole."""


def read_storage(config: Fields, layers: int) -> Storage:
    """Scheme and what it leaves out. Raises ConfigError for a scheme whose size is not known."""
    found = config.part("quantization_config") or config.part("compression_config")
    if found is None:
        return Storage()
    scheme = _scheme(found)
    names = [str(name) for key in ("modules_to_not_convert", "ignore", "exclude_modules") for name in found.items(key)]
    kept = [part for part, modules in _EXAMPLES.items() if _matches(names, modules, layers // 2)]
    return Storage(scheme=scheme, whole=(*NEVER_QUANTIZED, *kept))


def _scheme(found: Fields) -> Quantization:
    method = found.text("quant_method").replace("-", "_") if "quant_algo" not in found else "modelopt"
    method = "compressed-tensors" if method == "compressed_tensors" else method
    if method in ("modelopt", "modelopt_fp4"):
        return _of_modelopt(found)
    if method == "compressed-tensors":
        return _of_groups(found)
    if method not in _METHODS:
        raise found.error(
            f"quantization_config.quant_method is {method!r}; known are {', '.join(_METHODS)}, modelopt and "
            "compressed-tensors"
        )
    return _METHODS[method]


def _of_modelopt(found: Fields) -> Quantization:
    algorithm = found.text("quant_algo").upper()
    if "NVFP4" in algorithm or "MIXED" in algorithm:
        return "nvfp4"
    if "FP8" in algorithm:
        return "fp8"
    raise found.error(f"quantization_config.quant_algo is {algorithm!r}; known are FP8, NVFP4 and MIXED_PRECISION")


def _of_groups(found: Fields) -> Quantization:
    """Of compressed-tensors: bits, type and group size of the weights."""
    groups = found.part("config_groups")
    weights = [group.get("weights") or {} for group in (groups.values.values() if groups else ())]
    bits = {(weight.get("num_bits"), weight.get("type"), weight.get("group_size")) for weight in weights}
    for number, kind, group in bits:
        if number == 8:
            return "fp8" if kind == "float" else "int8"
        if number == 4 and kind == "float":
            return "nvfp4" if group == 16 else "mxfp4"
        if number == 4:
            return "int4" if group == 32 else "gptq"
    raise found.error("quantization_config.config_groups has no weights of 8 or 4 bits")


def _matches(patterns: Iterable[str], modules: Iterable[str], layer: int) -> bool:
    names = [f"model.layers.{layer}.{module}" for module in modules]
    return any(_match(pattern, name) for pattern in patterns for name in names)


def _match(pattern: str, name: str) -> bool:
    """As the engines take it: a regular expression after ``re:``, a glob, or the name of a module or of its parent."""
    pattern = pattern.replace("model.language_model.", "model.").replace("language_model.", "")
    if pattern.startswith("re:"):
        return re.match(pattern[3:], name) is not None
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name, f"{pattern}.*")
