"""Services' metrics of the last while from Prometheus, as detectors look at them."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from requests.exceptions import RequestException
from urllib3.util.retry import Retry

from rorqual_engine.snapshot import ServiceKey
from rorqual_operator.anomalies.expressions import expressions, of_service
from rorqual_operator.anomalies.series import Series, SeriesError

STEP_SECONDS = 60.0
TIMEOUT_SECONDS = 30.0
Ranged = Mapping[str, Any]
Row = dict[str, float]
"""Metrics of one service at one moment, by name; those that are not known are not there."""


class Metrics:
    """Asks one Prometheus; all blocks. Raises SeriesError where it does not answer."""

    def __init__(self, url: str, timeout_seconds: float, step_seconds: float = STEP_SECONDS) -> None:
        self.step_seconds = step_seconds
        self._url = url
        self._client = PrometheusConnect(url=url, timeout=timeout_seconds, retry=Retry(total=0))

    def close(self) -> None:
        self._client.close()

    @property
    def names(self) -> tuple[str, ...]:
        """Of all that is asked for, in the order of a Series' columns."""
        return tuple(expressions(self.step_seconds))

    def now(self) -> dict[ServiceKey, Row]:
        """Of every service that has engines."""
        found: dict[ServiceKey, Row] = defaultdict(dict)
        for name, expression in expressions(self.step_seconds).items():
            for row in self._asked(self._client.custom_query, expression):
                value = float(row["value"][1])
                if row["metric"].get("service") and math.isfinite(value):
                    found[_key(row["metric"])][name] = value
        return dict(found)

    def past(self, begin: float, end: float, selector: str = "") -> dict[ServiceKey, Series]:
        """Of every service that had engines, or of those selected; all over the same times."""
        at = np.arange(begin, end + 1e-6, self.step_seconds)
        wanted = expressions(self.step_seconds, selector)
        found: dict[ServiceKey, NDArray[np.float64]] = {}
        for column, expression in enumerate(wanted.values()):
            for one in self._asked(self._range, expression, begin, end):
                if one["metric"].get("service"):
                    values = found.setdefault(_key(one["metric"]), np.full((len(at), len(wanted)), np.nan))
                    _fill(values[:, column], at, one)
        return {key: Series(at, tuple(wanted), values) for key, values in found.items()}

    def _range(self, expression: str, begin: float, end: float) -> list[Ranged]:
        times = (datetime.fromtimestamp(at, UTC) for at in (begin, end))
        found: list[Ranged] = self._client.custom_query_range(expression, *times, f"{self.step_seconds:.0f}s")
        return found

    def _asked(self, ask: Callable[..., list[Ranged]], *question: str | float) -> list[Ranged]:
        try:
            return ask(*question)
        except (RequestException, PrometheusApiClientException, KeyError, ValueError) as error:
            raise SeriesError(f"Prometheus at {self._url}: {error}") from error


def read_prometheus(url: str, namespace: str, service: str, now: float, since_seconds: float) -> Series:
    """Metrics that Prometheus lacks are left out. Raises SeriesError where it has none, or does not answer."""
    metrics = Metrics(url, TIMEOUT_SECONDS)
    try:
        past = metrics.past(now - since_seconds, now, of_service(namespace, service))
    finally:
        metrics.close()
    found = past.get(ServiceKey(namespace, service))
    if found is None:
        raise SeriesError(f"Prometheus at {url}: no metrics of engines of {namespace}/{service} within that time")
    known = [place for place in range(len(found.names)) if np.isfinite(found.values[:, place]).any()]
    return Series(found.at, tuple(found.names[place] for place in known), found.values[:, known])


def _key(labels: Mapping[str, str]) -> ServiceKey:
    return ServiceKey(labels.get("namespace", ""), labels["service"])


def _fill(column: NDArray[np.float64], at: NDArray[np.float64], found: Ranged) -> None:
    step = at[1] - at[0] if len(at) > 1 else STEP_SECONDS
    for time, text in found["values"]:
        place = round((float(time) - at[0]) / step)
        if 0 <= place < len(at) and math.isfinite(float(text)):
            column[place] = float(text)
