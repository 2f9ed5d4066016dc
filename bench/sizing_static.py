"""Static batches: all requests start at once and no other comes. Two published campaigns, of engines of 2023 and 2024.

The law is about a closed loop, in which each request waits for its share of the others' prefills. Over a whole request
that adds up to what a static batch takes: the prefills of all, and the steps. So the rate is scored, and of the
campaigns' latencies nothing else. The shipped artefact was fitted on none of these rows.
"""

import csv
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from sizing_rows import columns_of, number

from rorqual_engine import catalog
from rorqual_engine.sizing.performance import Load, Setting, predict_many
from rorqual_engine.sizing.performance.physics import roofline
from rorqual_engine.sizing.performance.points import points_of
from rorqual_engine.sizing.performance.setting import RuntimeName
from rorqual_engine.sizing.speed import accelerator_of, shape_of

RUNTIMES: dict[str, RuntimeName] = {"vLLM": "vllm", "TensorRT-LLM": "trtllm"}
ARGONNE = ("Hardware", "Num of Hardware", "Framework", "Model", "Input Output Length", "Batch Size", "Latency")
SPLITWISE = ("model", "hardware", "prompt_size", "batch_size", "token_size", "e2e_time", "tensor_parallel")


@dataclass(frozen=True, slots=True)
class Batch:
    """One row, as both campaigns tell it."""

    hardware: str
    gpus: int
    runtime: str
    model: str
    size: float
    input_tokens: float
    output_tokens: float
    seconds: float


def is_static(file: Path) -> bool:
    """Whether the file holds static batches."""
    columns = columns_of(file)
    return columns >= set(ARGONNE) or columns >= set(SPLITWISE)


def score_static(file: Path) -> tuple[dict[str, object], Counter[str]]:
    """Error of the rate by runtime, of the law and of the roofline; and the rows left out, with the reason."""
    batches, lacking = [], Counter[str]()
    with file.open(newline="") as lines:
        for row in csv.DictReader(lines):
            try:
                batch = _batch(row)
            except ValueError as error:
                lacking[str(error)] += 1
                continue
            if reason := _lacks(batch):
                lacking[reason] += 1
            else:
                batches.append(batch)
    return (_scored(batches) if batches else {"n": 0}), lacking


def _scored(batches: list[Batch]) -> dict[str, object]:
    settings = [_setting(batch.model, batch.hardware, batch.runtime, batch.gpus) for batch in batches]
    loads = [Load(batch.size, batch.input_tokens, batch.output_tokens) for batch in batches]
    size = np.array([batch.size for batch in batches])
    measured = size / np.array([batch.seconds for batch in batches])
    law = predict_many(settings, loads).requests_per_second.value
    ttft, tpot = roofline(points_of(settings, loads))
    plain = size / (ttft + tpot * np.array([batch.output_tokens - 1.0 for batch in batches]))
    error, bare = np.abs(law / measured - 1.0), np.abs(plain / measured - 1.0)
    kinds = np.array([f"{batch.runtime} on {batch.gpus} x {batch.hardware}" for batch in batches])
    return {
        "throughput_mdape": float(np.median(error)),
        "n": len(batches),
        "roofline": {"throughput_mdape": float(np.median(bare))},
        "by_kind": {str(k): {"throughput_mdape": float(np.median(error[kinds == k])), "n": int(np.sum(kinds == k))}
                    for k in sorted(set(kinds))},
    }  # fmt: skip


def _batch(row: dict[str, str]) -> Batch:
    if "Hardware" in row:
        length = number(row, "Input Output Length")
        size, seconds = number(row, "Batch Size"), number(row, "Latency")
        gpus = int(number(row, "Num of Hardware"))
        return Batch(row["Hardware"], gpus, row["Framework"], row["Model"], size, length, length, seconds)
    lengths, size = (number(row, "prompt_size"), number(row, "token_size")), number(row, "batch_size")
    gpus, seconds = int(number(row, "tensor_parallel")), number(row, "e2e_time") / 1e3
    return Batch(row["hardware"], gpus, "vLLM", row["model"], size, *lengths, seconds)


def _lacks(batch: Batch) -> str:
    """Why a row cannot be scored; empty when it can."""
    if catalog.model(_architecture(batch.model)) is None:
        return f"model {batch.model}"
    product = catalog.gpu(batch.hardware)
    if product is None or accelerator_of(product, 1.0) is None:
        return f"GPU {batch.hardware}"
    if batch.runtime not in RUNTIMES:
        return f"runtime {batch.runtime}"
    return "power-capped GPU" if batch.hardware.endswith("pcap") else ""


@cache
def _setting(model: str, hardware: str, runtime: str, gpus: int) -> Setting:
    known, product = catalog.model(_architecture(model)), catalog.gpu(hardware)
    assert known is not None and product is not None, "rows without are left out before"
    accelerator = accelerator_of(product, 1.0)
    assert accelerator is not None
    return Setting(shape_of(model, known.facts), accelerator, runtime=RUNTIMES[runtime], tensor_parallel=gpus)


def _architecture(model: str) -> str:
    return {"bloom-176b": "bigscience/bloom"}.get(model, model)
