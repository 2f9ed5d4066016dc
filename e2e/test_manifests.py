"""The manifests against a real API server, which checks every field and every rule of the CRD."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from rorqual_sandbox.handle import Sandbox

pytestmark = pytest.mark.sandbox

ROOT = Path(__file__).resolve().parents[1]
MANIFESTS = ROOT / "manifests"
SAMPLES = sorted((MANIFESTS / "samples").glob("*.yaml"))
RENDERED = sorted((ROOT / "tests" / "operator" / "act" / "render" / "golden").glob("*.output.yaml"))
DRY_RUN = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
BUILT_IN = ("apps/v1", "v1", "policy/v1")


def build(sandbox: Sandbox, directory: str) -> str:
    return sandbox.kubectl("kustomize", str(MANIFESTS / directory)).stdout


def namespaces_of(text: str) -> set[str]:
    found = {item["metadata"].get("namespace") for item in yaml.safe_load_all(text)}
    return {name for name in found if name}


def ensure_namespace(sandbox: Sandbox, name: str) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    sandbox.kubectl("apply", "-f", "-", stdin=json.dumps(body))


@pytest.mark.parametrize("overlay", ["cluster", "namespaced"])
def test_installation_is_accepted(sandbox: Sandbox, overlay: str) -> None:
    text = build(sandbox, f"overlays/{overlay}")
    for name in namespaces_of(text):
        ensure_namespace(sandbox, name)
    answer = sandbox.kubectl(*DRY_RUN, stdin=text)
    assert len(answer.stdout.splitlines()) == len(list(yaml.safe_load_all(text)))


@pytest.mark.parametrize(
    ("overlay", "scope"), [("cluster", "--all-namespaces"), ("namespaced", "--namespace=$(POD_NAMESPACE)")]
)
def test_overlay_sets_the_scope(sandbox: Sandbox, overlay: str, scope: str) -> None:
    objects: list[dict[str, Any]] = list(yaml.safe_load_all(build(sandbox, f"overlays/{overlay}")))
    (deployment,) = (item for item in objects if item["kind"] == "Deployment")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["args"] == ["operator", "run", scope]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_sample_is_accepted(sandbox: Sandbox, crd: None, namespace: str, sample: Path) -> None:
    sandbox.kubectl("-n", namespace, *DRY_RUN, stdin=sample.read_text())


@pytest.mark.parametrize("case", RENDERED, ids=lambda path: path.name.removesuffix(".output.yaml"))
def test_rendered_children_are_accepted(sandbox: Sandbox, namespace: str, case: Path) -> None:
    objects = [item for item in yaml.safe_load_all(case.read_text()) if item["apiVersion"] in BUILT_IN]
    for item in objects:
        item["metadata"]["namespace"] = namespace
    sandbox.kubectl(*DRY_RUN, stdin=yaml.safe_dump_all(objects))


def test_rules_are_valid(sandbox: Sandbox) -> None:
    rules = MANIFESTS / "monitoring" / "rules.prometheus.yaml"
    answer = subprocess.run(
        [sandbox.binaries.path("promtool"), "check", "rules", rules], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
