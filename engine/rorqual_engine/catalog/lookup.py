"""Looking things up in the catalog. The files are read once, at first use."""

import difflib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from rorqual_engine.catalog.schema import GPU, BatchClass, ModelFacts, Runtime, RuntimeVersion

LARGE_GPU_MIB = 70 * 1024
"""vLLM takes its larger batch defaults from 70 GiB of GPU memory on."""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """An architecture and how the weights of that name are stored."""

    facts: ModelFacts
    quantization: str


def model(name: str) -> KnownModel | None:
    """The model of that name, alias or variant, whatever the case of its letters; None when the catalog has none."""
    return _models().get(name.lower())


def near_models(name: str, count: int = 3) -> tuple[str, ...]:
    """Names in the catalog that look like `name`, best first."""
    spelled = _spellings()
    found = difflib.get_close_matches(name.lower(), list(spelled), n=count, cutoff=0.6)
    return tuple(spelled[match] for match in found)


def gpu(product: str, memory_mib: int | None = None) -> GPU | None:
    """The GPU of that product label; one that the catalog lacks is described by its node's label, if there is one."""
    known = _gpus().get(product)
    if known is not None or memory_mib is None:
        return known
    batch_class: BatchClass = "large" if memory_mib >= LARGE_GPU_MIB else "small"
    return GPU(product=product, memory_mib=memory_mib, batch_class=batch_class)


def gpu_products() -> tuple[str, ...]:
    """Every product that the catalog knows."""
    return tuple(_gpus())


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
    return {entry["product"]: GPU.model_validate(entry) for entry in _read("gpus.yaml")}


@cache
def _runtimes() -> dict[str, Runtime]:
    return {name: Runtime.model_validate(entry) for name, entry in _read("runtimes.yaml").items()}


@cache
def _model_facts() -> tuple[ModelFacts, ...]:
    return tuple(ModelFacts.model_validate(entry) for entry in _read("models.yaml"))


@cache
def _models() -> dict[str, KnownModel]:
    known = {}
    for facts in _model_facts():
        for name in (facts.name, *facts.aliases):
            known[name.lower()] = KnownModel(facts, facts.quantization)
        for variant in facts.variants:
            known[variant.name.lower()] = KnownModel(facts, variant.quantization)
    return known


@cache
def _spellings() -> dict[str, str]:
    names = (n for f in _model_facts() for n in (f.name, *f.aliases, *(v.name for v in f.variants)))
    return {name.lower(): name for name in names}
