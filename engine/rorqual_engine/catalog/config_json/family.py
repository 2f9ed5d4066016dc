"""What a config.json leaves unsaid, by its model_type."""

from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml
from pydantic import Field

from rorqual_engine.catalog.base import CatalogModel


class Family(CatalogModel):
    """Architectures that share code. See the head of families.yaml for each field."""

    model_types: tuple[str, ...] = ()
    defaults: dict[str, Any] = Field(default_factory=dict)
    renames: dict[str, str] = Field(default_factory=dict)
    norms: int = 2
    norm_bias: bool = False
    qk_norm: Literal["none", "head", "layer"] = "none"
    gated: bool = True
    experts_are_gated: bool | None = None
    """None for as the dense ones."""
    qkv_bias: bool = False
    output_bias: bool = False
    feed_forward_bias: bool = False
    router_bias: bool = False
    head_bias: bool = False
    embedding_norm: bool = False
    sinks: bool = False
    """One learned number a head, that attention may look at instead of a token."""
    learned_positions: int | None = None
    """Positions beyond max_position_embeddings in a learned table; None for no table."""
    wide: int | None = None
    """Intermediate size over hidden size where the config.json does not give it."""
    sliding_every: int | None = None
    window_needs: str | None = None
    """Field that must be true for the window to count."""
    shared_gate: bool = False
    shared_experts: bool = False
    """Each layer with experts has one shared one of the same size, without a field that says so."""


PLAIN = Family()
"""Taken for a model_type that is not listed: what most architectures are, a Llama."""


def family_of(*model_types: str) -> Family:
    """The family of the first of these that is known."""
    known = _families()
    return next((known[name] for name in model_types if name in known), PLAIN)


@cache
def _families() -> dict[str, Family]:
    text = resources.files("rorqual_engine.catalog").joinpath("families.yaml").read_text("utf-8")
    families = [Family.model_validate(entry) for entry in yaml.safe_load(text).values()]
    return {name: family for family in families for name in family.model_types}
