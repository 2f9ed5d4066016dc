"""Alerts are named once, fire on their signal, and say what to do."""

import pytest

from rorqual_operator.act.render.lifecycle import PROGRESS_SECONDS
from rorqual_operator.monitoring.alerts import ALERTS, Alert, groups

BY_NAME = {alert.name: alert for alert in ALERTS}


@pytest.fixture(params=ALERTS, ids=lambda alert: alert.name)
def alert(request: pytest.FixtureRequest) -> Alert:
    found: Alert = request.param
    return found


def test_fires_on_its_signal(alert: Alert) -> None:
    assert alert.signal in alert.expression
    assert alert.absent == alert.expression.startswith("absent(")
    assert alert.absent == (alert.condition == "")


def test_says_what_it_means_and_what_to_do(alert: Alert) -> None:
    assert alert.name.startswith("Rorqual")
    assert alert.help.endswith(".")
    assert not alert.summary.endswith(".")


def test_summary_names_the_service_where_there_is_one(alert: Alert) -> None:
    per_service = "by (namespace, name" in alert.expression
    assert ("$labels.namespace" in alert.summary) == per_service


def test_every_alert_is_in_a_group() -> None:
    assert [rule["alert"] for group in groups() for rule in group["rules"]] == [alert.name for alert in ALERTS]
    assert len(BY_NAME) == len(ALERTS)


def test_a_loading_model_is_no_alert() -> None:
    assert BY_NAME["RorqualReplicasNotServing"].minutes * 60 >= PROGRESS_SECONDS
