"""The memory law against measured start-ups of vLLM."""

import csv
from pathlib import Path
from statistics import mean

from sizing_rows import columns_of, number

from rorqual_engine import catalog
from rorqual_engine.sizing.engine import Engine
from rorqual_engine.sizing.memory import Budget, memory_budget
from rorqual_engine.units import GIB

PRODUCTS = {"H100-80GB": "NVIDIA-H100-80GB-HBM3", "A100-80GB": "NVIDIA-A100-SXM4-80GB"}
ASKED = ("tp", "pp", "gpu_memory_utilization", "max_model_len")
MEASURED = ("weights_gib", "kv_cache_gib")
SEQUENCES = 1024
"""The engine's own default on GPUs of 70 GiB and more, with which the campaign ran."""


def is_campaign(file: Path) -> bool:
    """Whether the file holds start-ups (and not operating points)."""
    return "kv_cache_gib" in columns_of(file)


def score_memory(file: Path) -> tuple[dict[str, object], list[str]]:
    """The figures, and the rows that the catalog cannot describe. Nothing of the law is fitted by model."""
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    reasons = {id(row): _lacks(row) for row in rows}
    known = [row for row in rows if not reasons[id(row)]]
    started = [row for row in known if row["status"] == "ok"]
    refused = [row for row in known if row["status"] == "refused"]
    sized = [row for row in started if row["kv_cache_gib"]]
    starts = {id(row): _budget(row).start(int(float(row["max_model_len"]))) for row in started + refused}
    figures: dict[str, object] = {
        "kv_mean_ape": _ape(_kv(row, "kv_cache_gib") for row in sized),
        "kv_n": len(sized),
        "weights_mean_ape": _ape(_weights(row) for row in sized),
        "weights_n": len(sized),
        "started_called_impossible": sum(starts[id(row)] == "does not start" for row in started),
        "started_n": len(started),
        "refused_recommended": sum(starts[id(row)] == "starts" for row in refused),
        "refused_n": len(refused),
    }
    return figures, [reason for reason in reasons.values() if reason]


def _ape(pairs) -> float | None:  # type: ignore[no-untyped-def]
    errors = [abs(found / measured - 1.0) for found, measured in pairs]
    return mean(errors) if errors else None


def _kv(row: dict[str, str], column: str) -> tuple[float, float]:
    return _budget(row).kv_cache / GIB, float(row[column])


def _weights(row: dict[str, str]) -> tuple[float, float]:
    return _budget(row).weights / GIB, float(row["weights_gib"])


def _lacks(row: dict[str, str]) -> str:
    """Why a row cannot be scored; empty when it can. What a refused start left empty is no fault."""
    try:
        for column in (*ASKED, *(column for column in MEASURED if row[column])):
            number(row, column)
    except ValueError as error:
        return str(error)
    if catalog.model(row["model"]) is None:
        return f"model {row['model']}"
    return "" if catalog.gpu(PRODUCTS.get(row["gpu"], row["gpu"])) is not None else f"GPU {row['gpu']}"


def _budget(row: dict[str, str]) -> Budget:
    known, gpu = catalog.model(row["model"]), catalog.gpu(PRODUCTS.get(row["gpu"], row["gpu"]))
    assert known is not None and gpu is not None
    width = 4 if row["dtype"] == "float32" else 2
    storage = catalog.Storage(scheme="fp8") if row["quantization"] == "fp8" else known.storage
    engine = Engine(
        name=row["model"],
        facts=known.facts,
        quantization=storage.scheme,
        left_whole=storage.whole,
        dtype_bytes=width,
        kv_bytes=1 if row["kv_cache_dtype"] == "fp8" else width,
        rules=catalog.runtime_version("vLLM", row["vllm_version"]),
    )
    share = float(row["gpu_memory_utilization"])
    return memory_budget(engine, gpu, int(float(row["tp"])), SEQUENCES, share, int(float(row["pp"])))
