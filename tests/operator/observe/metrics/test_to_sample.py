"""Engines of all versions come under the same names."""

import pytest

from rorqual_engine.snapshot import CacheConfig
from rorqual_operator.observe.metrics.normalise import to_sample
from rorqual_operator.observe.metrics.sample import Sample
from rorqual_operator.observe.metrics.scrape import parse

from .samples import INF, exposition


def of(version: str) -> Sample:
    return to_sample(100.0, "scrape", parse(exposition(version)))


def test_recent_names() -> None:
    found = of("v1")
    assert found.gauges == {"running": 12, "waiting": 3, "kv_use": 0.4375}
    tokens = {"prompt_tokens": 98304, "generation_tokens": 24576, "tpot_seconds": 231.4, "tpot_tokens": 24480}
    assert found.counters == {"requests": 96, "preemptions": 2, "prefix_queries": 51234, **tokens}
    assert found.histograms["ttft"] == {0.001: 0, 0.1: 40, 0.25: 90, INF: 96}
    assert found.cache == CacheConfig(27489, 16)


def test_older_names() -> None:
    found = of("v0")
    assert found.gauges == {"running": 5, "waiting": 0, "kv_use": 0.125}
    tokens = {"prompt_tokens": 640, "generation_tokens": 2048, "tpot_seconds": 14.2, "tpot_tokens": 2040}
    assert found.counters == {"requests": 8, "preemptions": 0, **tokens}
    assert found.histograms == {"ttft": {0.02: 7, INF: 8}, "tpot": {0.01: 2000, INF: 2040}}


def test_first_of_several_names_for_one_figure_counts() -> None:
    assert of("v1").histograms["tpot"] == {0.01: 20000, 0.025: 24400, INF: 24480}
    both = [("vllm:gpu_cache_usage_perc", {}, 0.9), ("vllm:kv_cache_usage_perc", {}, 0.1)]
    assert to_sample(0, "scrape", both).gauges == {"kv_use": 0.1}


def test_cache_is_unknown_until_the_engine_has_profiled_its_memory() -> None:
    assert of("v0").cache is None


def test_cache_of_one_engine_of_the_pod_is_enough() -> None:
    series = [
        ("vllm:cache_config_info", {"num_gpu_blocks": "100", "block_size": "16"}, 1.0),
        ("vllm:cache_config_info", {"num_gpu_blocks": "None", "block_size": "16"}, 1.0),
    ]
    assert to_sample(0, "scrape", series).cache == CacheConfig(100, 16)


def test_several_engines_in_one_pod_are_one() -> None:
    second = exposition("v1").replace('engine="0"', 'engine="1"').replace("} 0.4375", "} 0.0625")
    text = exposition("v1") + "\n".join(line for line in second.splitlines() if not line.startswith("#"))
    found = to_sample(100.0, "scrape", parse(text + "\n"))
    assert found.gauges == {"running": 24, "waiting": 6, "kv_use": 0.25}
    assert found.counters["requests"] == 192
    assert found.histograms["ttft"][INF] == 192


def test_nan_counts_as_absent() -> None:
    found = to_sample(0, "prometheus", [("vllm:num_requests_running", {}, float("nan"))])
    assert found.gauges == {}


@pytest.mark.parametrize(
    ("gauges", "complete"),
    [
        ({"running": 0.0, "waiting": 0.0}, True),
        ({"running": 0.0}, False),
        ({"running": -1.0, "waiting": 0.0}, False),
        ({}, False),
    ],
)
def test_complete(gauges: dict[str, float], complete: bool) -> None:
    assert Sample(0, "scrape", gauges).complete is complete
