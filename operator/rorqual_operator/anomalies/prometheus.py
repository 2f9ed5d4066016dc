"""A service's metrics of the last while from Prometheus, as `rorqual detect` looks at them."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from requests.exceptions import RequestException
from urllib3.util.retry import Retry

from rorqual_engine.catalog import vllm_metrics as names
from rorqual_operator.anomalies.series import Series, SeriesError

STEP_SECONDS = 60.0
TIMEOUT_SECONDS = 30.0
WINDOW = "2m"


def queries(namespace: str, service: str) -> dict[str, str]:
    """PromQL by the name that a metric is shown with; pods are told by the names that a Deployment gives them."""
    pods = f'namespace="{namespace}", pod=~"{service}-[a-z0-9]+-[a-z0-9]{{5}}"'

    def first(expression: str, candidates: tuple[str, ...], suffix: str = "") -> str:
        """Engines may show one figure under several names: the first that there is."""
        filled = (expression.replace("X", f'{{__name__="{name}{suffix}", {pods}}}') for name in candidates)
        return " or ".join(f"({one})" for one in filled)

    gauges = {
        "running": first("sum(X)", names.GAUGES["running"]),
        "waiting": first("sum(X)", names.GAUGES["waiting"]),
        "KV cache use": first("avg(X)", names.GAUGES["kv_use"]),
    }
    rates = {
        f"{shown}/s": first(f"sum(rate(X[{WINDOW}]))", names.COUNTERS[counter])
        for shown, counter in (
            ("requests", "requests"),
            ("prompt tokens", "prompt_tokens"),
            ("generated tokens", "generation_tokens"),
            ("preemptions", "preemptions"),
        )
    }
    latencies = {
        f"{shown} p{100 * share:.0f}": first(
            f"histogram_quantile({share}, sum by (le) (rate(X[{WINDOW}])))", names.HISTOGRAMS[key], "_bucket"
        )
        for shown, key in (("TTFT", "ttft"), ("TPOT", "tpot"), ("queue time", "queue_time"))
        for share in (0.5, 0.95)
    }
    return {**gauges, **rates, **latencies}


def read_prometheus(url: str, namespace: str, service: str, now: float, since_seconds: float) -> Series:
    """Metrics that Prometheus lacks are left out. Raises SeriesError where it has none, or does not answer."""
    client = PrometheusConnect(url=url, timeout=TIMEOUT_SECONDS, retry=Retry(total=0))
    begin, end = (datetime.fromtimestamp(at, UTC) for at in (now - since_seconds, now))
    at = np.arange(now - since_seconds, now + 1e-6, STEP_SECONDS)
    columns = {}
    try:
        for name, query in queries(namespace, service).items():
            found = client.custom_query_range(query, begin, end, f"{STEP_SECONDS:.0f}s")
            if found:
                columns[name] = _column(found[0], at)
    except (RequestException, PrometheusApiClientException) as error:
        raise SeriesError(f"Prometheus at {url}: {error}") from error
    finally:
        client.close()
    if not columns:
        raise SeriesError(f"Prometheus at {url}: no metrics of engines of {namespace}/{service} within that time")
    return Series(at, tuple(columns), np.stack(list(columns.values()), axis=1))


def _column(found: Any, at: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = np.full(len(at), np.nan)
    for time, text in found["values"]:
        place = round((float(time) - at[0]) / STEP_SECONDS)
        if 0 <= place < len(at):
            values[place] = float(text)
    return values
