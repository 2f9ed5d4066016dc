"""The last hour from Prometheus."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from requests.exceptions import ConnectionError as Unreachable

from rorqual_engine.snapshot import ServiceKey
from rorqual_operator.observe.metrics import past
from rorqual_operator.observe.metrics.past import PastLoads
from rorqual_operator.observe.metrics.source import SourceError

KEY = ServiceKey("llm", "chat")
LABELS = {"namespace": "llm", "service": "chat"}
NOW = 10_000.0
TIMES = (9_910.0, 9_940.0, 9_970.0, 10_000.0)


def answering(ranges: Mapping[str, list[float]], buckets: Mapping[str, Mapping[str, float]] | None = None) -> PastLoads:
    """Range queries by their expression, one value a time; buckets by expression and bound."""
    loads = PastLoads("http://127.0.0.1:9", 1.0)

    def query_range(expression: str, begin: datetime, end: datetime, step: str) -> list[dict[str, Any]]:
        assert (end - begin).total_seconds() == 3600 and step == "30s"
        values = ranges.get(expression)
        return (
            [{"metric": LABELS, "values": [[at, str(v)] for at, v in zip(TIMES, values, strict=True)]}]
            if values
            else []
        )

    def query(expression: str) -> list[dict[str, Any]]:
        rows = (buckets or {}).get(expression, {})
        return [{"metric": {**LABELS, "le": bound}, "value": [NOW, str(v)]} for bound, v in rows.items()]

    loads.query_range, loads.query = query_range, query  # type: ignore[assignment]
    return loads


async def test_rates_become_counts() -> None:
    loads = answering({past.RATES["finished"]: [2.0, 2.0, 4.0, 4.0], past.RATES["prompt_tokens"]: [100.0] * 4})
    history = (await loads.read(NOW))[KEY].history
    assert history.at.tolist() == list(TIMES)
    assert history.column("finished").tolist() == [0.0, 60.0, 180.0, 300.0]
    assert history.column("prompt_tokens").tolist() == [0.0, 3000.0, 6000.0, 9000.0]


async def test_arrivals_are_what_finished_and_what_more_is_in_flight() -> None:
    loads = answering({past.RATES["finished"]: [2.0] * 4, past.IN_FLIGHT: [5.0, 5.0, 25.0, 5.0]})
    history = (await loads.read(NOW))[KEY].history
    assert history.column("arrived").tolist() == [0.0, 60.0, 140.0, 180.0]


async def test_latencies_of_the_hour_come_with_it() -> None:
    loads = answering(
        {past.RATES["finished"]: [2.0] * 4}, {past.BUCKETS["ttft"]: {"1": 50.0, "2.5": 90.0, "+Inf": 100.0}}
    )
    found = (await loads.read(NOW))[KEY]
    assert dict(found.ttft) == {1.0: 50.0, 2.5: 90.0, float("inf"): 100.0} and found.tpot == {}


async def test_a_store_without_engines_knows_no_service() -> None:
    assert await answering({}).read(NOW) == {}


async def test_not_a_number_is_no_growth() -> None:
    loads = answering({past.RATES["finished"]: [2.0, float("nan"), 2.0, 2.0], past.IN_FLIGHT: [float("nan")] * 4})
    history = (await loads.read(NOW))[KEY].history
    assert history.column("arrived").tolist() == [0.0, 0.0, 60.0, 120.0]


async def test_silence_is_said() -> None:
    loads = answering({})

    def refuse(*_: object) -> list[dict[str, Any]]:
        raise Unreachable("refused")

    loads.query_range = refuse
    with pytest.raises(SourceError, match="Prometheus: refused"):
        await loads.read(NOW)


@pytest.mark.parametrize("expression", [*past.RATES.values(), *past.BUCKETS.values(), past.IN_FLIGHT])
def test_pods_are_told_by_their_service(expression: str) -> None:
    assert "sum by (namespace, service" in expression and "label_replace" in expression


def test_a_figure_under_two_names_is_counted_once() -> None:
    """Two names in one selector would be two series that rate() makes the same of, which Prometheus refuses."""
    older, newer = past.RATES["finished"].split(" or ")[::-1]
    assert '"vllm:request_success_total"' in newer and "unless on (namespace, service)" in older
