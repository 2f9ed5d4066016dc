"""Looking things up in the catalog. The files are read once, at first use."""

import difflib
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

import yaml

from rorqual_engine.catalog.architecture import Storage
from rorqual_engine.catalog.entries import KnownModel, bare_names, entries, known_model, names
from rorqual_engine.catalog.schema import GPU, BatchClass, Runtime, RuntimeVersion
from rorqual_engine.catalog.storage_names import split_storage

LARGE_GPU_MIB = 70 * 1024
"""vLLM takes its larger batch defaults from 70 GiB of GPU memory on."""


def model(name: str) -> KnownModel | None:
    """The model of that name, alias or variant, whatever the case of its letters; None when the catalog has none.

    The name of a quantised copy by another publisher, such as ``RedHatAI/Qwen3-14B-FP8-dynamic``, is the model that it
    was made from, stored as the name says.
    """
    found = names().get(name.lower())
    return known_model(found[1], found[0]) if found else _copy(name)


def _copy(name: str) -> KnownModel | None:
    split = split_storage(name)
    origin = bare_names().get(split[0]) if split else None
    if split is None or origin is None:
        return None
    return replace(known_model(origin, origin), storage=Storage(scheme=split[1]))


def model_names() -> tuple[str, ...]:
    """The name of every architecture, without aliases and variants."""
    return tuple(entries())


def near_models(name: str, count: int = 3) -> tuple[str, ...]:
    """Names in the catalog that look like `name`, best first."""
    found = difflib.get_close_matches(name.lower(), list(names()), n=count, cutoff=0.6)
    return tuple(names()[match][0] for match in found)


def gpu(product: str, memory_mib: int | None = None) -> GPU | None:
    """The GPU of that product label or alias; one that the catalog lacks is described by its node's label, if any."""
    known = _gpus().get(product.lower())
    if known is not None or memory_mib is None:
        return known
    batch_class: BatchClass = "large" if memory_mib >= LARGE_GPU_MIB else "small"
    return GPU(product=product, memory_mib=memory_mib, batch_class=batch_class)


def gpu_products() -> tuple[str, ...]:
    """Every product that the catalog knows."""
    return tuple(dict.fromkeys(known.product for known in _gpus().values()))


def runtime(name: str) -> Runtime:
    """The engine of that name. The schema of the spec admits no others, so an unknown one is a KeyError."""
    return _runtimes()[name]


@cache
def runtime_version(name: str, version: str) -> RuntimeVersion:
    """Facts of that engine at that version: the newest rule that is not newer than it."""
    wanted = release(version)
    return [rule for rule in runtime(name).versions if release(rule.since) <= wanted][-1]


def release(version: str) -> tuple[int, ...]:
    """The three numbers of a version; suffixes such as ``.post1`` or ``-rc2`` do not count."""
    numbers = (part.split("-")[0].split("+")[0] for part in version.split(".")[:3])
    return tuple(int(number) for number in numbers)


def _read(file: str) -> Any:
    return yaml.safe_load(resources.files(__package__).joinpath(file).read_text("utf-8"))


@cache
def _gpus() -> dict[str, GPU]:
    known = [GPU.model_validate(entry) for entry in _read("gpus.yaml")]
    return {name.lower(): found for found in known for name in (found.product, *found.aliases)}


@cache
def _runtimes() -> dict[str, Runtime]:
    return {name: Runtime.model_validate(entry) for name, entry in _read("runtimes.yaml").items()}
