"""GPUs' own figures: the questions evaluated by Prometheus on written series, and a GPU that fails, end to end."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from operating import OperatorProcess, Service, llmservice

from rorqual_operator.observe.metrics.gpus import GAUGES, MEMORY_ERRORS, XIDS
from rorqual_sandbox.handle import Sandbox

pytestmark = pytest.mark.sandbox
Until = Callable[..., Any]
XID, TEMPERATURE = "DCGM_FI_DEV_XID_ERRORS", "DCGM_FI_DEV_GPU_TEMP"
WATCHED = {f'{TEMPERATURE}{{UUID="G", pod="a"}}': "60x90"}


def evaluate(
    sandbox: Sandbox, folder: Path, series: Mapping[str, str], expression: str, expected: Mapping[str, float]
) -> None:  # fmt: skip
    """Fails unless that is its value after 60 minutes of these series of a sample a minute."""
    test: dict[str, Any] = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": expression,
                "eval_time": "60m",
                "exp_samples": [{"labels": labels, "value": value} for labels, value in expected.items()],
            }
        ],
    }
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [test]}))
    command = [sandbox.binaries.path("promtool"), "test", "rules", file]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        pytest.param({f'{XID}{{UUID="G"}}': "0x54 79x30"}, 79, id="came"),
        pytest.param({f'{XID}{{UUID="G"}}': "0x30 79x60"}, None, id="came long ago"),
        pytest.param({f'{XID}{{UUID="G"}}': "79x90"}, None, id="was always there"),
        pytest.param({f'{XID}{{UUID="G"}}': "0x90"}, None, id="none"),
        pytest.param({f'{XID}{{UUID="G"}}': "31x54 79x30"}, 79, id="another"),
        pytest.param({f'{XID}{{UUID="G"}}': "79x54 0x30"}, None, id="forgotten"),
        pytest.param({f'{XID}{{UUID="G"}}': "0x50"}, None, id="no longer scraped"),
        pytest.param(
            {f'{XID}{{UUID="G", err_code="0"}}': "0x54", f'{XID}{{UUID="G", err_code="79"}}': "_x54 79x30"},
            79,
            id="a series for each error",
        ),
        pytest.param(
            {f'{XID}{{UUID="G", pod="a"}}': "79x54", f'{XID}{{UUID="G", pod="b"}}': "_x54 79x30"},
            None,
            id="another pod on a GPU with an old error",
        ),
        pytest.param({f'{XID}{{UUID="new"}}': "_x54 79x30"}, None, id="a GPU that was not watched before"),
    ],
)
def test_errors_that_are_news(
    sandbox: Sandbox, tmp_path: Path, series: dict[str, str], expected: float | None
) -> None:  # fmt: skip
    found = {} if expected is None else {'{UUID="G"}': expected}
    evaluate(sandbox, tmp_path, {**WATCHED, **series}, XIDS, found)


@pytest.mark.parametrize(("values", "found"), [("3x54 5x30", True), ("3x90", False), ("0x40 5x50", False)])
def test_memory_errors_of_late(sandbox: Sandbox, tmp_path: Path, values: str, found: bool) -> None:
    series = {'DCGM_FI_DEV_ECC_DBE_VOL_TOTAL{UUID="G", pod="a"}': values}
    expression = f"{MEMORY_ERRORS} > bool 0"
    evaluate(sandbox, tmp_path, series, expression, {'{UUID="G"}': 1} if found else {})


def test_figures_that_are_no_longer_scraped_are_not_told(sandbox: Sandbox, tmp_path: Path) -> None:
    name = 'DCGM_FI_DEV_SM_CLOCK{UUID="G", pod="a"}'
    gone = 'DCGM_FI_DEV_SM_CLOCK{UUID="old", pod="a"}'
    evaluate(sandbox, tmp_path, {name: "1980x90", gone: "1980x55"}, GAUGES, {name: 1980})


class Exporter:
    """Plays dcgm-exporter: one GPU for each pod, whose figures a test sets."""

    def __init__(self) -> None:
        self.figures: dict[tuple[str, str], dict[str, float]] = {}

    def text(self) -> str:
        return "".join(
            f'DCGM_FI_DEV_{name}{{gpu="0",UUID="GPU-{pod}",namespace="{namespace}",pod="{pod}"}} {value}\n'
            for (namespace, pod), figures in self.figures.items()
            for name, value in figures.items()
        )

    @contextmanager
    def scraped(self, sandbox: Sandbox) -> Iterator[None]:
        """By the sandbox's Prometheus, under the labels that the exporter itself gives."""
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = exporter.text().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            target = f"127.0.0.1:{server.server_address[1]}"
            sandbox.register_target(target)
            try:
                yield
            finally:
                sandbox.unregister_target(target)
                server.shutdown()
                thread.join()


def test_a_gpu_that_fails_is_its_nodes_fault_until_it_is_well(
    sandbox: Sandbox, run_operator: Callable[..., OperatorProcess], chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace, scaling={"minReplicas": 2, "maxReplicas": 2}))
    run_operator()
    until(chat.ready(2))
    until(lambda: "GPU metrics" in str(chat.status["health"].get("missing")))
    exporter, (one, other) = Exporter(), chat.ready_pods()
    for pod in (one, other):
        name = (chat.namespace, pod["metadata"]["name"])
        exporter.figures[name] = {"SM_CLOCK": 1980, "GPU_TEMP": 60, "GPU_UTIL": 90, "ROW_REMAP_FAILURE": 0}
    failing = exporter.figures[chat.namespace, one["metadata"]["name"]]
    with exporter.scraped(sandbox):
        until(lambda: "GPU metrics" not in str(chat.status["health"].get("missing")))
        assert chat.status["health"]["verdict"] != "Fault"
        failing["ROW_REMAP_FAILURE"] = 1
        until(lambda: chat.status["health"]["verdict"] == "Fault")
        health = chat.status["health"]
        assert (health["scope"], health["where"], health["advice"]) == (
            *("Node", [one["spec"]["nodeName"]]),
            "CordonNode",
        )
        assert health["evidence"][0]["pod"] == one["metadata"]["name"]
        assert chat.condition("AnomalyDetected")["reason"] == "GPUError"
        failing["ROW_REMAP_FAILURE"] = 0
        until(lambda: chat.status["health"]["verdict"] != "Fault", 120)
    assert chat.deployment()["spec"]["replicas"] == 2
