"""A calibration run: its loads, its command line, its Job, and what is read of guidellm's report."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rorqual_operator.trial import job, reduction
from rorqual_operator.trial.process import run_here
from rorqual_operator.trial.reduction import reduce
from rorqual_operator.trial.sweep import Sweep, TrialError, check_running, loads_up_to, pick_replica

from ..builders import pod_item, service_item

SWEEP = Sweep("http://127.0.0.1:8000", "chat", "/tokenizer", 128, 32, (1, 4), 10.0)
FIGURES = {
    "request_concurrency": 3.9,
    "prompt_token_count": 128,
    "output_token_count": 32,
    "time_to_first_token_ms": 50.0,
    "inter_token_latency_ms": 2.5,
    "request_latency": 0.13,
}
POINT = {"concurrency": 3.9, "inputTokens": 128.0, "outputTokens": 32.0, "ttftSeconds": 0.05, "tpotSeconds": 0.0025}
POINT["requestsPerSecond"] = 30.0  # 3.9 in flight, 0.13 s each


def a_report(*answers: int) -> dict[str, Any]:
    figures = {name: {"successful": {"mean": value, "median": value}} for name, value in FIGURES.items()}
    return {"benchmarks": [{"metrics": {**figures, "request_totals": {"successful": n}}} for n in answers]}


def test_a_report_becomes_points() -> None:
    assert reduce(a_report(100)) == [POINT]


def test_a_load_with_hardly_an_answer_is_left_out() -> None:
    assert reduce(a_report(4, 5)) == [POINT]


def test_the_reduction_is_a_script_of_the_standard_library(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps(a_report(9)))
    command = [sys.executable, "-I", "-S", str(reduction.__file__), str(file)]
    assert json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout) == [POINT]


def test_arguments_are_guidellms() -> None:
    found = SWEEP.arguments("/tmp/r.json")
    assert found[0] == "run"
    options = {name: json.loads(value) for name, value in zip(found[2::2], found[3::2], strict=True)}
    assert options["--profile"] == {"kind": "concurrent", "streams": [1, 4]}
    assert options["--backend"]["target"] == "http://127.0.0.1:8000"
    assert options["--data"] == {"kind": "synthetic_text", "prompt_tokens": 128, "output_tokens": 32}
    assert options["--output"] == {"kind": "json", "path": "/tmp/r.json"}


LOADS = {1: (1,), 2: (1, 2), 4: (1, 2, 3, 4), 256: (1, 3, 9, 28, 84, 256), None: (1, 2, 5, 12, 28, 64)}


@pytest.mark.parametrize(("sequences", "loads"), LOADS.items())
def test_loads_go_to_the_most_sequences(sequences: int | None, loads: tuple[int, ...]) -> None:
    assert loads_up_to(sequences) == loads


def test_a_ready_replica_is_picked() -> None:
    pods = [pod_item("b", podIP="127.0.1.2"), pod_item("a", ready=False), pod_item("c", podIP="127.0.1.3")]
    assert pick_replica(pods, 8000) == ("b", "http://127.0.1.2:8000")


def test_without_a_ready_replica_nothing_is_measured() -> None:
    with pytest.raises(TrialError, match="none of 1 replicas is ready"):
        pick_replica([pod_item(ready=False)], 8000)
    with pytest.raises(TrialError, match="llm/chat: its Deployment does not say"):
        check_running("llm/chat", None)


def a_tool(directory: Path, script: str) -> str:
    """A stand-in for guidellm: what it does is `script`, with the path of the report as $report."""
    tool = directory / "guidellm"
    tool.write_text('#!/bin/sh\nfor last; do :; done\nreport=${last##*:\\"}; report=${report%%\\"*}\n' + script)
    tool.chmod(0o755)
    return str(tool)


def test_a_process_gives_points(tmp_path: Path) -> None:
    (tmp_path / "made.json").write_text(json.dumps(a_report(20)))
    assert run_here(SWEEP, a_tool(tmp_path, f'cp {tmp_path}/made.json "$report"')) == [POINT]


def test_a_process_that_fails_tells_its_words(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match=r"failed \(3\): no such model"):
        run_here(SWEEP, a_tool(tmp_path, "echo no such model >&2; exit 3"))


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match="pip install guidellm"):
        run_here(SWEEP, str(tmp_path / "guidellm"))


def test_a_job_belongs_to_its_service_and_ends() -> None:
    service = service_item()
    made = job.manifest(SWEEP, service, "chat-calibrate-1", "image")
    (owner,) = made["metadata"]["ownerReferences"]
    assert owner["uid"] == service["metadata"]["uid"]
    assert made["spec"]["backoffLimit"] == 0
    assert made["spec"]["activeDeadlineSeconds"] == 680


def test_a_jobs_script_is_a_shells() -> None:
    script = job.script(SWEEP)
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0
    assert script.endswith("/tmp/report.json > /dev/termination-log")


def an_ended_pod(code: int, message: str) -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "message": message}}
    return pod_item(containerStatuses=[{"name": "guidellm", "state": state}])


def test_points_come_back_in_the_termination_message() -> None:
    assert job.ended([an_ended_pod(0, json.dumps([POINT]))]) == [POINT]
    assert job.ended([]) is None
    with pytest.raises(TrialError, match=r"guidellm failed \(2\)"):
        job.ended([an_ended_pod(2, "")])
