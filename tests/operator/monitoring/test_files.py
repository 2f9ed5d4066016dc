"""What is checked in is what is generated."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from rorqual_operator.monitoring.__main__ import write
from rorqual_operator.monitoring.alerts import ALERTS
from rorqual_operator.monitoring.catalog import METRICS
from rorqual_operator.monitoring.files import manifests
from rorqual_operator.monitoring.reference import pages

ROOT = Path(__file__).parents[3]
FILES = {
    **{f"manifests/monitoring/{name}": text for name, text in manifests().items()},
    **{f"docs/reference/{name}": text for name, text in pages().items()},
}


def read(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(manifests()[name]))


@pytest.mark.parametrize("name", FILES)
def test_checked_in_file_is_up_to_date(name: str) -> None:
    assert (ROOT / name).read_text() == FILES[name], "run `python -m rorqual_operator.monitoring`"


def test_config_maps_hold_the_dashboards() -> None:
    for config_map in read("dashboards.yaml"):
        assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
        ((name, text),) = config_map["data"].items()
        assert json.loads(text) == json.loads(manifests()[name])


def test_rule_file_and_rule_object_are_the_same() -> None:
    (rules,), (resource,) = read("rules.prometheus.yaml"), read("rules.yaml")
    assert resource["spec"] == rules


def test_scrape_of_the_operator_keeps_its_labels() -> None:
    (monitor,) = read("service-monitor.yaml")
    (service,) = yaml.safe_load_all((ROOT / "manifests" / "base" / "service.yaml").read_text())
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["honorLabels"] is True
    assert endpoint["port"] == service["spec"]["ports"][0]["name"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()


def test_reference_names_every_metric_and_alert() -> None:
    assert all(f"`{metric.name}`" in pages()["metrics.md"] for metric in METRICS)
    assert all(f"### {alert.name}\n" in pages()["alerts.md"] for alert in ALERTS)


def test_files_are_written(tmp_path: Path) -> None:
    write(tmp_path / "new", {"a": "text"})
    assert (tmp_path / "new" / "a").read_text() == "text"
