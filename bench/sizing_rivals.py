"""AIConfigurator, asked for the same rows, with its own database, in an environment of its own."""

import json
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sizing_rows import Measured, parallelism

from rorqual_engine.sizing.performance.prediction import Array
from rorqual_operator.oracle.aiconfigurator import ISOLATED, PACKAGE, SCRIPT

ITS_NAMES = {
    "meta-llama/Llama-3.1-70B": "meta-llama/Meta-Llama-3.1-70B",
    "meta-llama/Llama-3.1-8B-Instruct": "meta-llama/Meta-Llama-3.1-8B",
    "zhipuai/GLM-5": "zai-org/GLM-5",
}


@dataclass(frozen=True, slots=True)
class Estimates:
    """One entry a row; NaN where it was not asked or has no answer."""

    ttft: Array
    tpot: Array
    asked: int
    answered: int
    seconds_each: float
    """Median of its calls."""
    refusals: dict[str, int]


def ask_aiconfigurator(data: Measured, places: list[int], environment: Path) -> Estimates | str:
    """Its estimates of those rows, or why there are none."""
    python = environment / "bin" / "python"
    if not python.exists():
        venv.create(environment, with_pip=True)
        made = subprocess.run([python, "-m", "pip", "install", "-q", PACKAGE], capture_output=True, text=True)
        if made.returncode:
            return f"{PACKAGE} is not installable here: {made.stderr.strip()[-200:]}"
    questions = "".join(json.dumps(_question(data, place)) + "\n" for place in places)
    run = subprocess.run(
        [python, *ISOLATED, SCRIPT], input=questions, stdout=subprocess.PIPE, stderr=sys.stderr, text=True
    )
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    if run.returncode or len(answers) != len(places):
        return f"{PACKAGE} stopped with {run.returncode} after {len(answers)} of {len(places)} rows"
    return _estimates(len(data.rows), places, answers)


def _estimates(count: int, places: list[int], answers: list[dict[str, object]]) -> Estimates:
    ttft, tpot = np.full(count, np.nan), np.full(count, np.nan)
    refusals: dict[str, int] = {}
    for place, answer in zip(places, answers, strict=True):
        if "error" in answer:
            reason = str(answer["error"])[:90]
            refusals[reason] = refusals.get(reason, 0) + 1
        else:
            ttft[place], tpot[place] = answer["ttft"], answer["tpot"]
    seconds = float(np.median([float(str(answer["seconds"])) for answer in answers]))
    return Estimates(ttft, tpot, len(places), int(np.isfinite(ttft).sum()), seconds, refusals)


def _question(data: Measured, place: int) -> dict[str, object]:
    row = data.rows[place]
    tensor, ranks, expert = parallelism(row)
    return {
        "model_path": ITS_NAMES.get(row["model_path"], row["model_path"]),
        "system": row["system"],
        "backend": row["backend"],
        "isl": int(float(row["isl"])),
        "osl": int(float(row["osl"])),
        "batch_size": max(1, int(float(data.points["concurrency"][place]) / ranks)),
        "tp": tensor,
        "dp": ranks,
        "moe_tp": max(1, tensor * ranks // expert),
        "moe_ep": expert,
        "gemm": row["gemm_quant_mode"],
        "moe": row["moe_quant_mode"],
    }
