"""Names, labels and ownership that all children of one LLMService share."""

import re
from dataclasses import dataclass
from typing import Any

from rorqual_engine.api.spec import LLMServiceSpec

GROUP = "rorqual.io"
LABEL_LIMIT = 63
"""Longest label value that Kubernetes takes. Names are shorter by the CRD's rule."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The LLMService that the children belong to."""

    namespace: str
    name: str
    uid: str
    generation: int


def pod_selector(name: str) -> dict[str, str]:
    """matchLabels of the engine pods of the service `name`. Fixed for ever: a Deployment's selector is immutable."""
    return {
        "app.kubernetes.io/name": "llmservice",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": "engine",
        "app.kubernetes.io/managed-by": "rorqual",
    }


def labels(owner: Owner, spec: LLMServiceSpec) -> dict[str, str]:
    """Labels of every child and of the engine pods."""
    return {
        **pod_selector(owner.name),
        "app.kubernetes.io/part-of": "rorqual",
        "app.kubernetes.io/version": label_value(spec.engine.version),
        f"{GROUP}/service": owner.name,
        f"{GROUP}/model": label_value(spec.model.name),
    }


def label_value(text: str) -> str:
    """The nearest valid label value: other characters become ``-``, at most 63, alphanumeric at both ends."""
    replaced = re.sub(r"[^A-Za-z0-9._-]", "-", text)[:LABEL_LIMIT]
    return re.sub(r"^[^A-Za-z0-9]+|[^A-Za-z0-9]+$", "", replaced)


def metadata(owner: Owner, spec: LLMServiceSpec, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    """metadata of one child, named as its owner."""
    found: dict[str, Any] = {
        "name": owner.name,
        "namespace": owner.namespace,
        "labels": labels(owner, spec),
        "ownerReferences": [
            {
                "apiVersion": f"{GROUP}/v1alpha1",
                "kind": "LLMService",
                "name": owner.name,
                "uid": owner.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    return {**found, "annotations": annotations} if annotations else found
