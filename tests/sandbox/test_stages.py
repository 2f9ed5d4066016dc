"""kwok keeps its hands off engine pods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from rorqual_sandbox.stages import leave_out_engines, write_stages

CONDITION = {"key": '.metadata.labels["sandbox.rorqual.io/process"]', "operator": "DoesNotExist"}


def stage(kind: str) -> dict[str, Any]:
    selector = {"matchExpressions": [{"key": ".x", "operator": "Exists"}]}
    return {"kind": "Stage", "spec": {"resourceRef": {"kind": kind}, "selector": selector, "delay": 1}}


def test_pod_stages_get_one_more_condition() -> None:
    spec = leave_out_engines(stage("Pod"))["spec"]
    assert spec["selector"]["matchExpressions"] == [{"key": ".x", "operator": "Exists"}, CONDITION]
    assert spec["delay"] == 1


def test_node_stages_stay_as_they_are() -> None:
    assert leave_out_engines(stage("Node")) == stage("Node")


def test_every_stage_of_the_module_is_copied(tmp_path: Path) -> None:
    for source, kind in (("node/fast", "Node"), ("node/heartbeat-with-lease", "Node"), ("pod/general", "Pod")):
        directory = tmp_path / "module/kustomize/stage" / source
        directory.mkdir(parents=True)
        (directory / f"{kind}-{directory.name}.yaml").write_text(yaml.safe_dump(stage(kind)))
        (directory / "kustomization.yaml").write_text("kind: Kustomization\n")
    write_stages(tmp_path / "module", tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["Node-fast.yaml", "Node-heartbeat-with-lease.yaml", "Pod-general.yaml"]
    assert CONDITION["key"] in (tmp_path / "out/Pod-general.yaml").read_text()
