"""What dashboards and alerts ask for exists: every metric and label of ours stands in the catalog."""

import re

import pytest

from rorqual_operator.monitoring.alerts import ALERTS
from rorqual_operator.monitoring.catalog import METRICS
from rorqual_operator.monitoring.expressions import Shipped, alert_expressions, expressions
from rorqual_operator.monitoring.promql import fill

BY_NAME = {metric.name: metric for metric in METRICS}
OURS = re.compile(r"(rorqual_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(?:=|!=|=~|!~)"([^"]*)"')
SHIPPED = [*expressions("llm", "chat"), *alert_expressions()]


@pytest.fixture(params=SHIPPED, ids=lambda shipped: shipped.place)
def shipped(request: pytest.FixtureRequest) -> Shipped:
    found: Shipped = request.param
    return found


def test_metrics_and_labels_are_in_the_catalog(shipped: Shipped) -> None:
    for name, matchers in OURS.findall(shipped.expression):
        metric = BY_NAME[name.removesuffix("_bucket") if name not in BY_NAME else name]
        for label, value in MATCHER.findall(matchers):
            assert label in metric.labels
            assert value in metric.values.get(label, (value,))


def test_no_variable_is_left(shipped: Shipped) -> None:
    assert "$" not in shipped.expression


def test_brackets_close(shipped: Shipped) -> None:
    for left, right in ("()", "{}", "[]"):
        assert shipped.expression.count(left) == shipped.expression.count(right)


def test_every_metric_of_the_catalog_is_shown_or_watched() -> None:
    text = " ".join(shipped.expression for shipped in SHIPPED)
    assert [name for name in BY_NAME if name not in text] == []


def test_engine_pods_of_a_service_with_a_similar_name_are_left_out() -> None:
    pattern = re.compile(fill(r"$service-[a-z0-9]+-[a-z0-9]{5}", "llm", "chat"))
    assert pattern.fullmatch("chat-6d5f8c7b9d-x2k4q")
    assert not pattern.fullmatch("chat-eu-6d5f8c7b9d-x2k4q")


def test_every_alert_has_a_signal_that_is_evaluated_too() -> None:
    evaluated = {shipped.expression for shipped in expressions("llm", "chat")}
    assert {alert.signal for alert in ALERTS} <= evaluated
