"""The CustomResourceDefinition, made from the models."""

from typing import Any

from pydantic import BaseModel

from rorqual_engine.api import GROUP, KIND, PLURAL, VERSION, LLMServiceSpec, LLMServiceStatus

Schema = dict[str, Any]

# Keywords of JSON schema that a structural schema keeps; the rest (title, $defs, additionalProperties: false) goes.
KEPT = (
    "type", "format", "description", "default", "enum", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "minLength", "maxLength", "minItems", "maxItems", "required", "nullable",
)  # fmt: skip

COLUMNS = (
    ("Model", "string", ".status.model", 0, "Model that is served"),
    ("GPU", "string", ".status.gpu", 0, "GPU product in use"),
    ("Desired", "integer", ".status.desiredReplicas", 0, "Replicas wanted"),
    ("Ready", "integer", ".status.readyReplicas", 0, "Replicas that serve"),
    ("Verdict", "string", ".status.health.verdict", 0, "How the service does"),
    ("Reason", "string", ".status.reason", 0, "Why there are so many replicas"),
    ("Min", "integer", ".spec.scaling.minReplicas", 1, "Fewest replicas"),
    ("Max", "integer", ".spec.scaling.maxReplicas", 1, "Most replicas"),
    (
        "Seqs",
        "integer",
        ".status.configuration.running.maxConcurrentSequences",
        1,
        "Sequences at once per replica",
    ),
    ("Share", "number", ".status.configuration.running.gpuMemoryShare", 1, "Share of a GPU's memory"),
    ("TP", "integer", ".status.configuration.running.tensorParallel", 1, "GPUs per replica that share each layer"),
    ("PP", "integer", ".status.configuration.running.pipelineParallel", 1, "Stages of a replica's layers"),
    ("Age", "date", ".metadata.creationTimestamp", 0, "Time since creation"),
)

DESCRIPTION = "A large language model served on GPUs, sized, watched and scaled by Rorqual."


# The name becomes a label's value and the name of a Service and its pods, which are shorter than an object's may be.
NAME: Schema = {"type": "string", "maxLength": 53, "pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$"}


def crd() -> dict[str, Any]:
    """The whole CustomResourceDefinition as a plain dict, ready for YAML."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}", "labels": {"app.kubernetes.io/part-of": "rorqual"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "plural": PLURAL,
                "singular": KIND.lower(),
                "kind": KIND,
                "listKind": f"{KIND}List",
                "shortNames": ["llm"],
                "categories": ["all"],
            },
            "versions": [_version()],
        },
    }


def _version() -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(*column) for column in COLUMNS],
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "schema": {"openAPIV3Schema": object_schema()},
    }


def _column(name: str, kind: str, path: str, priority: int, description: str) -> dict[str, Any]:
    return {"name": name, "type": kind, "jsonPath": path, "priority": priority, "description": description}


def object_schema() -> Schema:
    """The structural schema of the whole object."""
    return {
        "type": "object",
        "description": DESCRIPTION,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "rorqual.io/v1alpha1"},
            "kind": {"type": "string", "description": KIND},
            "metadata": {"type": "object", "properties": {"name": NAME}},
            "spec": structural(LLMServiceSpec),
            "status": structural(LLMServiceStatus),
        },
    }


def structural(model: type[BaseModel]) -> Schema:
    """A model's schema as Kubernetes wants it: references inlined, optional without null, defaults written out."""
    raw = model.model_json_schema(by_alias=True)
    return _convert(raw, raw.get("$defs", {}))


def _convert(node: Schema, definitions: dict[str, Schema]) -> Schema:
    node = _resolved(node, definitions)
    out: Schema = {key: node[key] for key in KEPT if key in node}
    out.update({key: value for key, value in node.items() if key.startswith("x-kubernetes-")})
    _exclusive_bounds(out)
    if "const" in node:
        out["enum"] = [node["const"]]
    if "description" in out:
        out["description"] = " ".join(out["description"].split())
    if "properties" in node:
        out["properties"] = {name: _convert(child, definitions) for name, child in node["properties"].items()}
    if "items" in node:
        out["items"] = _convert(node["items"], definitions)
    if isinstance(node.get("additionalProperties"), dict):
        out["additionalProperties"] = _convert(node["additionalProperties"], definitions)
    return _with_default(out)


def _resolved(node: Schema, definitions: dict[str, Schema]) -> Schema:
    """Follows $ref, and `X or null` to X; what stands beside the reference (description, default) wins."""
    while "$ref" in node or "anyOf" in node:
        if "$ref" in node:
            inner = definitions[node["$ref"].rsplit("/", 1)[1]]
        else:
            inner = next(branch for branch in node["anyOf"] if branch.get("type") != "null")
        node = {**inner, **{key: value for key, value in node.items() if key not in ("$ref", "anyOf")}}
    return node


def _exclusive_bounds(out: Schema) -> None:
    """JSON schema 2020 has numbers where OpenAPI 3.0 has a flag beside the bound."""
    for flag, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if flag in out:
            out[bound], out[flag] = out[flag], True


def _with_default(out: Schema) -> Schema:
    """No default of null; an optional object has its fields' defaults as its own.

    They are written out, since the API server checks CEL rules on a default before it fills in those of its fields.
    """
    if out.get("default", 0) is None:
        del out["default"]
    if out.get("type") == "object" and "default" in out:
        children = out.get("properties", {}).items()
        out["default"] = {name: child["default"] for name, child in children if "default" in child}
    return out
