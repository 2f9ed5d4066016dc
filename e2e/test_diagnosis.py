"""A slow engine is told from a busy one, named, and not made up for with replicas."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from operating import Load, OperatorProcess, Service, llmservice

from rorqual_operator.cli_explain import explain
from rorqual_sandbox.handle import Sandbox
from rorqual_sandbox.inject import Fault, inject

pytestmark = pytest.mark.sandbox
Until = Callable[..., Any]


def test_a_starved_engine_is_slow_and_nobody_else(
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
    starved = chat.ready_pods()[0]["metadata"]["name"]
    over = threading.Event()
    starving = threading.Thread(
        target=inject,
        args=(sandbox, chat.namespace, starved, Fault.STARVE, 120.0, 0.3),
        kwargs={"over": over.wait},
        daemon=True,
    )
    with Load(chat, at_once=6):
        until(lambda: chat.status["health"]["verdict"] == "Healthy")
        starving.start()
        try:
            until(lambda: chat.status["health"]["verdict"] == "Fault", 100)
            status = chat.status
            told = CliRunner().invoke(explain, ["chat", "-n", chat.namespace, "--kubeconfig", str(sandbox.kubeconfig)])
        finally:
            over.set()
            starving.join(timeout=10)
        health = status["health"]
        assert (health["scope"], health["where"], health["advice"]) == ("Pod", [starved], "RestartPod")
        assert {one.get("pod") for one in health["evidence"]} == {starved}
        assert health["evidence"][0]["since"] <= status["health"]["since"]
        assert status["desiredReplicas"] == 3
        condition = next(one for one in status["conditions"] if one["type"] == "AnomalyDetected")
        assert condition["reason"] == "Slow"
        assert f"delete {starved}" in condition["message"]

        assert told.exit_code == 0, told.output
        assert f"RestartPod ({starved}), confidence" in " ".join(told.output.split())

        until(lambda: chat.status["health"]["verdict"] == "Healthy", 120)
    assert "AnomalyDetected" in chat.events() and "AnomalyEnded" in chat.events()
