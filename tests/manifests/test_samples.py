"""Every sample is an LLMService that the models take and the renderer can render."""

from pathlib import Path
from typing import Any

import pytest

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Configuration
from rorqual_operator.act.render import Owner, render

from .trees import MANIFESTS, documents, of_kind

SAMPLES = sorted((MANIFESTS / "samples").glob("*.yaml"))


@pytest.fixture(params=SAMPLES, ids=lambda path: path.stem)
def service(request: pytest.FixtureRequest) -> dict[str, Any]:
    (found,) = of_kind(documents(request.param), "LLMService")
    return found


def test_spec_is_valid(service: dict[str, Any]) -> None:
    LLMServiceSpec.model_validate(service["spec"])


def test_spec_can_be_rendered(service: dict[str, Any]) -> None:
    spec = LLMServiceSpec.model_validate(service["spec"])
    owner = Owner("llm", service["metadata"]["name"], "uid", 1)
    assert render(owner, spec, Configuration(spec.hardware[0].gpu, 1))


def test_sample_is_named_after_its_file() -> None:
    for path in SAMPLES:
        assert {item["metadata"]["name"] for item in documents(path)} == {path.stem}


def test_first_sample_fits_on_a_page() -> None:
    lines = (MANIFESTS / "samples" / "chat.yaml").read_text().splitlines()
    assert len([line for line in lines if not line.startswith("#")]) <= 20


def test_autoscaler_aims_at_the_service() -> None:
    path: Path = MANIFESTS / "samples" / "external.yaml"
    service, autoscaler = documents(path)
    target = autoscaler["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == (service["kind"], service["metadata"]["name"])
    assert target["apiVersion"] == service["apiVersion"]
