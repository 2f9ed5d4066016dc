"""The table of metrics keeps Prometheus' naming rules, since dashboards and users build on it."""

import re

import pytest

from rorqual_engine.plan import Verdict
from rorqual_operator.monitoring.catalog import METRICS, SERVICE_VERDICT, Metric


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_name_follows_prometheus_rules(metric: Metric) -> None:
    assert re.fullmatch(r"rorqual_[a-z0-9_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_closed_sets_are_of_its_own_labels(metric: Metric) -> None:
    assert set(metric.values) <= set(metric.labels)


def test_names_are_distinct() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_verdicts_are_those_of_the_plan() -> None:
    assert SERVICE_VERDICT.values["verdict"] == tuple(verdict.value for verdict in Verdict)
