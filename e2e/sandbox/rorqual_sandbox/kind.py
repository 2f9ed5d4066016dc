"""`--provider kind`: the same fixtures in a kind cluster, where Docker runs.

kind's nodes are containers, so kubelets run the pods: the engine image is llm-d-inference-sim's own, and the
GPUs are extended resources patched into the nodes' status.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from rorqual_sandbox.errors import ProviderUnavailableError
from rorqual_sandbox.kind_monitoring import monitoring_manifests
from rorqual_sandbox.nodes import NodeSpec, node_labels
from rorqual_sandbox.options import Options

SIMULATOR_IMAGE = "ghcr.io/llm-d/llm-d-inference-sim:v0.10.2"
_GPU_PATH = "/status/capacity/nvidia.com~1gpu"
Runner = Callable[[Sequence[str], str | None], str]


def run_command(argv: Sequence[str], stdin: str | None = None) -> str:
    """Runs a command and returns its output. Raises ProviderUnavailableError with what it said."""
    try:
        result = subprocess.run(list(argv), input=stdin, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ProviderUnavailableError(f"{argv[0]} is not on PATH") from error
    if result.returncode:
        raise ProviderUnavailableError(f"`{' '.join(argv[:4])} …` failed: {result.stderr.strip()[-800:]}")
    return result.stdout


def require_tools(which: Callable[[str], str | None] = shutil.which, run: Runner = run_command) -> None:
    """Raises ProviderUnavailableError unless Docker answers and kind and kubectl are there."""
    for tool in ("docker", "kind", "kubectl"):
        if which(tool) is None:
            raise ProviderUnavailableError(
                f"`--provider kind` needs {tool} on PATH; the default provider needs no containers"
            )
    try:
        run(["docker", "version", "--format", "{{.Server.Version}}"], None)
    except ProviderUnavailableError as error:
        raise ProviderUnavailableError(
            f"Docker's daemon does not answer; start it, or use the default provider ({error})"
        ) from error


@dataclass(frozen=True)
class Kind:
    """A kind cluster by name; `run` carries the commands out."""

    name: str
    run: Runner = run_command
    require: Callable[[], None] = require_tools

    @property
    def cluster(self) -> str:
        return f"rorqual-{self.name}"

    def up(self, options: Options) -> None:
        """Creates the cluster, its GPUs and Prometheus. Raises ProviderUnavailableError."""
        self.require()
        config = yaml.safe_dump(cluster_config(options.nodes))
        self.run(["kind", "create", "cluster", "--name", self.cluster, "--wait", "120s", "--config", "-"], config)
        for index, node in enumerate(options.nodes):
            self._add_gpus(worker_name(self.cluster, index), node)
        manifests = yaml.safe_dump_all(monitoring_manifests(options.scrape_interval_seconds))
        self._kubectl("apply", "-f", "-", stdin=manifests)

    def down(self) -> None:
        """Deletes the cluster; deleting none is no error to kind."""
        self.require()
        self.run(["kind", "delete", "cluster", "--name", self.cluster], None)

    def _add_gpus(self, worker: str, node: NodeSpec) -> None:
        if not node.gpus:
            return
        patch = [{"op": "add", "path": _GPU_PATH, "value": str(node.gpus)}]
        self._kubectl("patch", "node", worker, "--subresource=status", "--type=json", f"--patch={json.dumps(patch)}")

    def _kubectl(self, *args: str, stdin: str | None = None) -> None:
        self.run(["kubectl", "--context", f"kind-{self.cluster}", *args], stdin)


def cluster_config(nodes: Sequence[NodeSpec]) -> dict[str, Any]:
    """kind's configuration: one control plane, and a worker for each node with its labels."""
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [
            {"role": "control-plane"},
            *({"role": "worker", "labels": _free_labels(node)} for node in nodes),
        ],
    }


def worker_name(cluster: str, index: int) -> str:
    """How kind names its workers: worker, worker2, worker3, …"""
    return f"{cluster}-worker{index + 1 if index else ''}"


def _free_labels(node: NodeSpec) -> dict[str, str]:
    """Without those that the kubelet sets itself."""
    return {key: value for key, value in node_labels(node).items() if not key.startswith("kubernetes.io/")}


def how_to_go_on(name: str) -> str:
    """The message at the end of `up --provider kind`."""
    cluster = Kind(name).cluster
    return "\n".join(
        [
            f"kind cluster {cluster} is up",
            f"  kubectl config use-context kind-{cluster}",
            "  kubectl -n monitoring port-forward service/prometheus 9090",
            f"  engine image: {SIMULATOR_IMAGE}",
            f"  rorqual sandbox down --provider kind --name {name}",
        ]
    )
