"""The operator works with the rights that the overlays give it, and with no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from operating import OperatorProcess, Service, llmservice

from rorqual_sandbox.handle import Sandbox

pytestmark = pytest.mark.sandbox
Until = Callable[..., Any]

ROOT = Path(__file__).resolve().parent.parent
ACCOUNTS = {"cluster": "rorqual-system", "namespaced": "llm"}


@pytest.fixture(params=ACCOUNTS)
def account(request: pytest.FixtureRequest, sandbox: Sandbox, crd: None) -> str:
    """Namespace of the operator's ServiceAccount `rorqual` after an overlay was applied, without its Deployment."""
    namespace = ACCOUNTS[request.param]
    sandbox.kubectl("create", "namespace", namespace, check=False)
    manifests = sandbox.kubectl("kustomize", str(ROOT / "manifests" / "overlays" / request.param)).stdout
    rights = [
        item for item in yaml.safe_load_all(manifests) if item["kind"] not in ("Deployment", "PodDisruptionBudget")
    ]
    sandbox.apply(*rights)
    return namespace


def kubeconfig(sandbox: Sandbox, namespace: str, folder: Path) -> Path:
    """The sandbox's kubeconfig with the ServiceAccount's token for the admin's."""
    content = yaml.safe_load(sandbox.kubeconfig.read_text())
    token = sandbox.kubectl("create", "token", "rorqual", "-n", namespace).stdout.strip()
    content["users"][0]["user"] = {"token": token}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return path


def may(sandbox: Sandbox, account: str, verb: str, resource: str, namespace: str) -> bool:
    user = f"--as=system:serviceaccount:{account}:rorqual"
    return sandbox.kubectl("auth", "can-i", verb, resource, "-n", namespace, user, check=False).stdout.strip() == "yes"


def test_a_service_becomes_ready_and_is_scaled_with_these_rights(
    sandbox: Sandbox, account: str, namespace: str, tmp_path: Path, until: Until
) -> None:
    config = str(kubeconfig(sandbox, account, tmp_path))
    place = account if account == ACCOUNTS["namespaced"] else namespace
    log = tmp_path / "operator.log"
    operator = OperatorProcess(sandbox, place, log, kubeconfig=config, lease_namespace=account)
    service = Service(sandbox, place, "rights")
    try:
        sandbox.apply(llmservice(place, "rights"))
        until(lambda: service.holds("Ready") and service.holds("MetricsAvailable"))
        service.patch({"scaling": {"minReplicas": 2}})
        until(service.ready(2))
        service.patch({"model": {"configJsonFrom": {"configMapKeyRef": {"name": "none"}}}})
        until(lambda: service.condition("Stalled")["reason"] == "ModelConfigUnavailable")
        assert "ScalingUp" in service.events()
    finally:
        operator.stop()
        print(operator.text()[-8000:])
        sandbox.kubectl("delete", "llm", "rights", "-n", place)
    assert "Forbidden" not in operator.text()


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("get", "secrets"),
        ("list", "secrets"),
        ("get", "configmaps"),
        ("update", "configmaps"),
        ("create", "pods/exec"),
        ("delete", "pods"),
        ("delete", "deployments"),
        ("patch", "llmservices"),
        ("update", "nodes"),
        ("create", "clusterroles"),
    ],
)
def test_nothing_more_is_allowed(sandbox: Sandbox, account: str, verb: str, resource: str) -> None:
    assert may(sandbox, account, "list", "pods", account)
    assert not may(sandbox, account, verb, resource, account)
