"""Dashboards and alerts against Prometheus, while a service runs under load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from operating import Load, OperatorProcess, Service, llmservice

from rorqual_operator.monitoring.expressions import Shipped, alert_expressions, expressions
from rorqual_sandbox.handle import Sandbox

pytestmark = pytest.mark.sandbox
Until = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "manifests" / "monitoring" / "rules.prometheus.yaml"
OBJECTIVES = {"ttft": {"p95": "20s"}, "tpot": {"p95": "5s"}}


@pytest.fixture
def watched(sandbox: Sandbox, run_operator: Callable[..., OperatorProcess]) -> Iterator[OperatorProcess]:
    """An operator that Prometheus scrapes, and whose detectors learn from minutes instead of hours."""
    operator = run_operator(detector_step_seconds="1")
    address = f"127.0.0.1:{operator.port}"
    sandbox.register_target(address)
    yield operator
    sandbox.unregister_target(address)


def empty(sandbox: Sandbox, shipped: list[Shipped]) -> list[str]:
    """Where the expressions without a value stand; an expression that Prometheus refuses raises."""
    return [f"{item.place}: {item.expression}" for item in shipped if not sandbox.query(item.expression)]


def test_every_panel_and_every_signal_has_a_value(
    sandbox: Sandbox, watched: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace, objectives=OBJECTIVES))
    until(chat.ready(1))
    with Load(chat, at_once=6):
        until(lambda: chat.status["desiredReplicas"] > 1)
        missing: list[str] = []

        def complete() -> bool:
            missing[:] = empty(sandbox, expressions(chat.namespace, chat.name))
            return not missing

        try:
            until(complete, 180)
        except AssertionError:
            pytest.fail("without a value:\n" + "\n".join(missing))


def test_no_alert_is_true_of_a_healthy_service(
    sandbox: Sandbox, watched: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace, objectives=OBJECTIVES))
    until(lambda: chat.holds("MetricsAvailable"))

    def alerts() -> list[str]:
        """Those that are true of this service, or of the operator."""
        return [
            item.place
            for item in alert_expressions()
            for row in sandbox.query(item.expression)
            if row["metric"].get("namespace") in (chat.namespace, None)
        ]

    until(lambda: sandbox.query(f'rorqual_service_verdict{{namespace="{chat.namespace}", verdict="Fault"}}'))
    until(lambda: not alerts())


def test_prometheus_loads_the_rules(sandbox: Sandbox, until: Until) -> None:
    sandbox.add_rules("rorqual", RULES.read_text())
    # Nothing of Rorqual's is scraped here, which is what this alert is about.
    until(lambda: sandbox.query('ALERTS{alertname="RorqualAbsent", alertstate="pending"}'), 90)
