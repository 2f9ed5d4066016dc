"""What the commands print."""

from __future__ import annotations

import shlex
from typing import Any

from rich.console import Console
from rich.table import Table

from rorqual_sandbox.handle import Sandbox
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.locks import is_held
from rorqual_sandbox.state import State

_MIB = 1024 * 1024


def how_to_go_on(sandbox: Sandbox) -> str:
    """The message at the end of `up`."""
    flag = "" if sandbox.layout.name == "default" else f" --name {sandbox.layout.name}"
    return "\n".join(
        [
            f"sandbox {sandbox.layout.name} is up",
            f"  API server  {sandbox.server_url}",
            f"  Prometheus  {sandbox.prometheus_url}",
            f"  kubeconfig  {sandbox.kubeconfig}",
            "",
            f'  eval "$(rorqual sandbox env{flag})"      kubectl and KUBECONFIG for this shell',
            f"  rorqual sandbox status{flag}            components, nodes, engine pods",
            f"  rorqual sandbox logs{flag} POD          an engine's output",
            f"  rorqual sandbox down{flag}              stop it and remove its files",
        ]
    )


def shell_exports(sandbox: Sandbox) -> str:
    """Lines for `eval`."""
    return "\n".join(
        [
            f"export KUBECONFIG={shlex.quote(str(sandbox.kubeconfig))}",
            f'export PATH={shlex.quote(str(sandbox.binaries.bin))}:"$PATH"',
            f"export RORQUAL_PROMETHEUS_URL={shlex.quote(sandbox.prometheus_url)}",
        ]
    )


def describe_phase(layout: Layout) -> str:
    """One word: running, crashed, failed, …"""
    state = State.read(layout.state)
    if is_held(layout.lock):
        return str(state.phase) if state else "starting"
    return "failed" if state and state.message else "crashed"


def print_status(sandbox: Sandbox, console: Console) -> None:
    """Tables of components, nodes and engines."""
    console.print(_components(sandbox.status()["components"]))
    console.print(_nodes(sandbox.get("nodes")["items"]))
    console.print(_engines(sandbox))
    console.print(f"kubeconfig {sandbox.kubeconfig}", soft_wrap=True, highlight=False)


def _components(rows: list[dict[str, Any]]) -> Table:
    table = Table("component", "pid", "port", "state", "healthy", "RSS MiB", title="components")
    for row in rows:
        resident = row["resident_bytes"]
        table.add_row(
            row["name"],
            str(row["pid"] or "-"),
            str(row["port"]),
            row["state"],
            "yes" if row["healthy"] else "no",
            f"{resident / _MIB:.0f}" if resident else "-",
        )
    return table


def _nodes(nodes: list[dict[str, Any]]) -> Table:
    table = Table("node", "ready", "GPUs", "product", title="nodes")
    for node in nodes:
        conditions = {c["type"]: c["status"] for c in node["status"].get("conditions", [])}
        table.add_row(
            node["metadata"]["name"],
            conditions.get("Ready", "Unknown"),
            node["status"].get("allocatable", {}).get("nvidia.com/gpu", "0"),
            node["metadata"]["labels"].get("nvidia.com/gpu.product", "-"),
        )
    return table


def _engines(sandbox: Sandbox) -> Table:
    table = Table("namespace", "pod", "pid", "address", "restarts", title="engine pods")
    for engine in sandbox.engines():
        pid = str(engine.pid or "-")
        table.add_row(engine.namespace, engine.pod, pid, engine.pod_ip, str(engine.restarts))
    return table
