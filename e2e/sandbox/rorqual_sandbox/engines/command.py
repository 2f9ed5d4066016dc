"""Reading a vLLM server's command line, in the forms in which manifests write it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rorqual_sandbox.engines.launch import LaunchRefusedError

_MANY = {"served-model-name", "lora-modules"}  # flags that take all values up to the next flag
_SHORT = {
    "-tp": "tensor-parallel-size",
    "-pp": "pipeline-parallel-size",
    "-dp": "data-parallel-size",
    "-q": "quantization",
}
_MODULE = "vllm.entrypoints.openai.api_server"
_UNITS = {"k": 1000, "K": 1024, "m": 1000**2, "M": 1024**2, "g": 1000**3, "G": 1024**3}


@dataclass(frozen=True)
class ServeCommand:
    """A model, and flags by their long name without dashes; a switch has no values."""

    model: str
    flags: Mapping[str, tuple[str, ...]]

    def value(self, flag: str, default: str | None = None) -> str | None:
        """The flag's first value, `default` if it is absent."""
        values = self.flags.get(flag, ())
        return values[0] if values else default

    @property
    def served_names(self) -> tuple[str, ...]:
        return self.flags.get("served-model-name") or (self.model,)


def parse_serve(command: Sequence[str], args: Sequence[str]) -> ServeCommand:
    """Understands `vllm serve MODEL …`, the api_server module, a shell around either, and the image's own
    entry point with args alone. Raises LaunchRefusedError for anything else."""
    flags: dict[str, tuple[str, ...]] = {}
    positional: list[str] = []
    words = _serve_words(command, args)
    while words:
        word = words.pop(0)
        if word.startswith("--") or word in _SHORT:
            name, values = _take_flag(word, words)
            flags[name] = values
        else:
            positional.append(word)
    model = positional[0] if positional else next(iter(flags.pop("model", ())), None)
    if model is None:
        raise LaunchRefusedError("RunContainerError", f"no model in the command {shlex.join([*command, *args])!r}")
    flags.pop("model", None)
    return ServeCommand(model, flags)


def _take_flag(word: str, rest: list[str]) -> tuple[str, tuple[str, ...]]:
    name, equals, value = word.partition("=")
    name = _SHORT.get(name, name.removeprefix("--")).replace("_", "-")
    if equals:
        return name, (value,)
    values: list[str] = []
    while rest and not _is_flag(rest[0]) and (name in _MANY or not values):
        values.append(rest.pop(0))
    return name, tuple(values)


def _is_flag(word: str) -> bool:
    return word.startswith("--") or word in _SHORT


def _serve_words(command: Sequence[str], args: Sequence[str]) -> list[str]:
    """The words after `vllm serve`."""
    words = [*command, *args]
    if not command:
        return words[2:] if words[:2] == ["vllm", "serve"] else words
    if len(words) >= 3 and words[0].rsplit("/", 1)[-1] in {"sh", "bash"} and re.fullmatch("-[a-z]*c", words[1]):
        words = shlex.split(words[2].replace("\\\n", " "))
    for index, word in enumerate(words):
        if word.rsplit("/", 1)[-1] == "vllm" and words[index + 1 : index + 2] == ["serve"]:
            return words[index + 2 :]
        if word == "-m" and words[index + 1 : index + 2] == [_MODULE]:
            return words[index + 2 :]
    raise LaunchRefusedError(
        "RunContainerError",
        f"expected `vllm serve MODEL …` or `python3 -m {_MODULE} …`, found {shlex.join(words)!r}",
    )


def parse_tokens(text: str) -> int | None:
    """A token count as vLLM reads it (8192, 8k = 8000, 8K = 8192); None for `auto` and -1."""
    if text in {"auto", "-1"}:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmMgG]?)", text)
    if not match:
        raise LaunchRefusedError("RunContainerError", f"--max-model-len: expected a number of tokens, found {text!r}")
    return int(float(match[1]) * _UNITS.get(match[2], 1))
