"""With objectives replicas follow what is foretold, it is told why, and a restart forgets nothing that matters."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from operating import Load, OperatorProcess, Service, llmservice

from rorqual_operator.cli_detect import detect
from rorqual_operator.cli_explain import explain
from rorqual_sandbox.handle import Sandbox

pytestmark = pytest.mark.sandbox
Until = Callable[..., Any]


def told(command: Any, *arguments: str) -> str:
    done = CliRunner().invoke(command, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


def test_load_is_foretold_told_and_remembered(
    sandbox: Sandbox, run_operator: Callable[..., OperatorProcess], chat: Service, until: Until
) -> None:
    manifest = llmservice(
        chat.namespace,
        objectives={"ttft": {"p95": "300ms"}, "tpot": {"p95": "50ms"}},
        workload={"inputTokens": 64, "outputTokens": 100},
    )
    sandbox.apply(manifest)
    first = run_operator()
    until(lambda: chat.holds("Ready"))

    with Load(chat, at_once=12):
        until(lambda: chat.status.get("scaling", {}).get("requestsPerSecond", 0) > 0.5, 120)
        until(lambda: len(chat.ready_pods()) > 1, 120)
        seen = chat.status["scaling"]
        assert seen["rule"] == "Predictive" and seen["goal"] == 0.95
        assert [one["replicas"] for one in seen["options"]] == sorted({one["replicas"] for one in seen["options"]})

        text = told(explain, "chat", "-n", chat.namespace, "--kubeconfig", str(sandbox.kubeconfig))
        assert f"{chat.namespace}/chat: " in text
        for part in (
            "TTFT p95 300ms, TPOT p95 50ms; 95.0% of requests",
            "requests/s now",
            "<- costs least",
            "Scale 1 ->",
        ):
            assert part in text

        first.stop()
        second = run_operator()
        # However many: other scenarios' services of this hour are in the same Prometheus.
        until(lambda: re.search(r"recalled the last hour of [1-9]\d* service", second.text()))
        until(lambda: chat.status["scaling"]["requestsPerSecond"] > 0.5)

    place = ("--prometheus", sandbox.prometheus_url, "--service", "chat", "-n", chat.namespace)
    assert told(detect, *place, "--since", "1h", "--learn", "1", "-o", "json").startswith("[")
