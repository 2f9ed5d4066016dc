"""The nodes that the sandbox pretends to have."""

from __future__ import annotations

from pathlib import Path

import pytest

from rorqual_sandbox.errors import SandboxError
from rorqual_sandbox.nodes import DEFAULT_FLEET, NodeSpec, fleet_of, node_manifest, read_fleet

H100 = "NVIDIA-H100-80GB-HBM3"


def test_a_gpu_node_carries_the_labels_of_gpu_feature_discovery() -> None:
    node = node_manifest(NodeSpec("n", H100, 8))
    labels = node["metadata"]["labels"]
    assert (labels["nvidia.com/gpu.product"], labels["nvidia.com/gpu.memory"]) == (H100, "81559")
    assert (labels["nvidia.com/gpu.count"], labels["nvidia.com/mig.capable"]) == ("8", "true")
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "8"


def test_a_plain_node_has_none() -> None:
    node = node_manifest(NodeSpec("n"))
    assert not [label for label in node["metadata"]["labels"] if label.startswith("nvidia.com")]
    assert "nvidia.com/gpu" not in node["status"]["capacity"]


def test_label_values_are_strings() -> None:
    assert all(isinstance(v, str) for n in DEFAULT_FLEET for v in node_manifest(n)["metadata"]["labels"].values())


def test_a_count_of_gpus_is_spread_over_nodes_of_eight() -> None:
    fleet = fleet_of({H100: 18})
    assert [(node.name, node.gpus) for node in fleet] == [
        ("h100-80gb-hbm3-0", 8),
        ("h100-80gb-hbm3-1", 8),
        ("h100-80gb-hbm3-2", 2),
        ("cpu-0", 0),
    ]


def test_a_fleet_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "nodes.yaml"
    path.write_text(f"- {{name: a, product: {H100}, gpus: 4, labels: {{pool: spot}}}}\n- {{name: b}}\n")
    assert read_fleet(path) == (NodeSpec("a", H100, 4, (("pool", "spot"),)), NodeSpec("b"))


@pytest.mark.parametrize(
    ("text", "message"),
    [("{a: 1}", "expected a list"), ("- {gpus: 1}", "expected an entry"), ("- {name: a, product: X}", "unknown")],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "nodes.yaml"
    path.write_text(text)
    with pytest.raises(SandboxError, match=message):
        read_fleet(path)
