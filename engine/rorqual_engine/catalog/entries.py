"""What the files in models/ may say, and the figures that follow from them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml
from pydantic import Field

from rorqual_engine.catalog.architecture import NEVER_QUANTIZED, ModelFacts, Part, Quantization, Storage
from rorqual_engine.catalog.base import CatalogModel
from rorqual_engine.catalog.config_json import read_config_json
from rorqual_engine.catalog.storage_names import bare_name


class Variant(CatalogModel):
    """A name under which the same architecture is stored otherwise."""

    name: str
    scheme: Quantization
    whole: tuple[Part, ...] = ()
    """Parts that stay in the dtype besides those that always do."""

    @property
    def storage(self) -> Storage:
        return Storage(scheme=self.scheme, whole=(*NEVER_QUANTIZED, *self.whole))


class Entry(CatalogModel):
    """One architecture in a file; models/README.md describes the fields."""

    name: str
    aliases: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    published_parameters: int | None = Field(default=None, gt=0)
    source: str
    config: dict[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases, *(variant.name for variant in self.variants))


@dataclass(frozen=True, slots=True)
class KnownModel:
    """An architecture and how the weights of that name are stored."""

    facts: ModelFacts
    storage: Storage

    @property
    def quantization(self) -> Quantization:
        return self.storage.scheme


@cache
def entries() -> dict[str, Entry]:
    """Every entry, by its own name."""
    return {entry.name: entry for entry in _read_entries()}


@cache
def names() -> dict[str, tuple[str, str]]:
    """By lower-case name, alias or variant: how it is spelled, and the entry's name."""
    return {name.lower(): (name, entry.name) for entry in entries().values() for name in entry.names}


@cache
def bare_names() -> dict[str, str]:
    """Entries by their names and aliases without the publisher, where only one has it."""
    owners: dict[str, set[str]] = {}
    for entry in entries().values():
        for name in (entry.name, *entry.aliases):
            owners.setdefault(bare_name(name), set()).add(entry.name)
    return {bare: found.pop() for bare, found in owners.items() if len(found) == 1}


@cache
def known_model(entry_name: str, name: str) -> KnownModel:
    """The model of that entry under that name."""
    entry = entries()[entry_name]
    facts = _facts(entry_name)
    variant = next((variant for variant in entry.variants if variant.name == name), None)
    return KnownModel(facts, variant.storage if variant else facts.storage)


@cache
def _facts(entry_name: str) -> ModelFacts:
    return read_config_json(entries()[entry_name].config, entry_name)


def _read_entries() -> Iterator[Entry]:
    folder = resources.files(__package__).joinpath("models")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            for entry in yaml.load(file.read_text("utf-8"), Loader=loader):
                yield Entry.model_validate(entry)
