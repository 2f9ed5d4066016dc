"""How right a calibrated law is on a real engine: vLLM on this machine's CPU, in a sandbox of its own.

    python bench/calibration.py [--json] [--calibrate 1,4,16] [--score 4,7,12] [--seconds 30]

`rorqual calibrate` measures one replica at its default concurrencies (1, 2, 3, 5, 9 and 16); the law corrected by them
then predicts others, which a second run (a dry one: it teaches nothing) measures. The spec says Llama-3.1-8B on an H100
and a tiny model on two cores answers: the law alone is far off, which is what calibration is for. guidellm (6 GB) is
installed into an environment of its own, unless --guidellm names one that is there. Takes about ten minutes.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "e2e"))

from operating import OperatorProcess, Service, llmservice  # noqa: E402

from rorqual_engine import catalog  # noqa: E402
from rorqual_engine.api import LLMServiceSpec  # noqa: E402
from rorqual_engine.api.status import CalibrationPoint  # noqa: E402
from rorqual_engine.observation import Observation  # noqa: E402
from rorqual_engine.sizing.calibration import Refusal, calibrate, corrected  # noqa: E402
from rorqual_engine.sizing.engine import Engine, describe_engine  # noqa: E402
from rorqual_engine.sizing.performance import Load, predict_many  # noqa: E402
from rorqual_engine.sizing.speed import setting_of  # noqa: E402
from rorqual_sandbox.engines.vllm_install import ensure_installed  # noqa: E402
from rorqual_sandbox.handle import Sandbox  # noqa: E402
from rorqual_sandbox.options import Engine as Played  # noqa: E402
from rorqual_sandbox.options import Options  # noqa: E402

NAMESPACE = "bench"
GUIDELLM = "guidellm==0.8.1"
SEQUENCES = 16
LENGTHS = {"inputTokens": 64, "outputTokens": 32}
RUN = [sys.executable, "-c", "from rorqual_operator.cli import main; main()", "calibrate", "chat", "-n", NAMESPACE]
Point = dict[str, float]


def main() -> int:
    options = _options()
    guidellm = find_guidellm(options.guidellm)
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox.up("calibration", root=Path(folder), options=Options(engine=Played.VLLM))
        try:
            found = measure(sandbox, Path(folder), guidellm, options)
        finally:
            sandbox.down()
    found |= {"date": datetime.now(UTC).strftime("%Y-%m-%d"), "python": platform.python_version()}
    print(json.dumps(found) if options.json else "\n".join(lines(found)))
    return 0


def measure(sandbox: Sandbox, folder: Path, guidellm: str, options: argparse.Namespace) -> dict[str, Any]:
    sandbox.kubectl("apply", "-f", str(ROOT / "crds"))
    sandbox.kubectl("create", "namespace", NAMESPACE)
    service = Service(sandbox, NAMESPACE)
    operator = OperatorProcess(sandbox, NAMESPACE, folder / "operator.log")
    try:
        until(lambda: operator.leading)
        sandbox.apply(manifest())
        until(lambda: service.holds("Ready"), 600)
        before = service.status["recommendation"]
        taught = sweep(sandbox, guidellm, options.calibrate, options.seconds)
        until(lambda: service.status["recommendation"]["basis"] == "Calibrated", 60)
        after = service.status["recommendation"]
        seen = sweep(sandbox, guidellm, options.score, options.seconds, "--dry-run")
    finally:
        operator.stop()
    return {**score(taught, seen), "before": told(before), "after": told(after)}


def manifest() -> dict[str, Any]:
    """One replica, and figures of the workload as they will be measured."""
    return llmservice(
        NAMESPACE,
        model={"name": "meta-llama/Llama-3.1-8B-Instruct", "maxContextTokens": 2048},
        configuration={"maxConcurrentSequences": SEQUENCES},
        workload=LENGTHS,
        scaling={"minReplicas": 1, "maxReplicas": 1},
    )


def sweep(sandbox: Sandbox, guidellm: str, concurrencies: str | None, seconds: float, *more: str) -> list[Point]:
    """Points of one `rorqual calibrate`; its own choice of concurrencies without any."""
    tokenizer = str(ensure_installed().model)
    command = [*RUN, "--kubeconfig", str(sandbox.kubeconfig), "--guidellm", guidellm, "--tokenizer", tokenizer]
    command += ["--seconds", f"{seconds:g}", *more, *(["--concurrency", concurrencies] if concurrencies else [])]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    points: list[Point] = yaml.safe_load(run.stdout)["points"]
    return points


def score(taught: list[Point], seen: list[Point]) -> dict[str, Any]:
    """Errors of requests a second, TTFT and TPOT at concurrencies that taught nothing, without and with calibration."""
    engine = describe_engine(LLMServiceSpec.model_validate(manifest()["spec"]), None)
    gpu = catalog.gpu("NVIDIA-H100-80GB-HBM3")
    assert isinstance(engine, Engine) and gpu is not None
    setting = setting_of(engine, gpu, 1, SEQUENCES)
    assert setting is not None
    calibration = calibrate(setting, tuple(observation(point) for point in taught))
    if isinstance(calibration, Refusal):
        raise SystemExit(f"the calibration was refused: {calibration.message}")
    points = [observation(point) for point in seen]
    law = predict_many([setting] * len(points), [Load(p.concurrency, p.input_tokens, p.output_tokens) for p in points])
    at, lengths = np.array([p.concurrency for p in points]), (points[0].input_tokens, points[0].output_tokens)
    figures: dict[str, Any] = {"taught": taught, "seen": seen}
    for name, before, by, values in (
        ("throughput", law.requests_per_second, calibration.rate, [p.requests_per_second for p in points]),
        ("ttft", law.ttft_seconds, calibration.ttft, [p.ttft_seconds for p in points]),
        ("tpot", law.tpot_seconds, calibration.tpot, [p.tpot_seconds for p in points]),
    ):
        after = corrected(before, by, calibration, lengths, at)
        measured = np.array(values)
        figures[f"{name}_errors"] = (after.value / measured - 1).round(4).tolist()
        figures[f"{name}_errors_uncalibrated"] = (before.value / measured - 1).round(2).tolist()
        figures[f"{name}_within_interval"] = int(np.sum((after.low <= measured) & (measured <= after.high)))
    figures["throughput_worst"] = max(abs(error) for error in figures["throughput_errors"])
    return figures


def observation(point: Point) -> Observation:
    return Observation(**CalibrationPoint.model_validate(point).model_dump(by_alias=False))


def told(recommendation: dict[str, Any]) -> dict[str, Any]:
    return {name: recommendation.get(name) for name in ("basis", "capacity", "predicted", "confidence")}


def lines(found: dict[str, Any]) -> list[str]:
    """The report for a reader."""
    text = [f"taught at {[round(p['concurrency'], 1) for p in found['taught']]} in flight"]
    text.append(f"scored at {[round(p['concurrency'], 1) for p in found['seen']]} in flight")
    for name in ("throughput", "ttft", "tpot"):
        errors = ", ".join(f"{error:+.1%}" for error in found[f"{name}_errors"])
        alone = ", ".join(f"{error:+.0%}" for error in found[f"{name}_errors_uncalibrated"])
        inside = f"{found[f'{name}_within_interval']} of {len(found['seen'])} within the 90 % interval"
        text.append(f"{name:11} {errors}   (uncalibrated {alone}; {inside})")
    text += [f"status before {found['before']}", f"status after  {found['after']}"]
    return text


def find_guidellm(command: str) -> str:
    """guidellm's command, installed first where it is not there."""
    if (found := shutil.which(command)) is not None:
        return found
    environment = Path(tempfile.gettempdir()) / f"rorqual-{GUIDELLM.replace('==', '-')}"
    if not (environment / "bin" / "guidellm").exists():
        print(f"Installing {GUIDELLM} (6 GB, once) into {environment}", file=sys.stderr)
        venv.create(environment, with_pip=True)
        subprocess.run([environment / "bin" / "pip", "install", "-q", GUIDELLM], check=True)
    return str(environment / "bin" / "guidellm")


def until(probe: Callable[[], object], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.2)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--calibrate", help="concurrencies that teach [those of rorqual calibrate]")
    parser.add_argument("--score", default="4,7,12", help="concurrencies that score [4,7,12]")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each load [30]")
    parser.add_argument("--guidellm", default="guidellm", help="its command; installed when not there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
