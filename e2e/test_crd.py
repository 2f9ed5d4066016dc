"""The CRD on a real API server: served, explained, defaulted without a diff."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from operating import llmservice

from rorqual_engine.api import LLMServiceSpec
from rorqual_sandbox.handle import Sandbox

pytestmark = pytest.mark.sandbox

SAMPLES = sorted((Path(__file__).resolve().parent.parent / "manifests" / "samples").glob("*.yaml"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_an_applied_manifest_has_no_diff(sandbox: Sandbox, crd: None, namespace: str, sample: Path) -> None:
    sandbox.kubectl("apply", "-n", namespace, "-f", str(sample))
    diff = sandbox.kubectl("diff", "-n", namespace, "-f", str(sample), check=False)
    assert (diff.returncode, diff.stdout) == (0, "")


def test_explain_tells_what_each_field_is_for(sandbox: Sandbox, crd: None) -> None:
    told = sandbox.kubectl("explain", "llm.spec.scaling").stdout
    assert "Who decides the number of replicas" in told
    for field, text in (
        ("minReplicas", "Fewest replicas"),
        ("mode", "drives spec.replicas"),
        ("behavior", "autoscaling/v2"),
    ):
        assert field in told and text in " ".join(told.split())
    assert "enum: Internal, External, Advisory, Off" in told


def test_the_api_server_fills_in_the_models_defaults(sandbox: Sandbox, crd: None, namespace: str) -> None:
    manifest = llmservice(namespace)
    sandbox.apply(manifest)
    stored = sandbox.get("llm", "chat", "-n", namespace)["spec"]
    given = LLMServiceSpec.model_validate(manifest["spec"])
    assert stored == given.model_dump(mode="json", by_alias=True, exclude_none=True)


def test_the_crd_is_structural_and_established(sandbox: Sandbox, crd: None) -> None:
    conditions = sandbox.get("crd", "llmservices.rorqual.io")["status"]["conditions"]
    states = {entry["type"]: entry["status"] for entry in conditions}
    assert states["Established"] == "True" and states["NamesAccepted"] == "True"
    assert states.get("NonStructuralSchema", "False") == "False"


def test_status_is_a_subresource_of_its_own(sandbox: Sandbox, crd: None, namespace: str) -> None:
    sandbox.apply({**llmservice(namespace), "status": {"replicas": 7}})
    assert "status" not in sandbox.get("llm", "chat", "-n", namespace)


def test_the_stored_crd_is_the_one_in_the_repository(sandbox: Sandbox, crd: None) -> None:
    (path,) = (Path(__file__).resolve().parent.parent / "crds").glob("*.yaml")
    diff = sandbox.kubectl("diff", "-f", str(path), check=False)
    assert (diff.returncode, diff.stdout) == (0, "")
    assert yaml.safe_load(path.read_text())["metadata"]["name"] == "llmservices.rorqual.io"
