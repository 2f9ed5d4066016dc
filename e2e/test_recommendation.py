"""What is recommended, in every mode, and what a calibration run changes in it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_server import hub_server
from operating import Manifest, OperatorProcess, Service, llmservice

from rorqual_sandbox.handle import Sandbox

pytestmark = pytest.mark.sandbox
Until = Callable[..., Any]
LENGTHS = {"inputTokens": 512, "outputTokens": 128}
ASKED = {
    "objectives": {"ttft": {"p95": "5s"}, "tpot": {"p95": "100ms"}},
    "hardware": [{"gpu": "NVIDIA-H100-80GB-HBM3", "costPerHour": "2.50"}],
}
CONFIG = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
}
RORQUAL = [sys.executable, "-c", "from rorqual_operator.cli import main; main()"]


def asking(namespace: str, rate: float, mode: str = "Initial") -> Manifest:
    workload = {"requestsPerSecond": rate, **LENGTHS}
    return llmservice(namespace, **ASKED, workload=workload, configuration={"mode": mode})


def test_objectives_are_answered_with_figures(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(asking(chat.namespace, 4))
    until(lambda: chat.holds("Ready"))
    found = chat.status["recommendation"]
    assert found["basis"] == "Catalog"
    assert float(found["costPerHour"]) == pytest.approx(2.5 * found["replicas"])
    assert float(found["capacity"]["requestsPerSecond"]["low"]) < float(found["capacity"]["requestsPerSecond"]["high"])
    assert found["predicted"]["ttftP95"]["value"] and int(found["confidence"].rstrip("%")) >= 70
    assert chat.status["configuration"]["running"]["maxConcurrentSequences"] == found["maxConcurrentSequences"]


def test_a_mode_that_only_recommends_leaves_what_runs(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(asking(chat.namespace, 4, "Recommend"))
    until(lambda: chat.holds("Ready"))
    (before,), first = chat.pods(), chat.status["recommendation"]["maxConcurrentSequences"]
    chat.patch({"objectives": {"ttft": {"p95": "5s"}, "tpot": {"p95": "15ms"}}})
    until(lambda: chat.status["recommendation"]["maxConcurrentSequences"] < first)
    until(lambda: "RecommendationChanged" in chat.events())
    assert "maxConcurrentSequences" not in chat.status["configuration"]["running"]
    (after,) = chat.pods()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


def test_off_recommends_nothing(sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until) -> None:
    sandbox.apply(asking(chat.namespace, 4, "Off"))
    until(lambda: chat.holds("Ready"))
    assert "recommendation" not in chat.status


def test_a_config_map_tells_the_architecture_and_its_edits_are_read(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    source = {"configMapKeyRef": {"name": "acme"}}
    sandbox.apply(llmservice(chat.namespace, model={"name": "acme/new", "configJsonFrom": source}))
    until(lambda: chat.condition("Stalled")["reason"] == "ModelConfigUnavailable")
    sandbox.apply(config_map(chat.namespace, 32))
    until(lambda: chat.holds("Ready"))
    first = int(chat.status["recommendation"]["kvCacheTokens"])
    sandbox.apply(config_map(chat.namespace, 16))
    until(lambda: int(chat.status["recommendation"]["kvCacheTokens"]) > 1.5 * first)


def test_a_config_map_that_goes_leaves_what_runs(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    source = {"configMapKeyRef": {"name": "acme"}}
    sandbox.apply(config_map(chat.namespace, 32))
    sandbox.apply(llmservice(chat.namespace, model={"name": "acme/new", "configJsonFrom": source}))
    until(lambda: chat.holds("Ready"))
    (before,) = chat.pods()
    sandbox.apply({**config_map(chat.namespace, 32), "data": {"config.json": "{]"}})
    until(lambda: chat.condition("Stalled")["reason"] == "UnknownModel")
    sandbox.kubectl("delete", "configmap", "acme", "-n", chat.namespace)
    until(lambda: chat.condition("Stalled")["reason"] == "ModelConfigUnavailable")
    assert chat.holds("Ready")
    assert [pod["metadata"]["uid"] for pod in chat.pods()] == [before["metadata"]["uid"]]
    sandbox.apply(config_map(chat.namespace, 32))
    until(lambda: chat.holds("Stalled", "False"))


def test_the_hub_tells_the_architecture_where_the_operator_may_ask_it(
    sandbox: Sandbox,
    run_operator: Callable[..., OperatorProcess],
    chat: Service,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("huggingface_hub", reason="the extra `hub` is not installed")
    with hub_server() as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        run_operator(fetch_from_hub="true")
        sandbox.apply(llmservice(chat.namespace, model={"name": "acme/none"}))
        until(lambda: "the hub has no such model" in chat.condition("Stalled")["message"])
        chat.patch({"model": {"name": "acme/new"}})
        until(lambda: chat.holds("Ready"))


def config_map(namespace: str, layers: int) -> Manifest:
    """The config.json of a model of so many layers, as a ConfigMap that Rorqual looks at."""
    text = json.dumps({**CONFIG, "num_hidden_layers": layers})
    labels = {"rorqual.io/model-config": "true"}
    metadata = {"namespace": namespace, "name": "acme", "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config.json": text}}


def test_a_calibration_run_corrects_the_prediction(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until, tmp_path: Path
) -> None:
    sandbox.apply(asking(chat.namespace, 4))
    until(lambda: chat.holds("Ready"))
    catalog = float(chat.status["recommendation"]["capacity"]["requestsPerSecond"]["value"])
    calibrate(sandbox, chat, slow_guidellm(tmp_path))
    until(lambda: chat.status["recommendation"]["basis"] == "Calibrated")
    assert float(chat.status["recommendation"]["capacity"]["requestsPerSecond"]["value"]) < catalog / 1.5
    until(lambda: "RecommendationChanged" in chat.events())


def test_a_calibration_against_physics_is_refused_and_told(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until, tmp_path: Path
) -> None:
    sandbox.apply(asking(chat.namespace, 4))
    until(lambda: chat.holds("Ready"))
    calibrate(sandbox, chat, slow_guidellm(tmp_path, tpot_ms=0.1))
    until(lambda: "reading the weights alone" in chat.status["recommendation"].get("calibrationRefused", ""))
    assert chat.status["recommendation"]["basis"] == "Catalog"
    until(lambda: "CalibrationRefused" in chat.events())


def calibrate(sandbox: Sandbox, chat: Service, guidellm: Path) -> None:
    command = [*RORQUAL, "calibrate", chat.name, "-n", chat.namespace, "--kubeconfig", str(sandbox.kubeconfig)]
    subprocess.run([*command, "--guidellm", str(guidellm)], check=True, capture_output=True)


def slow_guidellm(folder: Path, tpot_ms: float = 60.0) -> Path:
    """Stands for guidellm, which takes 6 GB: a command that writes its report, of an engine with that TPOT."""
    reports = [_benchmark(at, tpot_ms) for at in (1.0, 8.0, 64.0)]
    script = folder / "guidellm"
    script.write_text(
        f"#!{sys.executable}\nimport json, pathlib, sys\n"
        "output = json.loads(sys.argv[sys.argv.index('--output') + 1])\n"
        f"pathlib.Path(output['path']).write_text({json.dumps({'benchmarks': reports})!r})\n"
    )
    script.chmod(0o755)
    return script


def _benchmark(concurrency: float, tpot_ms: float) -> dict[str, Any]:
    latency = 0.3 + tpot_ms / 1e3 * (LENGTHS["outputTokens"] - 1)
    figures = {
        "request_concurrency": concurrency,
        "prompt_token_count": LENGTHS["inputTokens"],
        "output_token_count": LENGTHS["outputTokens"],
        "time_to_first_token_ms": 300.0,
        "inter_token_latency_ms": tpot_ms,
        "request_latency": latency,
    }
    metrics: dict[str, Any] = {
        name: {"successful": {"mean": value, "median": value}} for name, value in figures.items()
    }
    return {"metrics": {**metrics, "request_totals": {"successful": 50}}}
