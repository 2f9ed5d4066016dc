"""PromQL for detectors."""

import re

import pytest

from rorqual_operator.anomalies.expressions import expressions, of_service, shown


def test_every_series_is_of_one_service() -> None:
    found = expressions(60.0)
    assert {"running", "waiting", "KV cache use", "requests/s", "TTFT p95", "TPOT p50"} <= found.keys()
    assert all("by (namespace, service" in one and "label_replace" in one for one in found.values())
    assert "[120s]" in found["requests/s"] and "[5s]" in expressions(1.0)["requests/s"]


def test_what_ails_one_replica_is_set_beside_the_mean_of_all() -> None:
    slowest = expressions(60.0)["slowest replica"]
    assert slowest.startswith("max by (namespace, service)") and " / avg by (namespace, service)" in slowest
    assert '_sum"}[120s]) / rate(' in slowest


def test_one_service_may_be_selected() -> None:
    found = expressions(60.0, of_service("llm", "chat"))
    assert all('namespace="llm", pod=~"chat-[a-z0-9]+-[a-z0-9]{5}"' in one for one in found.values())


def test_brackets_are_closed() -> None:
    for one in expressions(60.0).values():
        bare = re.sub(r'"[^"]*"', "", one)
        assert bare.count("(") == bare.count(")") and bare.count("{") == bare.count("}")


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("TTFT p95", 0.25, "250ms"),
        ("KV cache use", 0.253, "25%"),
        ("requests/s", 12.345, "12.3"),
        ("waiting", 0.0, "0"),
        ("slowest replica", 2.04, "2.04 times the mean"),
    ],
)
def test_values_have_units(metric: str, value: float, text: str) -> None:
    assert shown(metric, value) == text
