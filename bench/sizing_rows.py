"""Measured operating points as the law sees them.

The columns are those of silicon_measurements.csv. What they mean was worked out from rows that several exports of one
measurement repeat, and from the `silicon_concurrency` that some carry:

* `batch_size` is the closed-loop concurrency of one attention-DP rank; times `attention_dp_size` as given, the total.
* Some exports multiply the sizes: tp 64, moe_tp 8, moe_ep 8 is the deployment that others call tp 8, moe_ep 8 (the same
  latencies to the last digit); so is attention_dp 64 with tp 1 the one of 8, and tp 4, dp 4, ep 16 the one of 4 GPUs.
* deepseek-ai/DeepSeek-V3 and -R1 are one architecture, and often one measurement under both names. Groups are therefore
  by architecture and GPU; by model name, half of a group's rows would be found in another one.
"""

import csv
import math
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from rorqual_engine import catalog
from rorqual_engine.sizing.performance import Load, Points, Setting, points_of
from rorqual_engine.sizing.performance.points import RUNTIMES, WEIGHT_BYTES
from rorqual_engine.sizing.performance.prediction import Array
from rorqual_engine.sizing.speed import accelerator_of, shape_of

GPUS = {
    "h100_sxm": "NVIDIA-H100-80GB-HBM3",
    "h200_sxm": "NVIDIA-H200",
    "b200_sxm": "NVIDIA-B200",
    "b300_sxm": "NVIDIA-B300",
    "gb200": "NVIDIA-GB200",
    "gb300": "NVIDIA-GB300",
    "a100_sxm": "NVIDIA-A100-SXM4-80GB",
    "l40s": "NVIDIA-L40S",
}
SAME_ARCHITECTURE = {
    "deepseek-ai/DeepSeek-R1": "deepseek-ai/DeepSeek-V3",
    "nvidia/DeepSeek-R1-NVFP4": "deepseek-ai/DeepSeek-V3",
    "nvidia/DeepSeek-V3.1-NVFP4": "deepseek-ai/DeepSeek-V3",
    "nvidia/Qwen3-32B-NVFP4": "Qwen/Qwen3-32B",
    "Qwen/Qwen3-235B-A22B-FP8": "Qwen/Qwen3-235B-A22B",
    "zhipuai/GLM-5": "zai-org/GLM-5",
}
PRECISIONS = {"": "bf16", "fp8": "fp8", "fp8_block": "fp8", "nvfp4": "fp4", "int4_wo": "int4"}
FIGURES = ("isl", "osl", "batch_size", "silicon_ttft_ms", "silicon_tpot_ms")
COLUMNS = (*FIGURES, "model_path", "system", "backend", "backend_version", "precision", "gemm_quant_mode", "tp_size")
SIZES = ("tp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size")
UNLIMITED = 1e6


@dataclass(frozen=True, slots=True)
class Measured:
    """Rows that the catalog knows; every array has one entry a row."""

    rows: list[dict[str, str]]
    points: Points
    ttft: Array
    tpot: Array
    groups: Array
    """Architecture and GPU."""
    named: Array
    """Model name and GPU, as in the file."""

    @property
    def rate(self) -> Array:
        """Requests a second, by Little's law."""
        return self.points["concurrency"] / (self.ttft + self.tpot * (self.points["output_tokens"] - 1.0))

    def distinct(self) -> Array:
        """Places of the rows that repeat no other measurement."""
        seen: dict[tuple[str, float, float], int] = {}
        for place, key in enumerate(zip(self.groups, self.ttft, self.tpot, strict=True)):
            seen.setdefault(key, place)
        return np.array(sorted(seen.values()))


def read(files: list[Path]) -> tuple[Measured, Counter[str]]:
    """The rows of the files, and how many are left out, by the model or GPU that the catalog lacks."""
    known, missing = [], Counter[str]()
    for file in files:
        with file.open(newline="") as lines:
            for row in csv.DictReader(lines):
                lacking = lacks(row)
                if lacking:
                    missing[lacking] += 1
                else:
                    known.append(row)
    pairs = [(setting_of(row), load_of(row)) for row in known]
    return Measured(
        rows=known,
        points=points_of([s for s, _ in pairs], [x for _, x in pairs]),
        ttft=np.array([float(row["silicon_ttft_ms"]) / 1e3 for row in known]),
        tpot=np.array([float(row["silicon_tpot_ms"]) / 1e3 for row in known]),
        groups=np.array([f"{_architecture(row)} on {row['system']}" for row in known]),
        named=np.array([f"{row['model_path']} on {row['system']}" for row in known]),
    ), missing


