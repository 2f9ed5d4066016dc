"""The reference page of LLMService, made from the same schema as the CRD."""

from collections.abc import Iterator
from typing import Any

from rorqual_engine.api import API_VERSION, KIND
from rorqual_engine.api.crd import DESCRIPTION, Schema, structural
from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.api.status import LLMServiceStatus

HEAD = f"""# {KIND}, {API_VERSION}

<!-- Made by `rorqual crd -o markdown`; do not edit. -->

{DESCRIPTION} Short name: `llm`. `kubectl explain llm.spec` shows the same texts.

Fields are required where it says so; every default stands in the schema, so that `kubectl diff` stays empty.
"""


def reference() -> str:
    """The whole page as Markdown."""
    parts = [HEAD]
    for title, model in (("spec", LLMServiceSpec), ("status", LLMServiceStatus)):
        parts.append(f"\n## {title}\n\n{model.__doc__}\n\n| field | type | default | meaning |\n|---|---|---|---|\n")
        parts += [f"{row}\n" for row in _rows(title, structural(model))]
        rules = list(_rules(title, structural(model)))
        if rules:
            parts.append("\nRules:\n\n" + "".join(f"- {rule}\n" for rule in rules))
    return "".join(parts)


def _rows(path: str, schema: Schema) -> Iterator[str]:
    required = schema.get("required", [])
    for name, child in schema.get("properties", {}).items():
        here = f"{path}.{name}"
        default = "required" if name in required else _default(child)
        meaning = _escape(child.get("description", ""))
        yield f"| `{here}` | {_escape(_type(child))} | {default} | {meaning} |"
        yield from _rows(f"{here}[]" if child.get("type") == "array" else here, child.get("items", child))


def _type(schema: Schema) -> str:
    kind = str(schema.get("type", "any"))
    if "enum" in schema:
        return " \\| ".join(str(value) for value in schema["enum"])
    if kind == "array":
        return f"list of {_type(schema['items'])}"
    if "additionalProperties" in schema:
        return f"map of {_type(schema['additionalProperties'])}"
    return kind + _bounds(schema)


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None or high is None or high >= 2**31 - 1:
        return f", at least {low}" if low is not None and not schema.get("exclusiveMinimum") else ""
    return f", {'above ' if schema.get('exclusiveMinimum') else ''}{low} to {high}"


def _default(schema: Schema) -> str:
    value: Any = schema.get("default")
    return "" if value in (None, {}, []) else f"`{value}`"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\\\\|", "\\|")


def _rules(path: str, schema: Schema) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations", []):
        yield f"`{path}`: {rule['message']}"
    for name, child in schema.get("properties", {}).items():
        yield from _rules(f"{path}.{name}", child)
    if "items" in schema:
        yield from _rules(f"{path}[]", schema["items"])
