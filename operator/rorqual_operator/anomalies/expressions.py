"""PromQL of the metrics that detectors look at, one series a service."""

from rorqual_engine.catalog import vllm_metrics as names
from rorqual_engine.units import format_duration
from rorqual_operator.monitoring.promql import ENGINE_PODS, fill, with_service

LEAST_WINDOW_SECONDS = 5.0
COUNTED = (
    ("requests", "requests"),
    ("prompt tokens", "prompt_tokens"),
    ("generated tokens", "generation_tokens"),
    ("preemptions", "preemptions"),
)
TIMED = (("TTFT", "ttft"), ("TPOT", "tpot"), ("queue time", "queue_time"))
QUANTILES = (0.5, 0.95)
UNEVEN = ("busiest replica", "fullest replica", "slowest replica")
"""By how much it is above the mean of all: load moves both alike, and what ails one replica moves the first alone."""


def of_service(namespace: str, service: str) -> str:
    """Selector of one service's pods."""
    return f", {fill(ENGINE_PODS, namespace, service)}"


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
    return {**gauges, **rates, **latencies, **_uneven(window, selector)}


def _uneven(window: str, selector: str) -> dict[str, str]:
    """Running requests, use of the KV cache and mean time per output token: the greatest over the mean."""
    running, kv_use = ([_named(name, selector) for name in names.GAUGES[key]] for key in ("running", "kv_use"))
    slowest = [
        f"rate({_named(f'{name}_sum', selector)}{window}) / rate({_named(f'{name}_count', selector)}{window})"
        for name in names.HISTOGRAMS["tpot"]
    ]
    return {shown: _over_mean(found) for shown, found in zip(UNEVEN, (running, kv_use, slowest), strict=True)}


def _over_mean(candidates: list[str]) -> str:
    by = "by (namespace, service)"
    labelled = [with_service(one) for one in candidates]
    return " or ".join(f"max {by} ({one}) / avg {by} ({one})" for one in labelled)


def _named(name: str, selector: str) -> str:
    return f'{{__name__="{name}"{selector}}}'


def _first(aggregate: str, vector: str, candidates: tuple[str, ...], selector: str) -> str:
    """Engines may show one figure under several names: of each service the first that it has."""
    found = (vector.replace("X", _named(name, selector)) for name in candidates)
    return " or ".join(f"{aggregate} by (namespace, service) ({with_service(one)})" for one in found)


def _quantile(share: float, candidates: tuple[str, ...], window: str, selector: str) -> str:
    rates = (f"rate({_named(f'{name}_bucket', selector)}{window})" for name in candidates)
    return " or ".join(
        f"histogram_quantile({share}, sum by (namespace, service, le) ({with_service(one)}))" for one in rates
    )


def shown(metric: str, value: float) -> str:
    """A value with its unit, by the metric's name."""
    if metric.startswith(tuple(name for name, _ in TIMED)):
        return format_duration(value)
    if metric == "KV cache use":
        return f"{value:.0%}"
    if metric in UNEVEN:
        return f"{value:.3g} times the mean"
    return f"{value:.3g}"
