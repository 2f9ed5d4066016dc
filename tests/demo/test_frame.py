from __future__ import annotations

from pathlib import Path

import pytest

from rorqual_demo.frame import Engines, Replicas, Service, count_replicas, read_service, sum_engines
from rorqual_demo.frames import read_frames, write_frames
from rorqual_demo.history import History
from rorqual_demo.scrape import EngineGauges, parse_gauges
from rorqual_engine.api import LLMServiceStatus

from .objects import CONFIGURED, DOWN, STATUS, UP, frame, pod, story

METRICS = """\
# HELP vllm:num_requests_running …
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{model_name="m",engine="0"} 3
vllm:num_requests_running{model_name="m",engine="1"} 4.0
vllm:num_requests_waiting{model_name="m"} 12
vllm:num_requests_waiting_by_reason{reason="x"} 99
vllm:kv_cache_usage_perc{model_name="m"} 0.25
vllm:generation_tokens_total{model_name="m"} 1e+06
"""


def test_the_recorded_status_is_one_that_the_operator_may_write() -> None:
    assert LLMServiceStatus.model_validate(STATUS).desired_replicas == 3


def test_a_status_is_read() -> None:
    service = read_service(STATUS)
    assert (service.verdict, service.reason, service.is_ready) == ("Overload", "DemandAboveCapacity", True)
    assert service.decisions == (UP, CONFIGURED)
    assert service.conditions == {"Ready": ("True", "Answering", "1 replica serves")}


def test_no_status_yet() -> None:
    assert read_service({}) == Service()
    assert not read_service({}).is_ready


def test_pods_are_counted_by_state() -> None:
    pods = [pod("a"), pod("b"), pod("c", ready="False"), pod("d", ending="now")]
    assert count_replicas(STATUS, pods) == Replicas(desired=3, starting=1, ready=2, ending=1, gpus=4)


def test_a_pod_without_a_node_holds_no_gpu() -> None:
    pending = pod("a", ready="False")
    del pending["spec"]["nodeName"]
    assert count_replicas({}, [pending]) == Replicas(starting=1)


def test_gauges_are_summed_over_series_and_nothing_else_is_read() -> None:
    assert parse_gauges(METRICS) == EngineGauges(running=7, waiting=12, kv_use=0.25)
    assert parse_gauges("") == EngineGauges(0, 0, None)


def test_engines_are_summed_and_kv_averaged() -> None:
    found = sum_engines([EngineGauges(3, 1, 0.2), EngineGauges(4, 2, 0.6), EngineGauges(1, 0, None)])
    assert found == Engines(running=8, waiting=3, kv_use=pytest.approx(0.4))
    assert sum_engines([]).kv_use is None


def test_a_change_of_replicas_is_told_from_other_decisions() -> None:
    assert (UP.is_scaling, UP.change) == (True, "1→3")
    assert (CONFIGURED.is_scaling, CONFIGURED.change) == (False, "Configure")


def test_history_keeps_each_decision_once_with_its_time() -> None:
    history = History()
    for one in story():
        history.add(one)
    assert [(seen.at, seen.decision) for seen in history.decisions] == [(30, CONFIGURED), (30, UP), (120, DOWN)]


def test_history_knows_its_peak() -> None:
    history = History()
    assert history.peak is None and history.last is None
    for one in story():
        history.add(one)
    assert history.peak == story()[1] and history.last == story()[-1]


def test_frames_come_back_from_disk(tmp_path: Path) -> None:
    frames = (*story(), frame(130, ttft=None))
    write_frames(tmp_path / "frames.jsonl", frames)
    assert read_frames(tmp_path / "frames.jsonl") == frames
