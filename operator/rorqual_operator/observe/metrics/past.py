"""The last hour of every service's load from Prometheus: what a restarted operator would have seen itself."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.catalog import vllm_metrics as names
from rorqual_engine.load_history import KEPT_SECONDS, LoadHistory
from rorqual_engine.snapshot import Past, ServiceKey
from rorqual_operator.monitoring.promql import with_service
from rorqual_operator.observe.metrics.client import ask, connect

STEP_SECONDS = 30
RATE_WINDOW = "2m"
"""Covers two scrapes of a minute each."""
Ranged = Mapping[str, Any]
"""One series: `metric` (labels), and `values` ([time, text] each) or, of an instant query, `value`."""
Columns = dict[ServiceKey, dict[float, float]]


def _by_service(vector: str, *more: str) -> str:
    by = ", ".join(("namespace", "service", *more))
    return f"sum by ({by}) ({with_service(vector)})"


def _first(expressions: Sequence[str]) -> str:
    """Of each service the first that it has: engines may show one figure under several names, with other buckets."""
    tried: list[str] = []
    for one in expressions:
        tried.append(" unless on (namespace, service) ".join([one, *expressions[: len(tried)]]))
    return " or ".join(f"({one})" for one in tried)


def _rate(counter: str) -> str:
    return _first([_by_service(f'rate({{__name__="{name}"}}[{RATE_WINDOW}])') for name in names.COUNTERS[counter]])


def _hour(histogram: str) -> str:
    buckets = (f'{{__name__="{name}_bucket"}}[{KEPT_SECONDS:.0f}s]' for name in names.HISTOGRAMS[histogram])
    return _first([_by_service(f"increase({found})", "le") for found in buckets])


RATES = {
    "finished": _rate("requests"),
    "prompt_tokens": _rate("prompt_tokens"),
    "generated_tokens": _rate("generation_tokens"),
}
BUCKETS = {name: _hour(name) for name in ("ttft", "tpot")}
IN_FLIGHT = _by_service(f'{{__name__=~"{names.GAUGES["running"][0]}|{names.GAUGES["waiting"][0]}"}}')


class PastLoads:
    """Asks one Prometheus once."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._client = connect(url, timeout_seconds)
        self.query_range: Callable[[str, datetime, datetime, str], list[Ranged]] = self._client.custom_query_range
        self.query: Callable[[str], list[Ranged]] = self._client.custom_query

    async def read(self, now: float) -> dict[ServiceKey, Past]:
        """Of every service that has any; empty times are not invented. Raises SourceError."""
        return await ask(lambda: self._read(now))

    def close(self) -> None:
        self._client.close()

    def _read(self, now: float) -> dict[ServiceKey, Past]:
        rates = {name: self._ask(expression, now) for name, expression in RATES.items()}
        in_flight = self._ask(IN_FLIGHT, now)
        ttft, tpot = (self._buckets(BUCKETS[name]) for name in ("ttft", "tpot"))
        return {
            key: Past(_history(key, rates, in_flight.get(key, {})), ttft.get(key, {}), tpot.get(key, {}))
            for key in rates["finished"]
        }

    def _buckets(self, expression: str) -> Columns:
        found: Columns = defaultdict(dict)
        for row in self.query(expression):
            labels = row["metric"]
            if labels.get("service"):
                found[_key(labels)][float(labels["le"])] = float(row["value"][1])
        return dict(found)

    def _ask(self, expression: str, now: float) -> Columns:
        begin, end = (datetime.fromtimestamp(at, UTC) for at in (now - KEPT_SECONDS, now))
        columns: Columns = defaultdict(dict)
        for series in self.query_range(expression, begin, end, f"{STEP_SECONDS}s"):
            if series["metric"].get("service"):
                columns[_key(series["metric"])] = {float(at): float(text) for at, text in series["values"]}
        return dict(columns)


def _key(labels: Mapping[str, str]) -> ServiceKey:
    return ServiceKey(labels.get("namespace", ""), labels["service"])


def _history(key: ServiceKey, rates: Mapping[str, Columns], in_flight: Mapping[float, float]) -> LoadHistory:
    """Counts from rates; arrivals are what finished, and by how much more was in flight."""
    at = np.array(sorted(rates["finished"][key]))
    counts = {name: _counted(at, columns.get(key, {})) for name, columns in rates.items()}
    inside = np.array([in_flight.get(time, math.nan) for time in at])
    inside = np.nan_to_num(inside, nan=float(np.nanmean(inside)) if np.isfinite(inside).any() else 0.0)
    arrived = np.maximum.accumulate(counts["finished"] + inside - inside[0]) if len(at) else inside
    return LoadHistory.of({"at": at, "arrived": arrived, **counts})


def _counted(at: NDArray[np.float64], rates: Mapping[float, float]) -> NDArray[np.float64]:
    """Cumulative, 0 at the first time; a time without a rate counts as without growth."""
    values = np.nan_to_num(np.array([rates.get(time, 0.0) for time in at]))
    steps = np.diff(at, prepend=at[:1])
    return np.cumsum(values * steps)
