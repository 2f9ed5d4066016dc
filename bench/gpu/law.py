"""The laws of memory and speed against one engine on a GPU that they have not seen.

    PYTHONPATH=bench/gpu python bench/gpu/law.py [data/gpu/curves-h200.json] [--json]

Of the closed loops, those count that lasted long enough for every client to begin a second request.
"""

import argparse
import json
from pathlib import Path

from rorqual_engine import catalog
from rorqual_engine.api import LLMServiceSpec
from rorqual_engine.sizing.engine import Engine, describe_engine
from rorqual_engine.sizing.memory import memory_budget
from rorqual_engine.sizing.performance import Load, predict_many
from rorqual_engine.sizing.speed import setting_of
from rorqual_engine.units import GIB

RECORDED = Path(__file__).resolve().parents[2] / "data" / "gpu" / "curves-h200.json"
MODEL = "meta-llama/Llama-3.1-8B-Instruct"
SEQUENCES = 256
SECOND_ROUND = 1.2
"""Requests a client."""


def measure(recorded: dict) -> dict[str, object]:  # type: ignore[type-arg]
    gpu = catalog.gpu(recorded["device"].split(",")[0].replace(" ", "-"))
    spec = LLMServiceSpec.model_validate({"model": {"name": MODEL}, "hardware": [{"gpu": "any"}]})
    engine = describe_engine(spec, None)
    if gpu is None or not isinstance(engine, Engine):
        raise SystemExit(f"{recorded['device']}: expected a GPU of the catalog")
    cache, setting = recorded["cache"], setting_of(engine, gpu, 1, SEQUENCES)
    budget = memory_budget(engine, gpu, 1, SEQUENCES, float(cache["gpu_memory_utilization"]))
    blocks = int(cache["num_gpu_blocks"]) * int(cache["block_size"])
    points = [one for one in recorded["points"] if one["requests"] >= SECOND_ROUND * one["concurrency"]]
    loads = [Load(one["concurrency"], one["input_tokens"], one["output_tokens"]) for one in points]
    law = predict_many([setting] * len(points), loads)  # type: ignore[list-item]
    rows = []
    for place, point in enumerate(points):
        row = {name: point[name] for name in ("concurrency", "input_tokens", "output_tokens")}
        for name in ("ttft_seconds", "tpot_seconds", "requests_per_second"):
            told = getattr(law, name)
            row[name], row[f"{name}_law"] = point[name], float(told.value[place])
            row[f"{name}_off"] = float(told.value[place] / point[name] - 1)
            row[f"{name}_held"] = bool(told.low[place] <= point[name] <= told.high[place])
        rows.append(row)
    tokens = budget.kv_cache / budget.kv.block_bytes * budget.kv.groups[0].block_tokens
    return {
        "device": recorded["device"],
        "weights_gib": [recorded["weights_gib"], budget.weights / GIB],
        "kv_tokens": [blocks, tokens],
        "kv_tokens_off": tokens / blocks - 1,
        "points": rows,
    }


def show(found: dict) -> None:  # type: ignore[type-arg]
    print(found["device"])
    (weights, weights_law), (tokens, tokens_law) = found["weights_gib"], found["kv_tokens"]
    print(f"weights {weights:.2f} GiB, by law {weights_law:.2f}; KV cache {tokens:,} tokens, "
          f"by law {tokens_law:,.0f} ({found['kv_tokens_off']:+.2%})")  # fmt: skip
    print(f"{'at once':>8}{'prompt':>8}{'answer':>8}{'TPOT, ms':>10}{'law':>8}{'off':>7}"
          f"{'TTFT, ms':>10}{'law':>8}{'off':>7}{'req/s':>8}{'law':>7}{'off':>7}")  # fmt: skip
    for row in found["points"]:
        cells = [f"{row['concurrency']:8}{row['input_tokens']:8}{row['output_tokens']:8}"]
        for name, factor, width in (
            ("tpot_seconds", 1e3, 10),
            ("ttft_seconds", 1e3, 10),
            ("requests_per_second", 1, 8),
        ):
            held = "" if row[f"{name}_held"] else "!"
            cells.append(f"{row[name] * factor:{width}.1f}{row[f'{name}_law'] * factor:{8 if width == 10 else 7}.1f}")
            cells.append(f"{row[f'{name}_off']:+.0%}{held}".rjust(7))
        print("".join(cells))
    print("! outside of the law's 90 % interval")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=RECORDED)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(json.loads(asked.file.read_text()))
    if asked.json:
        print(json.dumps(found, indent=1))
    else:
        show(found)


if __name__ == "__main__":
    main()
