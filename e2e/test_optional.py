"""Kinds that a cluster may lack: used where they are, missed without harm where they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from operating import Manifest, OperatorProcess, Service, established, llmservice

from rorqual_sandbox.handle import Sandbox

pytestmark = pytest.mark.sandbox
Until = Callable[..., Any]
CRDS = Path(__file__).resolve().parent.parent / "crds"


def crd_of(group: str, version: str, kind: str, plural: str) -> Manifest:
    """A CRD that takes any spec: what matters here is that the kind is served."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            # the API server keeps groups of Kubernetes' own for approved APIs; this names the approval
            "annotations": {
                "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api-inference-extension"
            },
        },
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [served]},
    }


@pytest.fixture
def optional_kinds(sandbox: Sandbox, until: Until) -> Iterator[None]:
    """PodMonitor and InferencePool, served while the test runs."""
    definitions = (
        crd_of("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors"),
        crd_of("inference.networking.k8s.io", "v1", "InferencePool", "inferencepools"),
    )
    names = [f"crd/{definition['metadata']['name']}" for definition in definitions]
    sandbox.apply(*definitions)
    until(lambda: established(sandbox, *names))
    yield
    sandbox.kubectl("delete", *names)


def test_a_pod_monitor_and_an_inference_pool_are_made_where_their_kinds_are_served(
    sandbox: Sandbox,
    optional_kinds: None,
    run_operator: Callable[..., OperatorProcess],
    chat: Service,
    until: Until,
) -> None:
    run_operator()
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))
    for kind in ("podmonitor", "inferencepool"):
        found = sandbox.get(kind, "chat", "-n", chat.namespace)
        assert found["metadata"]["ownerReferences"][0]["name"] == "chat"
        assert "rorqual" in str(found["spec"]["selector"])


def test_an_operator_that_was_there_before_the_crd_finds_it(tmp_path: Path, until: Until) -> None:
    sandbox = Sandbox.up("late", root=tmp_path)
    operator = OperatorProcess(sandbox, "default", tmp_path / "operator.log")
    try:
        until(lambda: "is its CRD installed?" in operator.text())
        assert operator.process.poll() is None
        sandbox.kubectl("apply", "-f", str(CRDS))
        until(lambda: sandbox.kubectl("get", "llm", "-A", check=False).returncode == 0)
        sandbox.apply(llmservice("default"))
        until(lambda: Service(sandbox, "default").holds("Ready"))
    finally:
        operator.stop()
        print(operator.text()[-6000:])
        sandbox.down()
