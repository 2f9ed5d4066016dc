"""PromQL of the metrics that detectors look at, one series a service."""

from rorqual_engine.catalog import vllm_metrics as names
from rorqual_engine.units import format_duration
from rorqual_operator.monitoring.promql import with_service

LEAST_WINDOW_SECONDS = 5.0
COUNTED = (
    ("requests", "requests"),
    ("prompt tokens", "prompt_tokens"),
    ("generated tokens", "generation_tokens"),
    ("preemptions", "preemptions"),
)
TIMED = (("TTFT", "ttft"), ("TPOT", "tpot"), ("queue time", "queue_time"))
QUANTILES = (0.5, 0.95)


def of_service(namespace: str, service: str) -> str:
    """Selector of one service's pods."""
    return f', namespace="{namespace}", pod=~"{service}-[a-z0-9]+-[a-z0-9]{{5}}"'


def expressions(step_seconds: float, selector: str = "") -> dict[str, str]:
    """By the name that a metric is shown with, of all services or of those selected; labels: namespace, service."""
    window = f"[{max(2 * step_seconds, LEAST_WINDOW_SECONDS):.0f}s]"
    gauges = {
        "running": _first("sum", "X", names.GAUGES["running"], selector),
        "waiting": _first("sum", "X", names.GAUGES["waiting"], selector),
        "KV cache use": _first("avg", "X", names.GAUGES["kv_use"], selector),
    }
    rates = {
        f"{shown}/s": _first("sum", f"rate(X{window})", names.COUNTERS[counter], selector) for shown, counter in COUNTED
    }
    latencies = {
        f"{shown} p{100 * share:.0f}": _quantile(share, names.HISTOGRAMS[histogram], window, selector)
        for shown, histogram in TIMED
        for share in QUANTILES
    }
    return {**gauges, **rates, **latencies}


def _first(aggregate: str, vector: str, candidates: tuple[str, ...], selector: str) -> str:
    """Engines may show one figure under several names: of each service the first that it has."""
    found = (vector.replace("X", f'{{__name__="{name}"{selector}}}') for name in candidates)
    return " or ".join(f"{aggregate} by (namespace, service) ({with_service(one)})" for one in found)


def _quantile(share: float, candidates: tuple[str, ...], window: str, selector: str) -> str:
    rates = (f'rate({{__name__="{name}_bucket"{selector}}}{window})' for name in candidates)
    return " or ".join(
        f"histogram_quantile({share}, sum by (namespace, service, le) ({with_service(one)}))" for one in rates
    )


def shown(metric: str, value: float) -> str:
    """A value with its unit, by the metric's name."""
    if metric.startswith(tuple(name for name, _ in TIMED)):
        return format_duration(value)
    if metric == "KV cache use":
        return f"{value:.0%}"
    return f"{value:.3g}"
