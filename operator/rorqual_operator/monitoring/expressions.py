"""Every PromQL expression that is shipped, ready to be evaluated."""

from dataclasses import dataclass

from rorqual_operator.monitoring import fleet
from rorqual_operator.monitoring import service as one_service
from rorqual_operator.monitoring.alerts import ALERTS
from rorqual_operator.monitoring.panels import Dashboard
from rorqual_operator.monitoring.promql import fill

DASHBOARDS: tuple[Dashboard, ...] = (fleet.dashboard(), one_service.dashboard())


@dataclass(frozen=True, slots=True)
class Shipped:
    """One expression and where it stands."""

    place: str
    expression: str


def expressions(namespace: str, service: str, rate_window: str = "1m") -> list[Shipped]:
    """Everything that must have a value while the service runs under load: panels, and the signals of alerts."""
    return [*_of_panels(namespace, service, rate_window), *_of_signals()]


def alert_expressions() -> list[Shipped]:
    """The alerts themselves, which are empty while all is well."""
    return [Shipped(f"alert {alert.name}", alert.expression) for alert in ALERTS]


def _of_panels(namespace: str, name: str, rate_window: str) -> list[Shipped]:
    return [
        Shipped(f"{dashboard.title} / {panel.title}", fill(query.expression, namespace, name, rate_window))
        for dashboard in DASHBOARDS
        for row in dashboard.rows
        for panel in row.panels
        for query in panel.queries
    ]


def _of_signals() -> list[Shipped]:
    return [Shipped(f"signal of {alert.name}", alert.signal) for alert in ALERTS]
