"""Names of quantised checkpoints: publishers add how the weights are stored to the name of the model they took."""

import re

from rorqual_engine.catalog.architecture import Quantization

_SUFFIXES: tuple[tuple[str, Quantization], ...] = (
    (r"quantized\.w4a16", "gptq"),
    (r"quantized\.w8a8|quantized\.w8a16|gptq-int8|w8a8|int8", "int8"),
    (r"fp8-dynamic|fp8-block|fp8-kv|fp8", "fp8"),
    (r"awq-int4|awq", "awq"),
    (r"gptq-int4|gptq|w4a16|int4", "gptq"),
    (r"nvfp4a16|nvfp4|fp4", "nvfp4"),
    (r"mxfp4", "mxfp4"),
)
_FAMILY_PREFIX = "meta-"
"""Of Llama's names: the same models are called with and without it."""


def split_storage(name: str) -> tuple[str, Quantization] | None:
    """The last part of a model's name without its publisher and without how it is stored, and that; None without it.

    ``RedHatAI/Qwen3-8B-FP8-dynamic`` is ``("qwen3-8b", "fp8")``.
    """
    last = bare_name(name)
    for pattern, scheme in _SUFFIXES:
        found = re.fullmatch(rf"(.+?)[-.](?:{pattern})", last)
        if found:
            return found.group(1), scheme
    return None


def bare_name(name: str) -> str:
    """A model's name without its publisher, in lower case."""
    return name.lower().rsplit("/", 1)[-1].removeprefix(_FAMILY_PREFIX)
