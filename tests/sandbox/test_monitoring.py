"""What Prometheus is told to scrape."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rorqual_sandbox.layout import Layout
from rorqual_sandbox.monitoring import pod_scrape_config, remove_target, write_prometheus_config, write_target


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "s")
    layout.create()
    return layout


def config(layout: Layout) -> dict[str, Any]:
    write_prometheus_config(layout, 0.5)
    loaded: dict[str, Any] = yaml.safe_load(layout.prometheus_config.read_text())
    return loaded


def test_the_interval_is_written_in_milliseconds(layout: Layout) -> None:
    assert config(layout)["global"]["scrape_interval"] == "500ms"


def test_both_jobs_and_the_rules_are_there(layout: Layout) -> None:
    written = config(layout)
    assert [job["job_name"] for job in written["scrape_configs"]] == ["kubernetes-pods", "rorqual-operator"]
    assert written["rule_files"] == [str(layout.prometheus_rules / "*.yaml")]
    assert written["scrape_configs"][0]["kubernetes_sd_configs"][0]["kubeconfig_file"] == str(layout.kubeconfig)


@pytest.mark.parametrize(
    ("joined", "kept"),
    [
        ("true;;", True),
        (";rorqual;http", True),
        (";rorqual;metrics", True),
        (";rorqual;grpc", False),
        (";other;http", False),
        ("false;rorqual;http", True),
    ],
)
def test_which_pods_are_kept(joined: str, kept: bool) -> None:
    rule = pod_scrape_config({})["relabel_configs"][0]
    assert (re.fullmatch(rule["regex"], joined) is not None) is kept


def test_samples_are_labelled_for_the_operators_queries() -> None:
    targets = {rule.get("target_label") for rule in pod_scrape_config({})["relabel_configs"]}
    assert {"namespace", "pod", "container", "service", "node"} <= targets


def test_targets_come_and_go(layout: Layout) -> None:
    write_target(layout, "127.0.0.1:8080")
    (path,) = layout.prometheus_targets.iterdir()
    assert json.loads(path.read_text()) == [{"targets": ["127.0.0.1:8080"]}]
    remove_target(layout, "127.0.0.1:8080")
    remove_target(layout, "127.0.0.1:8080")
    assert list(layout.prometheus_targets.iterdir()) == []
