"""Small pieces of PromQL that dashboards, alerts and the operator's own questions share.

Grafana's variables stand in the expressions as Grafana writes them; `fill` puts values in their place.
"""

from rorqual_operator.monitoring.catalog import Metric

RATE_WINDOW = "$__rate_interval"
ONE_SERVICE = 'namespace="$namespace", name="$service"'
"""Matchers of the operator's own metrics about the chosen service."""
ENGINE_PODS = 'namespace="$namespace", pod=~"$service-[a-z0-9]+-[a-z0-9]{5}"'
"""Matchers of the chosen service's engines, by the names that a Deployment gives its pods."""


def fill(expression: str, namespace: str, service: str, rate_window: str = "1m") -> str:
    """`expression` with Grafana's variables replaced, as Prometheus takes it."""
    values = {RATE_WINDOW: rate_window, "$namespace": namespace, "$service": service}
    for variable, value in values.items():
        expression = expression.replace(variable, value)
    return expression


def select(metric: Metric | str, *matchers: str) -> str:
    """``name{matchers}``."""
    name = metric if isinstance(metric, str) else metric.name
    return f"{name}{{{', '.join(matchers)}}}" if matchers else name


def rate(selector: str, window: str = RATE_WINDOW) -> str:
    """Per second, over `window`."""
    return f"rate({selector}[{window}])"


def with_service(vector: str) -> str:
    """Engines' series with a label `service`, by the names that a Deployment, named after it, gives its pods."""
    return f'label_replace({vector}, "service", "$1", "pod", "(.+)-[a-z0-9]+-[a-z0-9]{{5}}")'


def per_pod(selector: str) -> str:
    """Summed over whatever else an engine labels its series with."""
    return f"sum by (pod) ({selector})"


def quantile_per_pod(share: float, *histograms: str) -> str:
    """A quantile of the first of `histograms` that an engine has; later ones are older names."""
    buckets = (rate(select(f"{name}_bucket", ENGINE_PODS)) for name in histograms)
    # Quantiles are taken before the choice: engines with both names may bound their buckets differently.
    return " or ".join(f"histogram_quantile({share}, sum by (pod, le) ({found}))" for found in buckets)
