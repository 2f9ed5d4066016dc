"""kwok's stage files, with the engine pods left out of those for pods.

kwok plays the kubelet for every pod of its nodes. Pods that carry the label below belong to the process agent,
so each pod stage gets one more condition and the two never write to the same status.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

PROCESS_LABEL = "sandbox.rorqual.io/process"
_SOURCES = ("node/fast", "node/heartbeat-with-lease", "pod/general")


def write_stages(kwok_module: Path, destination: Path) -> None:
    """Copies the stages out of the kwok module at `kwok_module` into `destination`, one file each."""
    destination.mkdir(parents=True, exist_ok=True)
    for source in _SOURCES:
        for path in sorted((kwok_module / "kustomize" / "stage" / source).glob("*.yaml")):
            document = yaml.safe_load(path.read_text())
            if document["kind"] == "Stage":
                (destination / path.name).write_text(yaml.safe_dump(leave_out_engines(document)))


def leave_out_engines(stage: dict[str, Any]) -> dict[str, Any]:
    """A pod stage that passes over labelled pods; other stages as they are."""
    spec = stage["spec"]
    if spec["resourceRef"]["kind"] != "Pod":
        return stage
    condition = {"key": f'.metadata.labels["{PROCESS_LABEL}"]', "operator": "DoesNotExist"}
    expressions = [*spec["selector"].get("matchExpressions", []), condition]
    return {**stage, "spec": {**spec, "selector": {**spec["selector"], "matchExpressions": expressions}}}
