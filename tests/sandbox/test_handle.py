"""The handle, with the supervisor, the agent and Prometheus replaced."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rorqual_sandbox import handle, report
from rorqual_sandbox.errors import EngineUnavailableError, NotRunningError
from rorqual_sandbox.handle import Sandbox
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.state import Phase, State


def row(pod: str, pid: int | None) -> dict[str, Any]:
    return {
        "namespace": "llm",
        "pod": pod,
        "pid": pid,
        "pod_ip": "127.7.1.1",
        "restarts": 2,
        "log": "/logs/x.log",
    }


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    seen: list[tuple[str, str]] = []

    def http(method: str, url: str) -> str:
        seen.append((method, url))
        if url.endswith("/pods"):
            return json.dumps([row("waits", None)])
        return json.dumps({"data": {"result": [{"metric": {}, "value": [0, "1"]}]}})

    monkeypatch.setattr(handle, "_http", http)
    return seen


@pytest.fixture
def sandbox(tmp_path: Path, requests: list[tuple[str, str]]) -> Sandbox:
    layout = Layout(tmp_path / "mine")
    layout.create()
    (tmp_path / "bin").mkdir()
    state = State(Phase.READY, 1, "x", 7, "https://s:6443", "http://p:9090", "http://a:1", str(tmp_path))
    return Sandbox(layout, state)


def kubectl(sandbox: Sandbox, script: str) -> None:
    path = Path(sandbox.binaries.path("kubectl"))
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_attaching_to_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError):
        Sandbox.attach("none", root=tmp_path)


def test_kubectl_gets_the_kubeconfig_and_its_input(sandbox: Sandbox) -> None:
    kubectl(sandbox, 'echo "$KUBECONFIG $@"; cat')
    assert sandbox.kubectl("apply", "-f", "-", stdin="x").stdout == f"{sandbox.kubeconfig} apply -f -\nx"


def test_a_failing_kubectl_raises_unless_told_otherwise(sandbox: Sandbox) -> None:
    kubectl(sandbox, "exit 3")
    assert sandbox.kubectl("get", check=False).returncode == 3
    with pytest.raises(subprocess.CalledProcessError):
        sandbox.kubectl("get")


def test_get_reads_json(sandbox: Sandbox) -> None:
    kubectl(sandbox, """echo '{"args": "'"$*"'"}'""")
    assert sandbox.get("pods", "-A") == {"args": "get pods -A -o json"}


def test_queries_are_quoted(sandbox: Sandbox, requests: list[tuple[str, str]]) -> None:
    assert sandbox.query('up{a="b"}')[0]["value"] == [0, "1"]
    assert requests[-1] == ("GET", "http://p:9090/api/v1/query?query=up%7Ba%3D%22b%22%7D")


def test_rules_are_written_and_loaded(sandbox: Sandbox, requests: list[tuple[str, str]]) -> None:
    sandbox.add_rules("mine", "groups: []")
    assert (sandbox.layout.prometheus_rules / "mine.yaml").read_text() == "groups: []"
    assert requests == [("POST", "http://p:9090/-/reload")]


def test_an_engine_between_two_runs_cannot_be_signalled(sandbox: Sandbox) -> None:
    with pytest.raises(EngineUnavailableError, match=r"no process now \(restarts: 2\)"):
        sandbox.kill_engine("llm", "waits")
    with pytest.raises(EngineUnavailableError, match="runs no pod llm/other"):
        sandbox.pause_engine("llm", "other")


def test_a_kill_reaches_the_whole_session(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen(["sh", "-c", "sleep 60 & wait"], start_new_session=True)
    monkeypatch.setattr(handle, "_http", lambda *_: json.dumps([row("chat", child.pid)]))
    sandbox.kill_engine("llm", "chat")
    assert child.wait(20) == -signal.SIGKILL


def test_the_process_with_the_model_stops_alone(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    server = subprocess.Popen(["sleep", "60"], process_group=0)
    core = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", "VLLM::EngineCore"], process_group=server.pid
    )
    monkeypatch.setattr(handle, "_http", lambda *_: json.dumps([row("chat", server.pid)]))
    try:
        sandbox.pause_model("llm", "chat")
        assert os.WIFSTOPPED(os.waitpid(core.pid, os.WUNTRACED)[1])
        assert os.waitpid(server.pid, os.WUNTRACED | os.WNOHANG) == (0, 0)
        sandbox.resume_engine("llm", "chat")
        assert os.WIFCONTINUED(os.waitpid(core.pid, os.WCONTINUED)[1])
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        core.wait()
        server.wait()


def test_one_without_such_a_process_is_told(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    monkeypatch.setattr(handle, "_http", lambda *_: json.dumps([row("chat", child.pid)]))
    try:
        with pytest.raises(EngineUnavailableError, match="expected a process named EngineCore; found none"):
            sandbox.pause_model("llm", "chat")
    finally:
        child.kill()
        child.wait()


def test_exports_are_quoted_for_the_shell(sandbox: Sandbox) -> None:
    script = f'{report.shell_exports(sandbox)}\necho "$KUBECONFIG"'
    output = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert output == f"{sandbox.kubeconfig}\n"


def test_the_end_of_up_tells_how_to_go_on(sandbox: Sandbox) -> None:
    text = report.how_to_go_on(sandbox)
    assert "sandbox mine is up" in text and 'eval "$(rorqual sandbox env --name mine)"' in text
