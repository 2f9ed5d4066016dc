"""The configuration that a Deployment was rendered with, kept in an annotation of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from rorqual_engine.plan import Configuration
from rorqual_operator.act.render.identity import GROUP

ANNOTATION = f"{GROUP}/configuration"
READER = TypeAdapter(Configuration)
NAMES = {to_camel(field.name): field.name for field in fields(Configuration)}


def write_configuration(configuration: Configuration) -> str:
    """The annotation's value: JSON in camelCase, without what is left to the engine or is as usual (one stage)."""
    usual = {field.name: field.default for field in fields(configuration)}
    values = {to_camel(name): value for name, value in asdict(configuration).items() if value != usual[name]}
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def read_configuration(deployment: Mapping[str, Any]) -> Configuration | None:
    """What `deployment` was rendered with; None when it does not say so in a way that can be read."""
    text = (deployment.get("metadata", {}).get("annotations") or {}).get(ANNOTATION)
    if text is None:
        return None
    try:
        values = json.loads(text)
        # From JSON, since strict validation of Python objects would want a Configuration already.
        return READER.validate_json(json.dumps({NAMES[name]: value for name, value in values.items()}), strict=True)
    except (json.JSONDecodeError, ValidationError, AttributeError, KeyError):
        return None
