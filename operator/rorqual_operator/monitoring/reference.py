"""The reference pages of metrics and alerts, made from the same tables as the rest."""

from collections.abc import Iterable

from rorqual_operator.monitoring.alerts import OPERATOR, SERVICES, Alert
from rorqual_operator.monitoring.catalog import METRICS, Metric

NOTE = "<!-- Made by `python -m rorqual_operator.monitoring`; edit operator/rorqual_operator/monitoring instead. -->\n"


def pages() -> dict[str, str]:
    """The files of docs/reference by name."""
    return {"metrics.md": metrics_page(), "alerts.md": alerts_page()}


def metrics_page() -> str:
    """A table of every metric, and of the labels whose values are a closed set."""
    rows = [f"| `{metric.name}` | {metric.kind} | {_labels(metric)} | {metric.help} |" for metric in METRICS]
    return f"""{NOTE}
# Metrics

The operator serves these at `/metrics` on port 8080, with the usual `process_*` beside them. The replica that leads
serves all of them; one that stands by has `rorqual_leader 0` and nothing about services, so that sums stay right.
`namespace` and `name` are those of the LLMService: a scrape must honour them (`honorLabels: true`), or they become
`exported_namespace` and the dashboards stay empty.

| metric | kind | labels | meaning |
|---|---|---|---|
{_lines(rows)}

Values of labels, where they are a closed set:

| metric | label | values |
|---|---|---|
{_lines(_values(METRICS))}

`reason` and `action` use the words of conditions and Events; `signal` those of `status.decisions`. A `quantile` is
written as `0.5`, `0.9`, `0.95`, `0.99`. Nothing is exported for what is not known: a service without fresh metrics has
no latency, and one without requests in the window none either.

The engines' own metrics (`vllm:*`) are scraped from the engine pods: see [monitoring](../how-to/monitoring.md).
"""


def alerts_page() -> str:
    """Every alert with its expression and what to do."""
    return f"""{NOTE}
# Alerts

In [`manifests/monitoring/rules.yaml`](../../manifests/monitoring/rules.yaml) as a PrometheusRule, and in
[`rules.prometheus.yaml`](../../manifests/monitoring/rules.prometheus.yaml) as a plain rule file.
A replica that crashes over and over, or is ready and does not answer, is a fault: `RorqualServiceFault` tells of it
with the verdict's reason in the LLMService's status, so there is no alert on restarts beside it.

## About the operator

{_sections(OPERATOR)}

## About services

{_sections(SERVICES)}
"""


def _labels(metric: Metric) -> str:
    return ", ".join(f"`{label}`" for label in metric.labels) or "–"


def _values(metrics: Iterable[Metric]) -> list[str]:
    return [
        f"| `{metric.name}` | `{label}` | {', '.join(f'`{value}`' for value in values)} |"
        for metric in metrics
        for label, values in metric.values.items()
    ]


def _sections(alerts: Iterable[Alert]) -> str:
    return "\n\n".join(_section(alert) for alert in alerts)


def _section(alert: Alert) -> str:
    return f"""### {alert.name}

{alert.severity.capitalize()}, after {alert.minutes} minutes of

```promql
{alert.expression}
```

{alert.help}"""


def _lines(rows: Iterable[str]) -> str:
    return "\n".join(rows)
