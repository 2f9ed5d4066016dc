"""Metrics from Prometheus: five queries a round, however many services there are."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rorqual_engine.catalog import vllm_metrics as names
from rorqual_operator.observe.metrics.client import ask, connect
from rorqual_operator.observe.metrics.normalise import Series, to_sample
from rorqual_operator.observe.metrics.sample import Sample
from rorqual_operator.observe.metrics.source import Target
from rorqual_operator.observe.reflector import Key

Row = Mapping[str, Any]
"""One entry of an instant vector: `metric` (labels) and `value` ([time, text])."""


def _any(*groups: Mapping[str, tuple[str, ...]], suffix: str = "") -> str:
    return "|".join(name + suffix for group in groups for candidates in group.values() for name in candidates)


_SUMMED = "|".join((_any(names.COUNTERS), names.GAUGES["running"][0], names.GAUGES["waiting"][0]))
_AVERAGED = "|".join(names.GAUGES["kv_use"])

# Pods with several engines (data parallel) show one series each; they are summed here, KV use is averaged.
SUMS = f'sum by (__name__, namespace, pod) ({{__name__=~"{_SUMMED}"}})'
MEANS = f'avg by (__name__, namespace, pod) ({{__name__=~"{_AVERAGED}"}})'
BUCKETS = f'sum by (__name__, namespace, pod, le) ({{__name__=~"{_any(names.HISTOGRAMS, suffix="_bucket")}"}})'
CACHE = f'max by (__name__, namespace, pod, num_gpu_blocks, block_size) ({{__name__="{names.CACHE_CONFIG}"}})'
TIMES = f"max by (namespace, pod) (timestamp({names.GAUGES['running'][0]}))"
QUERIES = (SUMS, MEANS, BUCKETS, CACHE)


class PrometheusSource:
    """Reads engines' metrics from one Prometheus. Pods are told apart by the labels namespace and pod."""

    name = "prometheus"

    def __init__(self, url: str, timeout_seconds: float, query: Callable[[str], list[Row]] | None = None) -> None:
        self._client = connect(url, timeout_seconds)
        self._query = query or self._client.custom_query

    async def read(self, targets: Sequence[Target]) -> Mapping[Key, Sample]:
        wanted = {target.pod for target in targets}
        return await ask(lambda: _samples(*self._ask(), wanted=wanted))

    def close(self) -> None:
        self._client.close()

    def _ask(self) -> tuple[list[Row], list[Row]]:
        times = self._query(TIMES)
        return times, [row for query in QUERIES for row in self._query(query)] if times else []


def _samples(times: list[Row], rows: list[Row], wanted: set[Key]) -> dict[Key, Sample]:
    series: dict[Key, list[Series]] = defaultdict(list)
    for row in rows:
        labels = row["metric"]
        pod = _pod(labels)
        if pod in wanted and "__name__" in labels:
            series[pod].append((labels["__name__"], labels, float(row["value"][1])))
    observed = {_pod(row["metric"]): float(row["value"][1]) for row in times}
    return {pod: to_sample(observed[pod], "prometheus", found) for pod, found in series.items() if pod in observed}


def _pod(labels: Mapping[str, str]) -> Key:
    return labels.get("namespace", ""), labels.get("pod", "")
