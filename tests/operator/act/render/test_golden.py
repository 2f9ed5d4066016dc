"""Every case in golden/: an LLMService and a configuration in, the manifests out."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Configuration
from rorqual_operator.act.render import Capabilities, Owner, pod_selector, read_configuration, render

GOLDEN = Path(__file__).parent / "golden"
INPUTS = sorted(GOLDEN.glob("*.input.yaml"))


def read_case(path: Path) -> tuple[Owner, LLMServiceSpec, Configuration, Capabilities]:
    service, run = yaml.safe_load_all(path.read_text())
    return (
        Owner(**{name: service["metadata"][name] for name in ("namespace", "name", "uid", "generation")}),
        LLMServiceSpec.model_validate(service["spec"]),
        TypeAdapter(Configuration).validate_python(run["configuration"]),
        Capabilities(**run.get("capabilities", {})),
    )


@pytest.fixture(params=INPUTS, ids=lambda path: path.name.removesuffix(".input.yaml"))
def case(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def objects(case: Path) -> list[dict[str, Any]]:
    return render(*read_case(case))


def test_output_is_the_golden_one(case: Path, objects: list[dict[str, Any]], update_golden: bool) -> None:
    expected = case.with_name(case.name.replace(".input.", ".output."))
    if update_golden:
        expected.write_text(yaml.safe_dump_all(objects, sort_keys=False, width=120))
    assert list(yaml.safe_load_all(expected.read_text())) == objects


def test_deployment_comes_first_and_leaves_replicas_to_the_scaler(objects: list[dict[str, Any]]) -> None:
    assert objects[0]["kind"] == "Deployment"
    assert "replicas" not in objects[0]["spec"]


def test_pods_carry_what_every_selector_asks_for(case: Path, objects: list[dict[str, Any]]) -> None:
    selector = pod_selector(read_case(case)[0].name)
    pod_labels = objects[0]["spec"]["template"]["metadata"]["labels"]
    assert selector.items() <= pod_labels.items()
    for item in objects:
        found = item["spec"]["selector"]
        assert found.get("matchLabels", found) == selector


def test_configuration_is_read_back(case: Path, objects: list[dict[str, Any]]) -> None:
    assert read_configuration(objects[0]) == read_case(case)[2]


def test_every_child_is_owned(case: Path, objects: list[dict[str, Any]]) -> None:
    owner = read_case(case)[0]
    for item in objects:
        (reference,) = item["metadata"]["ownerReferences"]
        assert (reference["uid"], reference["controller"]) == (owner.uid, True)
        assert item["metadata"]["namespace"] == owner.namespace


def test_no_option_is_given_twice(objects: list[dict[str, Any]]) -> None:
    arguments = objects[0]["spec"]["template"]["spec"]["containers"][0]["args"]
    names = [text.partition("=")[0].replace("_", "-") for text in arguments if text.startswith("--")]
    assert len(set(names)) == len(names)


def test_every_mount_has_its_volume(objects: list[dict[str, Any]]) -> None:
    pod = objects[0]["spec"]["template"]["spec"]
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    mounts = {mount["name"] for container in pod["containers"] for mount in container.get("volumeMounts", [])}
    assert mounts <= volumes


def test_there_are_cases() -> None:
    assert len(INPUTS) >= 10
