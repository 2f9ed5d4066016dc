"""NVIDIA's AIConfigurator as an oracle: its own process, in an environment of its own.

It is no dependency: its tree (pandas, pyarrow, bokeh, …) has 490 MB and no release for Python 3.14.
"""

import json
import math
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rorqual_engine import catalog
from rorqual_engine.sizing.performance import Intervals, Load, Predictions, Setting
from rorqual_engine.sizing.performance.prediction import Array
from rorqual_engine.sizing.speed import PRECISION, accelerator_of

PACKAGE = "aiconfigurator==0.12.0"
SCRIPT = Path(__file__).with_name("aiconfigurator_estimates.py")
ISOLATED = ("-I",)
"""Its own packages alone: neither this folder's modules, nor those of PYTHONPATH."""
SYSTEMS = {
    "NVIDIA-A100-80GB-PCIe": "a100_pcie",
    "NVIDIA-A100-SXM4-80GB": "a100_sxm",
    "NVIDIA-A30": "a30",
    "NVIDIA-B200": "b200_sxm",
    "NVIDIA-B300": "b300_sxm",
    "NVIDIA-GB200": "gb200",
    "NVIDIA-GB300": "gb300",
    "NVIDIA-H100-80GB-HBM3": "h100_sxm",
    "NVIDIA-H100-PCIe": "h100_pcie",
    "NVIDIA-H200": "h200_sxm",
    "NVIDIA-L4": "l4",
    "NVIDIA-L40S": "l40s",
    "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition": "rtx_pro_6000_server",
}
"""Its names of GPUs."""
SAME_ARCHITECTURE = {
    **{f"meta-llama/Llama-3.1-{size}{kind}": f"meta-llama/Meta-Llama-3.1-{size}"
       for size in ("8B", "70B", "405B") for kind in ("", "-Instruct")},
    "meta-llama/Llama-3.3-70B-Instruct": "meta-llama/Meta-Llama-3.1-70B",
}  # fmt: skip
"""Models that it has under another name; it fetches the config.json of those that it does not have."""
GEMM = {"bf16": "bfloat16", "fp8": "fp8", "int4": "int4_wo", "fp4": "nvfp4"}
KV_CACHE = {1: "fp8", 2: "bfloat16"}
Question = dict[str, Any]
Tell = Callable[[int, int], None]
"""Called with how many questions are answered, and of how many."""


class OracleError(RuntimeError):
    """It cannot be asked; the message says what to do."""


class AIConfigurator:
    """Asks once for each distinct point. `refusals` holds why it had no answer, in its words."""

    name = "AIConfigurator"

    def __init__(self, python: Path, tell: Tell) -> None:
        if not python.is_file():
            raise OracleError(
                f"{python}: expected the Python of an environment with {PACKAGE}, found none. Make it with: "
                f"python3 -m venv aic && aic/bin/pip install {PACKAGE}"
            )
        self._python, self._tell = python, tell
        self.refusals: dict[str, int] = {}

    def predict(self, settings: Sequence[Setting], loads: Sequence[Load]) -> Predictions:
        """NaN where it has no answer. Raises OracleError when its process fails."""
        questions = [question_of(setting, load) for setting, load in zip(settings, loads, strict=True)]
        asked = {_key(question): question for question in questions if question is not None}
        try:
            answers = dict(zip(asked, self._ask(list(asked.values())), strict=True))
        except (OSError, ValueError) as error:
            raise OracleError(f"{self._python}: cannot be asked, or answers no JSON: {error}") from error
        found = [answers[_key(question)] if question is not None else {} for question in questions]
        for answer in answers.values():
            if "error" in answer:
                self.refusals[answer["error"]] = self.refusals.get(answer["error"], 0) + 1
        return predictions_of(found, loads)

    def _ask(self, questions: list[Question]) -> Iterator[dict[str, Any]]:
        if not questions:
            return
        with tempfile.TemporaryFile("w+") as asked, tempfile.TemporaryFile("w+") as errors:
            asked.writelines(json.dumps(question) + "\n" for question in questions)
            asked.seek(0)
            self._tell(0, len(questions))
            answered = 0
            with subprocess.Popen(
                [self._python, *ISOLATED, SCRIPT], stdin=asked, stdout=subprocess.PIPE, stderr=errors, text=True
            ) as process:
                for answered, line in enumerate(process.stdout or (), 1):
                    self._tell(answered, len(questions))
                    yield json.loads(line)
            if process.returncode or answered != len(questions):
                errors.seek(0)
                last = errors.read().strip().rpartition("\n")[2]
                raise OracleError(
                    f"{self._python}: {PACKAGE} ended with {process.returncode} after {answered} of {len(questions)} "
                    f"points: {last}"
                )


def question_of(setting: Setting, load: Load) -> Question | None:
    """What to ask it of a replica; None where it has no words for one."""
    system = SYSTEMS.get(setting.gpu.name)
    if system is None or not _is_whole(setting) or setting.pipeline_parallel > 1 or setting.accepted_tokens > 1:
        return None
    gemm = _gemm(setting)
    if gemm is None or setting.kv_bytes not in KV_CACHE:
        return None
    tensor, ranks, expert = setting.tensor_parallel, setting.data_parallel, setting.expert_parallel
    return {
        "model_path": SAME_ARCHITECTURE.get(setting.model.name, setting.model.name),
        "system": system,
        "backend": setting.runtime,
        "isl": round(load.input_tokens),
        "osl": max(2, round(load.output_tokens)),
        "batch_size": max(1, round(load.concurrency / ranks)),
        "tp": tensor,
        "dp": ranks,
        "moe_tp": max(1, tensor * ranks // expert),
        "moe_ep": expert,
        "gemm": gemm,
        "moe": gemm,
        "kv": KV_CACHE[setting.kv_bytes],
        "prefix": round(load.input_tokens * load.prefix_hit_rate),
    }


def predictions_of(answers: Sequence[dict[str, Any]], loads: Sequence[Load]) -> Predictions:
    """Its answers as predictions without bounds; the rate by Little's law."""
    ttft, tpot = (np.array([answer.get(name, math.nan) for answer in answers]) for name in ("ttft", "tpot"))
    output = np.array([max(load.output_tokens, 1.0) for load in loads])
    rate = np.array([load.concurrency for load in loads]) / (ttft + tpot * (output - 1.0))
    return Predictions(_unbounded(ttft), _unbounded(tpot), _unbounded(rate * output), _unbounded(rate))


def _unbounded(value: Array) -> Intervals:
    unknown = np.full(len(value), math.nan)
    return Intervals(unknown, value, unknown)


def _is_whole(setting: Setting) -> bool:
    """Whether the replica has whole GPUs: it knows no slices and no shares."""
    product = catalog.gpu(setting.gpu.name)
    whole = accelerator_of(product, 1.0) if product is not None else None
    return whole is not None and whole.bandwidth_gb == setting.gpu.bandwidth_gb


def _gemm(setting: Setting) -> str | None:
    """Its name of the weights' precision; empty for the checkpoint's own, which it reads itself."""
    known = catalog.model(setting.model.name)
    if known is not None and PRECISION[known.storage.scheme] == setting.precision:
        return ""
    return GEMM.get(setting.precision)


def _key(question: Question) -> str:
    return json.dumps(question, sort_keys=True)
