"""A slow engine is told from a busy one, named, and not made up for with replicas."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from operating import Load, OperatorProcess, Service, llmservice

from rorqual_operator.cli_explain import explain
from rorqual_sandbox.handle import Sandbox

pytestmark = pytest.mark.sandbox
Until = Callable[..., Any]
USUAL, SLOW = "15ms", "60ms"
"""Between two tokens: the sandbox's usual engine, and one whose GPU is throttled."""


def set_pace(address: str, between_tokens: str) -> None:
    """Of a simulated engine, while it runs."""
    connection = http.client.HTTPConnection(address, 8000, timeout=10)
    body = json.dumps({"inter-token-latency": between_tokens})
    connection.request("POST", "/admin/config", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    connection.close()


def test_what_is_unlike_the_history_is_told_and_nothing_acts_on_it(
    sandbox: Sandbox, run_operator: Callable[..., OperatorProcess], chat: Service, until: Until
) -> None:
    """All engines become slow at once, within what the objectives allow: no verdict has to say so."""
    manifest = llmservice(
        chat.namespace,
        configuration={"maxConcurrentSequences": 8},
        scaling={"minReplicas": 2, "maxReplicas": 2},
    )
    sandbox.apply(manifest)
    operator = run_operator(detector_step_seconds="1")
    until(chat.ready(2))
    addresses = [pod["status"]["podIP"] for pod in chat.ready_pods()]
    with Load(chat, at_once=4):
        until(lambda: "rorqual_service_anomaly_score{" in operator.get("/metrics")[1], 150)
        for address in addresses:
            set_pace(address, SLOW)
        until(lambda: "TPOT" in str(chat.status["health"].get("unusual")), 90)
        assert chat.deployment()["spec"]["replicas"] == 2
    until(lambda: "UnusualMetrics" in chat.events())

    sandbox.kubectl("annotate", "llm", "chat", "-n", chat.namespace, "rorqual.io/label=yesterday=fault")
    until(lambda: "found 'yesterday=fault'" in chat.status["health"].get("labelRefused", ""))
    until(lambda: "LabelRefused" in chat.events())


def test_a_throttled_engine_is_slow_and_nobody_else(
    sandbox: Sandbox, run_operator: Callable[..., OperatorProcess], chat: Service, until: Until
) -> None:
    manifest = llmservice(
        chat.namespace,
        configuration={"maxConcurrentSequences": 8},
        scaling={"minReplicas": 3, "maxReplicas": 4},
    )
    sandbox.apply(manifest)
    run_operator()
    until(chat.ready(3))
    first = chat.ready_pods()[0]
    name, address = first["metadata"]["name"], first["status"]["podIP"]
    with Load(chat, at_once=6):
        until(lambda: chat.status["health"]["verdict"] == "Healthy")
        set_pace(address, SLOW)
        until(lambda: chat.status["health"]["verdict"] == "Fault", 150)
        status = chat.status
        told = CliRunner().invoke(explain, ["chat", "-n", chat.namespace, "--kubeconfig", str(sandbox.kubeconfig)])

        health = status["health"]
        assert (health["scope"], health["where"], health["advice"]) == ("Pod", [name], "RestartPod")
        assert {one.get("pod") for one in health["evidence"]} == {name}
        assert health["evidence"][0]["since"] <= health["since"]
        assert status["desiredReplicas"] == 3
        condition = next(one for one in status["conditions"] if one["type"] == "AnomalyDetected")
        assert condition["reason"] == "Slow" and f"delete {name}" in condition["message"]
        assert told.exit_code == 0, told.output
        assert f"RestartPod ({name}), confidence" in " ".join(told.output.split())

        set_pace(address, USUAL)
        until(lambda: chat.status["health"]["verdict"] == "Healthy", 120)
    until(lambda: {"AnomalyDetected", "AnomalyEnded"} <= set(chat.events()))


def test_an_engine_that_gets_no_requests_any_more_is_told(
    sandbox: Sandbox, run_operator: Callable[..., OperatorProcess], chat: Service, until: Until
) -> None:
    """It answers probes and scrapes, and shows nothing but that it is idle."""
    manifest = llmservice(
        chat.namespace,
        configuration={"maxConcurrentSequences": 8},
        scaling={"minReplicas": 2, "maxReplicas": 3},
    )
    sandbox.apply(manifest)
    run_operator()
    until(chat.ready(2))
    lost = chat.ready_pods()[0]
    name, address = lost["metadata"]["name"], lost["status"]["podIP"]
    with Load(chat, at_once=4) as load:
        until(lambda: chat.status["health"]["verdict"] == "Healthy")
        done = finished_requests(address)
        until(lambda: finished_requests(address) > done + 60)  # twelve ticks: what it usually gets is known
        load.avoid(address)
        until(lambda: chat.condition("AnomalyDetected")["reason"] == "NotReached", 90)
        status = chat.status
        assert (status["health"]["scope"], status["health"]["where"]) == ("Pod", [name])
        assert "an even share" in status["health"]["evidence"][0]["expected"]
        assert status["desiredReplicas"] == 2


def finished_requests(address: str) -> float:
    """That an engine has finished."""
    connection = http.client.HTTPConnection(address, 8000, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("vllm:request_success_total"))
