"""Prometheus's configuration: engine pods through the API server, the operator through a target list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from rorqual_sandbox.layout import Layout

_POD = "__meta_kubernetes_pod"
_SCRAPE = f"{_POD}_annotation_prometheus_io_scrape"
_MANAGED_BY = f"{_POD}_label_app_kubernetes_io_managed_by"
_PORT_NAME = f"{_POD}_container_port_name"


def write_prometheus_config(layout: Layout, scrape_interval_seconds: float) -> None:
    """Writes prometheus.yml for the sandbox at `layout`."""
    milliseconds = max(1, round(scrape_interval_seconds * 1000))
    interval = f"{milliseconds}ms"
    config: dict[str, Any] = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [str(layout.prometheus_rules / "*.yaml")],
        "scrape_configs": [
            pod_scrape_config({"role": "pod", "kubeconfig_file": str(layout.kubeconfig)}),
            _operator(layout.prometheus_targets),
        ],
    }
    layout.prometheus_config.write_text(yaml.safe_dump(config, sort_keys=False))


def pod_scrape_config(discovery: dict[str, Any]) -> dict[str, Any]:
    """The job that scrapes pods, found by `discovery` (one kubernetes_sd_config)."""
    return {
        "job_name": "kubernetes-pods",
        "kubernetes_sd_configs": [discovery],
        "relabel_configs": [
            {
                # annotated, or one of Rorqual's pods with a port of a telling name
                "source_labels": [_SCRAPE, _MANAGED_BY, _PORT_NAME],
                "regex": "true;.*;.*|[^;]*;rorqual;(http|metrics)",
                "action": "keep",
            },
            {"source_labels": [f"{_POD}_phase"], "regex": "Succeeded|Failed", "action": "drop"},
            {
                "source_labels": [f"{_POD}_annotation_prometheus_io_path"],
                "regex": "(.+)",
                "target_label": "__metrics_path__",
            },
            {
                "source_labels": [f"{_POD}_ip", f"{_POD}_annotation_prometheus_io_port"],
                "regex": "(.+);(.+)",
                "replacement": "$1:$2",
                "target_label": "__address__",
            },
            _copy("namespace", "namespace"),
            _copy(f"{_POD}_name", "pod"),
            _copy(f"{_POD}_container_name", "container"),
            _copy(f"{_POD}_node_name", "node"),
            _copy(f"{_POD}_label_app_kubernetes_io_instance", "service"),
        ],
    }


def _copy(source: str, target: str) -> dict[str, Any]:
    label = source if source.startswith("__") else f"__meta_kubernetes_{source}"
    return {"source_labels": [label], "target_label": target}


def _operator(targets: Path) -> dict[str, Any]:
    return {
        "job_name": "rorqual-operator",
        "file_sd_configs": [{"files": [str(targets / "*.json")], "refresh_interval": "5s"}],
    }


def write_target(layout: Layout, host_port: str) -> None:
    """Adds `host:port` to the targets of the job `rorqual-operator`."""
    _target_file(layout, host_port).write_text(json.dumps([{"targets": [host_port]}]))


def remove_target(layout: Layout, host_port: str) -> None:
    """Takes `host:port` out of the targets of the job `rorqual-operator`."""
    _target_file(layout, host_port).unlink(missing_ok=True)


def _target_file(layout: Layout, host_port: str) -> Path:
    return layout.prometheus_targets / f"{host_port.replace(':', '-')}.json"
