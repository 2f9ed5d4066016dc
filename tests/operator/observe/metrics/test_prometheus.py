"""Instant vectors as Prometheus gives them, and what happens when it gives none."""

from collections.abc import Callable
from typing import Any

import pytest

from rorqual_engine.snapshot import CacheConfig
from rorqual_operator.observe.metrics.prometheus import BUCKETS, CACHE, MEANS, QUERIES, SUMS, TIMES, PrometheusSource
from rorqual_operator.observe.metrics.source import SourceError, Target

from ...api_server import Handler, answering, json_answer, text_answer
from .samples import INF

TARGETS = [Target(("llm", "a"), "10.0.0.1:8000"), Target(("llm", "b"), "10.0.0.2:8000")]
Vector = list[dict[str, Any]]


def row(value: str | float, pod: str = "a", **labels: str) -> dict[str, Any]:
    return {"metric": {"namespace": "llm", "pod": pod, **labels}, "value": [1767268800.123, str(value)]}


def named(name: str, value: str | float, pod: str = "a", **labels: str) -> dict[str, Any]:
    return row(value, pod, __name__=f"vllm:{name}", **labels)


RECORDED: dict[str, Vector] = {
    TIMES: [row("1767268790.5")],
    SUMS: [
        named("num_requests_running", 12),
        named("num_requests_waiting", 3),
        named("request_success_total", 96),
        named("generation_tokens_total", 24576),
    ],
    MEANS: [named("kv_cache_usage_perc", 0.4375)],
    BUCKETS: [
        named("time_to_first_token_seconds_bucket", 40, le="0.1"),
        named("time_to_first_token_seconds_bucket", 96, le="+Inf"),
    ],
    CACHE: [named("cache_config_info", 1, num_gpu_blocks="27489", block_size="16")],
}


def source(**changed: Vector) -> PrometheusSource:
    """Answers as recorded; `times`, `sums`, … replace one answer."""
    queries = {"times": TIMES, "sums": SUMS, "means": MEANS, "buckets": BUCKETS, "cache": CACHE}
    answers = RECORDED | {queries[name]: vector for name, vector in changed.items()}
    return PrometheusSource("http://prometheus.invalid", 1.0, answers.__getitem__)  # type: ignore[arg-type]


async def test_recorded_vectors_become_a_sample() -> None:
    found = (await source().read(TARGETS))["llm", "a"]
    assert (found.observed_at, found.source) == (1767268790.5, "prometheus")
    assert found.gauges == {"running": 12, "waiting": 3, "kv_use": 0.4375}
    assert found.counters == {"requests": 96, "generation_tokens": 24576}
    assert found.histograms == {"ttft": {0.1: 40, INF: 96}}
    assert found.cache == CacheConfig(27489, 16)


async def test_pods_that_were_not_asked_for_are_left_out() -> None:
    sums = [*RECORDED[SUMS], named("num_requests_running", 1, pod="stranger")]
    times = [*RECORDED[TIMES], row(1767268790, pod="stranger")]
    assert set(await source(sums=sums, times=times).read(TARGETS)) == {("llm", "a")}


async def test_pod_without_a_time_is_left_out() -> None:
    sums = [*RECORDED[SUMS], named("num_requests_running", 1, pod="b")]
    assert set(await source(sums=sums).read(TARGETS)) == {("llm", "a")}


async def test_nan_counts_as_absent() -> None:
    found = await source(means=[named("kv_cache_usage_perc", "NaN")]).read(TARGETS)
    assert "kv_use" not in found["llm", "a"].gauges


@pytest.mark.parametrize("broken", [{"metric": {}, "value": [1, "1"]}, row(1)])
async def test_rows_without_labels_are_left_aside(broken: dict[str, Any]) -> None:
    found = await source(sums=[*RECORDED[SUMS], broken]).read(TARGETS)
    assert found["llm", "a"].gauges["running"] == 12


@pytest.mark.parametrize("broken", [named("num_requests_running", "many"), {"metric": {"pod": "a"}}])
async def test_vector_that_cannot_be_read_is_a_failure_of_the_source(broken: dict[str, Any]) -> None:
    with pytest.raises(SourceError):
        await source(times=[broken]).read(TARGETS)


async def test_nothing_more_is_asked_when_there_are_no_engines() -> None:
    asked: list[str] = []

    def query(text: str) -> Vector:
        asked.append(text)
        return []

    assert await PrometheusSource("http://prometheus.invalid", 1.0, query).read(TARGETS) == {}  # type: ignore[arg-type]
    assert asked == [TIMES]


async def test_number_of_queries_does_not_depend_on_the_number_of_pods() -> None:
    asked: list[str] = []

    def query(text: str) -> Vector:
        asked.append(text)
        return RECORDED[text]

    many = [Target(("llm", f"pod-{number}"), "10.0.0.1:8000") for number in range(1000)]
    await PrometheusSource("http://prometheus.invalid", 1.0, query).read(many)  # type: ignore[arg-type]
    assert asked == [TIMES, *QUERIES]


def vector(result: Vector) -> Handler:
    return json_answer({"status": "success", "data": {"resultType": "vector", "result": result}})


async def test_over_http() -> None:
    answers = [vector(RECORDED[query]) for query in (TIMES, *QUERIES)]
    async with answering(*answers) as site:
        subject = PrometheusSource(site.url, 5.0)
        found = await subject.read(TARGETS)
        subject.close()
    assert found["llm", "a"].gauges["running"] == 12
    assert [asked.path for asked in site.asked] == ["/api/v1/query"] * 5
    assert site.asked[0].query["query"] == TIMES


@pytest.mark.parametrize(
    "answer",
    [text_answer("bad gateway", 502), text_answer("<html>"), json_answer({"status": "error"}, 422), json_answer({})],
)
async def test_useless_answer_is_a_failure_of_the_source(answer: Handler) -> None:
    async with answering(answer) as site:
        with pytest.raises(SourceError, match="Prometheus"):
            await PrometheusSource(site.url, 5.0).read(TARGETS)
    assert len(site.asked) == 1


async def test_prometheus_is_down() -> None:
    async with answering(text_answer("")) as site:
        url = site.url
    with pytest.raises(SourceError, match="Prometheus"):
        await PrometheusSource(url, 5.0).read(TARGETS)


async def test_slow_prometheus_is_given_up(hanging: Callable[[], Handler]) -> None:
    async with answering(hanging()) as site:
        with pytest.raises(SourceError, match="timed out"):
            await PrometheusSource(site.url, 0.05).read(TARGETS)
