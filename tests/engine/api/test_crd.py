"""The CRD is what an API server takes, and says the same as the models."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from rorqual_engine.api import LLMServiceSpec, LLMServiceStatus
from rorqual_engine.api.crd import COLUMNS, Schema, crd, structural
from rorqual_engine.api.spec import Model

VERSION: dict[str, Any] = crd()["spec"]["versions"][0]
SCHEMA: Schema = VERSION["schema"]["openAPIV3Schema"]

# What a structural schema of apiextensions.k8s.io/v1 may hold, of all that JSON schema has.
ALLOWED = {
    "type", "format", "description", "default", "enum", "pattern", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems", "required", "properties", "items",
    "additionalProperties",
}  # fmt: skip


def nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every schema with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield from nodes(schema[key], path + mark)


def at(path: str) -> Schema:
    return dict(nodes(SCHEMA))[path]


ALL = list(nodes(SCHEMA))
FIELDS = [
    (path, node) for path, node in ALL if path and not path.endswith(("[]", "{}")) and ".metadata" not in path[:9]
]


def test_schema_is_structural() -> None:
    for path, node in ALL:
        assert not {key for key in node if key not in ALLOWED and not key.startswith("x-kubernetes-")}, path
        assert node["type"] in ("object", "array", "string", "integer", "number", "boolean"), path
        assert not ("properties" in node and "additionalProperties" in node), path


def test_bounds_are_those_of_openapi_3_0() -> None:
    share = at(".spec.configuration.gpuMemoryShare")
    assert (share["minimum"], share["exclusiveMinimum"], share["maximum"]) == (0, True, 1)


def test_every_field_is_described_in_one_line() -> None:
    for path, node in FIELDS:
        assert re.fullmatch(r"\w.*\S", node.get("description", "")), path


def test_required_fields_have_no_default() -> None:
    for path, node in ALL:
        for name in node.get("required", []):
            assert "default" not in node["properties"][name], f"{path}.{name}"


def objects(model: type[BaseModel], schema: Schema, path: str) -> Iterator[tuple[str, type[BaseModel], Schema]]:
    """Every model with its schema, walked together."""
    yield path, model, schema
    for name, field in model.model_fields.items():
        child = schema["properties"][field.alias or name]
        for kind in _models(field.annotation):
            yield from objects(kind, child.get("items", child), f"{path}.{field.alias or name}")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)


WALKED = [
    *objects(LLMServiceSpec, SCHEMA["properties"]["spec"], "spec"),
    *objects(LLMServiceStatus, SCHEMA["properties"]["status"], "status"),
]


def test_the_walk_reaches_everything() -> None:
    assert {"spec.scaling.behavior.scaleUp.policies", "spec.model.architecture", "status.health.evidence"} <= {
        path for path, _, _ in WALKED
    }


@pytest.mark.parametrize(("path", "model", "schema"), WALKED, ids=[path for path, _, _ in WALKED])
def test_fields_defaults_and_requirements_are_those_of_the_model(
    path: str, model: type[BaseModel], schema: Schema
) -> None:
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    assert set(schema["properties"]) == set(fields)
    assert set(schema.get("required", [])) == {name for name, field in fields.items() if field.is_required()}
    for name, field in fields.items():
        assert schema["properties"][name].get("default") == _wire_default(field.default), name


def _wire_default(default: Any) -> Any:
    """A field's default as the API server would write it; None where there is none."""
    if default is PydanticUndefined or default is None:
        return None
    return default.model_dump(by_alias=True, exclude_none=True) if isinstance(default, BaseModel) else default


def test_smallest_service_with_the_schemas_defaults_is_what_the_model_makes_of_it() -> None:
    small = {"model": {"name": "m"}, "hardware": [{"gpu": "A"}]}
    filled = _filled(small, SCHEMA["properties"]["spec"])
    assert LLMServiceSpec.model_validate(filled) == LLMServiceSpec.model_validate(small)
    assert LLMServiceSpec.model_validate(small).model_dump(by_alias=True, exclude_none=True) == filled


def _filled(value: Any, schema: Schema) -> Any:
    """As the API server fills defaults in."""
    if schema["type"] == "array":
        return [_filled(item, schema["items"]) for item in value]
    if "properties" not in schema:
        return value
    missing = {name: child["default"] for name, child in schema["properties"].items() if "default" in child}
    return {name: _filled(child, schema["properties"][name]) for name, child in {**missing, **value}.items()}


def test_replicas_have_no_default() -> None:
    assert "default" not in at(".spec.replicas")


def test_scale_subresource_has_its_three_paths() -> None:
    assert VERSION["subresources"] == {
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    }


@pytest.mark.parametrize(("name", "kind", "path"), [column[:3] for column in COLUMNS])
def test_columns_are_of_fields_that_exist(name: str, kind: str, path: str) -> None:
    if path != ".metadata.creationTimestamp":
        assert at(path)["type"] == kind


def test_every_rule_says_what_it_wants() -> None:
    rules = [rule for _, node in ALL for rule in node.get("x-kubernetes-validations", [])]
    assert len(rules) >= 10
    assert all(rule["rule"] and rule["message"] for rule in rules)


def test_optional_rule_stays_with_its_field() -> None:
    assert at(".spec.model.source")["x-kubernetes-validations"][0]["message"].startswith("must start with hf://")


def test_template_keeps_what_it_does_not_know() -> None:
    assert at(".spec.template.spec")["x-kubernetes-preserve-unknown-fields"] is True


def test_lists_are_merged_by_their_keys() -> None:
    assert at(".spec.hardware")["x-kubernetes-list-map-keys"] == ["gpu"]
    assert at(".status.conditions")["x-kubernetes-list-map-keys"] == ["type"]


def test_names() -> None:
    names = crd()["spec"]["names"]
    assert (names["kind"], names["plural"], names["shortNames"]) == ("LLMService", "llmservices", ["llm"])
    assert crd()["metadata"]["name"] == "llmservices.rorqual.io"


def test_structural_inlines_references_and_drops_null() -> None:
    found = structural(Model)["properties"]
    assert found["tokenSecret"]["properties"]["key"]["type"] == "string"
    assert found["maxContextTokens"]["type"] == "integer"
