"""The commands that the kind provider forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import yaml

from rorqual_sandbox.errors import ProviderUnavailableError
from rorqual_sandbox.kind import Kind, cluster_config, require_tools, worker_name
from rorqual_sandbox.kind_monitoring import monitoring_manifests
from rorqual_sandbox.nodes import NodeSpec
from rorqual_sandbox.options import Options

NODES = (NodeSpec("a", "NVIDIA-L40S", 4), NodeSpec("b"))


class Commands:
    """Records what would be run."""

    def __init__(self) -> None:
        self.seen: list[tuple[list[str], str | None]] = []

    def __call__(self, argv: Sequence[str], stdin: str | None) -> str:
        self.seen.append((list(argv), stdin))
        return ""


def test_up_creates_patches_and_applies() -> None:
    commands = Commands()
    Kind("x", commands, require=lambda: None).up(Options(nodes=NODES))
    (create, config), (patch, _), (apply, manifests) = commands.seen
    assert create[:5] == ["kind", "create", "cluster", "--name", "rorqual-x"]
    assert yaml.safe_load(config or "") == cluster_config(NODES)
    assert patch[:6] == ["kubectl", "--context", "kind-rorqual-x", "patch", "node", "rorqual-x-worker"]
    assert patch[-1] == '--patch=[{"op": "add", "path": "/status/capacity/nvidia.com~1gpu", "value": "4"}]'
    assert apply[3:] == ["apply", "-f", "-"]
    assert len(list(yaml.safe_load_all(manifests or ""))) == len(monitoring_manifests(2.0))


def test_down_deletes_the_cluster() -> None:
    commands = Commands()
    Kind("x", commands, require=lambda: None).down()
    assert commands.seen == [(["kind", "delete", "cluster", "--name", "rorqual-x"], None)]


def test_workers_carry_the_gpu_labels_without_the_kubelets_own() -> None:
    control_plane, first, second = cluster_config(NODES)["nodes"]
    assert control_plane == {"role": "control-plane"}
    assert first["labels"]["nvidia.com/gpu.product"] == "NVIDIA-L40S"
    assert not [key for key in first["labels"] | second["labels"] if key.startswith("kubernetes.io/")]


def test_worker_names_are_kinds() -> None:
    assert [worker_name("c", index) for index in range(3)] == ["c-worker", "c-worker2", "c-worker3"]


@pytest.mark.parametrize("missing", ["docker", "kind", "kubectl"])
def test_a_missing_tool_is_named(missing: str) -> None:
    with pytest.raises(ProviderUnavailableError, match=f"needs {missing} on PATH"):
        require_tools(which=lambda tool: None if tool == missing else tool, run=Commands())


def test_a_silent_daemon_is_named() -> None:
    def refuse(argv: Sequence[str], stdin: str | None) -> str:
        raise ProviderUnavailableError("cannot connect")

    with pytest.raises(ProviderUnavailableError, match=r"daemon does not answer.*cannot connect"):
        require_tools(which=lambda tool: tool, run=refuse)


def test_prometheus_may_read_pods_and_nothing_else() -> None:
    manifests: list[dict[str, Any]] = monitoring_manifests(2.0)
    (role,) = [manifest for manifest in manifests if manifest["kind"] == "ClusterRole"]
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
