"""Prometheus inside a kind cluster, with the scrape rules of the embedded one."""

from __future__ import annotations

from typing import Any

import yaml

from rorqual_sandbox.monitoring import pod_scrape_config

PROMETHEUS_IMAGE = "quay.io/prometheus/prometheus:v3.5.0"
_NAMESPACE = "monitoring"
_LABELS = {"app.kubernetes.io/name": "prometheus"}


def monitoring_manifests(scrape_interval_seconds: float) -> list[dict[str, Any]]:
    """Namespace, access to pods, configuration, Deployment and Service."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _meta()},
        _cluster_role(),
        _cluster_role_binding(),
        _config_map(scrape_interval_seconds),
        _deployment(),
        _service(),
    ]


def _meta() -> dict[str, Any]:
    return {"name": "prometheus", "namespace": _NAMESPACE, "labels": _LABELS}


def _cluster_role() -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "rorqual-sandbox-prometheus"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
    }


def _cluster_role_binding() -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "rorqual-sandbox-prometheus"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "rorqual-sandbox-prometheus",
        },
        "subjects": [{"kind": "ServiceAccount", "name": "prometheus", "namespace": _NAMESPACE}],
    }


def _config_map(scrape_interval_seconds: float) -> dict[str, Any]:
    interval = f"{max(1, round(scrape_interval_seconds * 1000))}ms"
    config = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "scrape_configs": [pod_scrape_config({"role": "pod"})],
    }
    text = yaml.safe_dump(config, sort_keys=False)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta(), "data": {"prometheus.yml": text}}


def _deployment() -> dict[str, Any]:
    container = {
        "name": "prometheus",
        "image": PROMETHEUS_IMAGE,
        "args": ["--config.file=/etc/prometheus/prometheus.yml", "--web.enable-lifecycle"],
        "ports": [{"name": "http", "containerPort": 9090}],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": "http"}},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/prometheus"}],
    }
    pod = {
        "serviceAccountName": "prometheus",
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": "prometheus"}}],
    }
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": _LABELS},
        "template": {"metadata": {"labels": _LABELS}, "spec": pod},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _meta(), "spec": spec}


def _service() -> dict[str, Any]:
    spec = {"selector": _LABELS, "ports": [{"name": "http", "port": 9090, "targetPort": "http"}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _meta(), "spec": spec}
