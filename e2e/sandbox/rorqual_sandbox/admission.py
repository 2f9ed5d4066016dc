"""Marks engine pods as they are created, so that manifests need nothing that is particular to the sandbox."""

from __future__ import annotations

from typing import Any

from rorqual_sandbox.stages import PROCESS_LABEL

_NAME = "rorqual-sandbox-process"
_API = "admissionregistration.k8s.io/v1"
# The operator's own pods are Rorqual's as well, and kwok's to play.
ENGINE_LABELS = {"app.kubernetes.io/managed-by": "rorqual", "app.kubernetes.io/component": "engine"}


def mark_engine_pods() -> list[tuple[str, dict[str, Any]]]:
    """Collection paths and objects of the policy that labels the engine pods of Rorqual."""
    policy = {
        "apiVersion": _API,
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": _NAME},
        "spec": {
            "matchConstraints": {
                "objectSelector": {"matchLabels": ENGINE_LABELS},
                "resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
                ],
            },
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [
                {
                    "patchType": "ApplyConfiguration",
                    "applyConfiguration": {
                        "expression": f'Object{{metadata: Object.metadata{{labels: {{"{PROCESS_LABEL}": "true"}}}}}}'
                    },
                }
            ],
        },
    }
    binding = {
        "apiVersion": _API,
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": _NAME},
        "spec": {"policyName": _NAME},
    }
    return [
        (f"/apis/{_API}/mutatingadmissionpolicies", policy),
        (f"/apis/{_API}/mutatingadmissionpolicybindings", binding),
    ]
