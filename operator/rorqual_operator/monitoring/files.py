"""Everything that is generated from the dashboards, the alerts and the catalog: path -> text."""

import json
from typing import Any

import yaml

from rorqual_operator.monitoring import alerts
from rorqual_operator.monitoring.expressions import DASHBOARDS
from rorqual_operator.monitoring.panels import Dashboard, to_json

NOTE = "# Made by `python -m rorqual_operator.monitoring`; edit operator/rorqual_operator/monitoring instead.\n"
LABELS = {"app.kubernetes.io/name": "rorqual", "app.kubernetes.io/part-of": "rorqual"}
SCRAPE_INTERVAL = "15s"


def manifests() -> dict[str, str]:
    """The files of manifests/monitoring by name."""
    found = {f"{dashboard.uid}.json": _json(dashboard) for dashboard in DASHBOARDS}
    documents = {
        "dashboards.yaml": [_config_map(dashboard) for dashboard in DASHBOARDS],
        "rules.yaml": [_prometheus_rule()],
        "service-monitor.yaml": [_service_monitor()],
        "kustomization.yaml": [_kustomization()],
    }
    return {**found, **{name: _yaml(items) for name, items in documents.items()}, "rules.prometheus.yaml": _rule_file()}


def _json(dashboard: Dashboard) -> str:
    return json.dumps(to_json(dashboard), indent=2) + "\n"


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def _yaml(documents: list[dict[str, Any]]) -> str:
    return NOTE + yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=120)


def _config_map(dashboard: Dashboard) -> dict[str, Any]:
    # Grafana's sidecar finds dashboards by this label.
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": dashboard.uid, "labels": {**LABELS, "grafana_dashboard": "1"}},
        "data": {f"{dashboard.uid}.json": _json(dashboard)},
    }


def _prometheus_rule() -> dict[str, Any]:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "rorqual", "labels": LABELS},
        "spec": {"groups": alerts.groups()},
    }


def _rule_file() -> str:
    return _yaml([{"groups": alerts.groups()}])


def _service_monitor() -> dict[str, Any]:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": "rorqual", "labels": LABELS},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": "rorqual"}},
            # The operator's own labels namespace and name are about the services, so they must win.
            "endpoints": [{"port": "http", "path": "/metrics", "interval": SCRAPE_INTERVAL, "honorLabels": True}],
        },
    }


def _kustomization() -> dict[str, Any]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "rorqual-system",
        "resources": ["dashboards.yaml", "rules.yaml", "service-monitor.yaml"],
    }
