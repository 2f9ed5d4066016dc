"""What a spec fixes: fields of `configuration`, the model's context, and engine arguments, which win over both."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rorqual_engine import catalog
from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Reason, Stall

_NUMBER = re.compile(r"^(\d+(?:\.\d+)?)([kKmM]?)$")
_SCALE = {"": 1, "k": 1000, "K": 1024, "m": 1000**2, "M": 1024**2}
"""vLLM reads 32k as 32,000 and 32K as 32,768 tokens."""


@dataclass(frozen=True, slots=True)
class Pins:
    """Fixed values; None where the spec leaves the choice. `origins` names where each comes from."""

    tensor_parallel: int | None = None
    pipeline_parallel: int | None = None
    gpu_memory_share: float | None = None
    max_concurrent_sequences: int | None = None
    max_context_tokens: int | None = None
    max_batched_tokens: int | None = None
    origins: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def stages(self) -> int | None:
        """Fixed stages of a pipeline. A tensor parallel degree alone fixes one, for so engines read it."""
        return self.pipeline_parallel or (1 if self.tensor_parallel else None)

    def describe(self) -> tuple[str, ...]:
        """Every pin in words, such as ``tensorParallel 2 by configuration.tensorParallel``."""
        return tuple(f"{origin} fixes {getattr(self, name):g}" for name, origin in self.origins.items())


def read_pins(spec: LLMServiceSpec) -> Pins | Stall:
    """The pins of a spec; a Stall of InvalidSpec when an engine argument that matters here has no readable value."""
    given: dict[str, tuple[float, str]] = {}
    wanted = spec.configuration
    _add(given, "tensor_parallel", wanted.tensor_parallel, "configuration.tensorParallel")
    _add(given, "pipeline_parallel", wanted.pipeline_parallel, "configuration.pipelineParallel")
    _add(given, "gpu_memory_share", wanted.gpu_memory_share, "configuration.gpuMemoryShare")
    _add(given, "max_concurrent_sequences", wanted.max_concurrent_sequences, "configuration.maxConcurrentSequences")
    _add(given, "max_context_tokens", spec.model.max_context_tokens, "model.maxContextTokens")
    runtime = catalog.runtime(spec.engine.runtime)
    arguments = parse_arguments(spec.engine.extra_args, runtime.short_flags)
    for name, flag in runtime.flags.items():
        if flag not in arguments:
            continue
        value = _number(arguments[flag])
        if value is None or (name == "gpu_memory_share" and value > 1):
            expected = "a number above 0 and at most 1" if name == "gpu_memory_share" else "a number above 0"
            message = f"engine.extraArgs: {flag} has the value {arguments[flag]!r}, {expected} was expected"
            return Stall(Reason.INVALID_SPEC, message)
        given[name] = (value, f"engine.extraArgs {flag}")
    return _pins(given)


def parse_arguments(arguments: Sequence[str], short: Mapping[str, str]) -> dict[str, str]:
    """Flags and their values, from both ``--flag value`` and ``--flag=value``; the last of one flag counts.

    Underscores in a flag mean hyphens, as vLLM has it. A flag without a value maps to the empty text.
    """
    found: dict[str, str] = {}
    flag = None
    for argument in (word for text in arguments for word in text.split()):
        if argument.startswith("-") and not _is_negative_number(argument):
            name, equals, value = argument.partition("=")
            name = name.replace("_", "-")
            flag = short.get(name, name)
            found[flag] = value
            flag = None if equals else flag
        elif flag is not None:
            found[flag] = argument
            flag = None
    return found


def _is_negative_number(argument: str) -> bool:
    return argument[1:2].isdigit()


def _number(text: str) -> float | None:
    match = _NUMBER.match(text)
    value = float(match.group(1)) * _SCALE[match.group(2)] if match else 0.0
    return value or None


def _add(given: dict[str, tuple[float, str]], name: str, value: float | None, origin: str) -> None:
    if value is not None:
        given[name] = (value, origin)


def _pins(given: Mapping[str, tuple[float, str]]) -> Pins:
    def whole(name: str) -> int | None:
        return int(given[name][0]) if name in given else None

    return Pins(
        tensor_parallel=whole("tensor_parallel"),
        pipeline_parallel=whole("pipeline_parallel"),
        gpu_memory_share=given["gpu_memory_share"][0] if "gpu_memory_share" in given else None,
        max_concurrent_sequences=whole("max_concurrent_sequences"),
        max_context_tokens=whole("max_context_tokens"),
        max_batched_tokens=whole("max_batched_tokens"),
        origins={name: origin for name, (_, origin) in given.items()},
    )
