"""What Prometheus answers, as rows and series."""

from typing import Any

import numpy as np
import pytest
from requests.exceptions import ConnectionError as Refused

from rorqual_engine.snapshot import ServiceKey
from rorqual_operator.anomalies.expressions import expressions
from rorqual_operator.anomalies.prometheus import Metrics
from rorqual_operator.anomalies.series import SeriesError

CHAT, CODE = ({"namespace": "llm", "service": name} for name in ("chat", "code"))
STRANGER = {"namespace": "llm"}
STEP = 60.0
RUNNING, TTFT = (expressions(STEP)[name] for name in ("running", "TTFT p95"))


class Client:
    """Answers by expression, as prometheus-api-client does."""

    def __init__(self, answers: dict[str, list[Any]]) -> None:
        self.answers = answers
        self.asked: list[tuple[Any, ...]] = []

    def custom_query(self, query: str) -> list[Any]:
        return self.answers.get(query, [])

    def custom_query_range(self, query: str, begin: Any, end: Any, step: str) -> list[Any]:
        self.asked.append((begin.timestamp(), end.timestamp(), step))
        return self.answers.get(query, [])


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> Metrics:
    return Metrics("http://127.0.0.1:1", 1.0, STEP)


def answering(metrics: Metrics, monkeypatch: pytest.MonkeyPatch, answers: dict[str, list[Any]]) -> Client:
    client = Client(answers)
    monkeypatch.setattr(metrics, "_client", client)
    return client


def test_a_row_has_what_is_known_of_a_service_now(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        RUNNING: [{"metric": one, "value": [0, value]} for one, value in ((CHAT, "3"), (CODE, "5"), (STRANGER, "9"))],
        TTFT: [{"metric": CHAT, "value": [0, "NaN"]}, {"metric": CODE, "value": [0, "0.25"]}],
    }
    answering(metrics, monkeypatch, answers)
    assert metrics.now() == {
        ServiceKey("llm", "chat"): {"running": 3.0},
        ServiceKey("llm", "code"): {"running": 5.0, "TTFT p95": 0.25},
    }


def test_the_past_of_all_services_is_over_the_same_times(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        RUNNING: [{"metric": CHAT, "values": [[600, "1"], [660, "2"], [720, "NaN"]]}],
        TTFT: [{"metric": CODE, "values": [[660, "0.5"], [9999, "7"]]}],
    }
    client = answering(metrics, monkeypatch, answers)
    found = metrics.past(600.0, 720.0)
    chat, code = (found[ServiceKey("llm", name)] for name in ("chat", "code"))
    assert chat.at.tolist() == code.at.tolist() == [600, 660, 720]
    assert chat.names == metrics.names
    np.testing.assert_array_equal(chat.values[:, metrics.names.index("running")], [1, 2, np.nan])
    np.testing.assert_array_equal(code.values[:, metrics.names.index("TTFT p95")], [np.nan, 0.5, np.nan])
    assert client.asked[0] == (600, 720, "60s")


def test_silence_is_one_error_that_names_it(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    client = answering(metrics, monkeypatch, {})

    def refuse(_: str) -> list[Any]:
        raise Refused("nobody there")

    monkeypatch.setattr(client, "custom_query", refuse)
    with pytest.raises(SeriesError, match=r"Prometheus at http://127\.0\.0\.1:1: nobody there"):
        metrics.now()
