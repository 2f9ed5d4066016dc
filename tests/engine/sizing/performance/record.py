"""Writes golden.json anew: run after bench/fit_performance.py, and say in the commit why the artefact changed.

.venv/bin/python -m tests.engine.sizing.performance.record
"""

import json
from pathlib import Path

from rorqual_engine.sizing.performance import Load, predict
from rorqual_engine.sizing.performance.artefact import checksum, shipped

from .settings import GOLDEN, LOADS


def predictions(loads: tuple[Load, ...]) -> dict[str, list[list[float]]]:
    found = {name: [predict(setting, load) for load in loads] for name, setting in GOLDEN.items()}
    return {
        name: [[float(f"{y:.8g}") for y in (x.ttft_seconds.value, x.tpot_seconds.value)] for x in each]
        for name, each in found.items()
    }


if __name__ == "__main__":
    recorded = {"version": shipped().version, "sha256": checksum(), "predictions": predictions(LOADS)}
    Path(__file__).with_name("golden.json").write_text(json.dumps(recorded, indent=1) + "\n", "utf-8")