def number(row: dict[str, str], column: str) -> float:
    """A figure that must be finite and above zero. Raises ValueError with the column and what was found."""
    text = row.get(column)
    try:
        found = float(text or "")
    except ValueError:
        found = math.nan
    if not (math.isfinite(found) and found > 0):
        raise ValueError(f"{column}: expected a number above 0, found {text!r}")
    return found


def lacks(row: dict[str, str]) -> str:
    """Why this row cannot be scored: what the catalog does not know of it, or a figure that is none; else empty."""
    try:
        for column in (*FIGURES, *(size for size in SIZES if row.get(size) and row[size] not in ("0", "0.0"))):
            number(row, column)
    except ValueError as error:
        return str(error)
    if precision_of(row) not in WEIGHT_BYTES:
        return f"precision {row['precision'] or row['gemm_quant_mode']}"
    if row["backend"] not in RUNTIMES:
        return f"runtime {row['backend']}"
    if catalog.model(_architecture(row)) is None:
        return f"model {row['model_path']}"
    product = catalog.gpu(GPUS.get(row["system"], row["system"]))
    if product is None or accelerator_of(product, 1.0) is None:
        return f"GPU {row['system']}"
    return ""


def is_performance(file: Path) -> bool:
    """Whether the file holds operating points of closed loops."""
    return columns_of(file) >= set(COLUMNS)


def columns_of(file: Path) -> set[str]:
    with file.open(newline="") as lines:
        return set(next(csv.reader(lines), []))


def load_of(row: dict[str, str]) -> Load:
    concurrency = float(row["batch_size"]) * _size(row, "attention_dp_size")
    return Load(concurrency, float(row["isl"]), float(row["osl"]))


def setting_of(row: dict[str, str]) -> Setting:
    return _setting(_architecture(row), row["system"], precision_of(row), row["backend"], *parallelism(row))


def precision_of(row: dict[str, str]) -> str:
    """Of the weights; empty when the row says none that is known."""
    return row["precision"] or PRECISIONS.get(row["gemm_quant_mode"], "")


def parallelism(row: dict[str, str]) -> tuple[int, int, int]:
    """Tensor, data and expert parallelism as they were, whatever the export made of them."""
    tensor, data, expert_tensor, expert = (_size(row, name) for name in SIZES)
    if data > 1:
        if tensor == 1 and expert_tensor == expert and data == expert_tensor * expert:
            return 1, expert_tensor, expert
        return (1, data, data) if tensor == data else (tensor, data, expert)
    if tensor > 1 and expert_tensor == expert and tensor == expert_tensor * expert:
        return expert_tensor, 1, expert
    if tensor > 16:  # more than one node: attention on eight GPUs each, repeated
        return 8, max(1, round(tensor / 8)), 1
    return tensor, max(1, expert_tensor * expert // tensor), expert


@cache
def _setting(model: str, system: str, precision: str, runtime: str, tensor: int, data: int, expert: int) -> Setting:
    known, product = catalog.model(model), catalog.gpu(GPUS.get(system, system))
    assert known is not None and product is not None, f"{model} on {system}: lacks() lets no such row through"
    accelerator = accelerator_of(product, 1.0)
    assert accelerator is not None
    # the campaigns ran with an 8-bit KV cache where weights are quantised, but for vLLM and SGLang on Hopper: there the
    # capacities that the rows show only fit 16 bits
    blackwell = accelerator.fp4_tflops > accelerator.fp8_tflops
    small_cache = precision != "bf16" and (blackwell or runtime == "trtllm")
    return Setting(
        model=shape_of(model, known.facts),
        gpu=accelerator,
        precision=precision,
        runtime=runtime,
        tensor_parallel=tensor,
        data_parallel=data,
        expert_parallel=expert,
        sequences=UNLIMITED,
        kv_bytes=1 if small_cache else 2,
    )


def _architecture(row: dict[str, str]) -> str:
    return SAME_ARCHITECTURE.get(row["model_path"], row["model_path"])


def _size(row: dict[str, str], name: str) -> int:
    return int(float(row.get(name) or 1)) or 1
