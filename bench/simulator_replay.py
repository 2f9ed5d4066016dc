"""NVIDIA Dynamo's offline replay beside the simulator: the same trace, the same steps, latencies and speed.

    python bench/simulator_replay.py PYTHON [--json] [--requests N]

PYTHON is an interpreter that has ai-dynamo (1.4.2 gave the figures in docs/explanation/simulator.md) and numpy. Its
steps are read from tables; ours are put into such tables, exact at each number of tokens of prompts.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.simulation.fleet import Fleet, Startup
from rorqual_engine.simulation.pool import Pool
from rorqual_engine.simulation.requests import Requests, requests_of
from rorqual_engine.simulation.state import Engine
from rorqual_engine.simulation.traces.mooncake import read_mooncake, write_mooncake

BLOCK_TOKENS = 16
ENGINE = Engine(64, 200_000, 8192, BLOCK_TOKENS, 0.01, 0.0, 1e-7, 4e-5, 0.0, least_load=False)
RATE = 8.0
"""Requests a second and replica: some 25 run at once."""
CASES = ((1, 200_000), (4, 200_000), (1, 32_000), (1, 24_000))
"""Replicas and tokens of KV cache: plenty of it, then so little that sequences are preempted and a queue grows."""
Latencies = dict[str, NDArray[np.float64]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", type=Path, help="an interpreter with ai-dynamo and numpy")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--requests", type=int, default=5000)
    asked = parser.parse_args()
    found = {
        f"{replicas} replicas of {kv_tokens} tokens": compare(asked.python, replicas, kv_tokens, asked.requests)
        for replicas, kv_tokens in CASES
    }
    print(json.dumps(found) if asked.json else _table(found))


def compare(python: Path, replicas: int, kv_tokens: int, requests: int) -> dict[str, dict[str, float]]:
    """Of both: latencies in ms, output tokens a second, requests a second of wall time."""
    engine = ENGINE._replace(kv_tokens=kv_tokens)
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.jsonl"
        trace.write_text("\n".join(write_mooncake(traffic(replicas, requests))) + "\n")
        served = read_mooncake(trace.read_text().splitlines())
        return {"rorqual": ours(served, engine, replicas), "dynamo.replay": theirs(python, trace, engine, replicas)}


def traffic(replicas: int, requests: int) -> Requests:
    """Poisson arrivals, lognormal lengths; at least 2 tokens out, so that each has a time between tokens."""
    random = np.random.default_rng(3)
    at = np.cumsum(random.exponential(1 / (RATE * replicas), requests))
    prompts = np.clip(random.lognormal(6.5, 0.7, requests), 16, 8000)
    return requests_of(at, prompts, np.clip(random.lognormal(5.0, 0.6, requests), 2, 2000))


def ours(served: Requests, engine: Engine, replicas: int) -> dict[str, float]:
    _run(served, engine, replicas)  # compiles
    began = time.perf_counter()
    state = _run(served, engine, replicas).state
    wall = time.perf_counter() - began
    itl = (state.last - state.first) / (state.output - 1)
    return _figures(state.first - state.arrival, itl, state.output.sum() / state.last.max(), len(served) / wall)


def _run(served: Requests, engine: Engine, replicas: int) -> Fleet:
    made = Fleet(served, engine, Startup(0.0), Pool(), np.random.default_rng(0), most=replicas)
    made.begin(replicas)
    made.advance(np.inf)
    return made


def theirs(python: Path, trace: Path, engine: Engine, replicas: int) -> dict[str, float]:
    folder = trace.parent
    np.savez(folder / "steps.npz", **step_tables())  # type: ignore[arg-type]
    settings = {
        "engine_type": "vllm",
        "num_gpu_blocks": engine.kv_tokens // BLOCK_TOKENS,
        "block_size": BLOCK_TOKENS,
        "max_num_seqs": engine.sequences,
        "max_num_batched_tokens": engine.batched_tokens,
        "enable_prefix_caching": False,
        "planner_profile_data": str(folder / "steps.npz"),
    }
    report, each = folder / "report.json", folder / "each.jsonl"
    command = [python, "-m", "dynamo.replay", trace, "--extra-engine-args", json.dumps(settings)]
    command += ["--num-workers", str(replicas), "--replay-mode", "offline", "--router-mode", "round_robin"]
    command += ["--report-json", report, "--report-jsonl", each]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    rows = [json.loads(line) for line in each.read_text().splitlines()]
    names = ("ttft_ms", "e2e_latency_ms", "output_length")
    ttft, whole, answers = (np.array([row[name] for row in rows]) for name in names)
    told = json.loads(report.read_text())
    wall = told["wall_time_ms"] / 1e3
    return _figures(ttft / 1e3, (whole - ttft) / (answers - 1) / 1e3, told["output_throughput_tok_s"], len(rows) / wall)


def step_tables() -> Latencies:
    """A pass of Dynamo takes its prompts' time and its decode time together; the constant is in the latter."""
    prompts = np.arange(0.0, 2 * ENGINE.batched_tokens + 1)
    held, context = np.linspace(0, 2 * ENGINE.kv_tokens, 101), np.linspace(0, 20_000, 11)
    decode = np.repeat((ENGINE.step + ENGINE.context * held)[:, None], len(context), axis=1)
    return {
        "prefill_isl": prompts,
        "prefill_ttft_ms": 1e3 * ENGINE.prompt * prompts,
        "decode_active_kv_tokens": held,
        "decode_context_length": context,
        "decode_itl": 1e3 * decode,
    }


def _figures(
    ttft: NDArray[np.float64], itl: NDArray[np.float64], tokens_per_second: float, speed: float
) -> dict[str, float]:
    found = {}
    for name, seconds in (("ttft", ttft), ("itl", itl)):
        found[f"{name}_mean_ms"] = float(seconds.mean() * 1e3)
        found |= {f"{name}_p{p}_ms": float(np.percentile(seconds, p) * 1e3) for p in (50, 99)}
    return {**found, "output_tokens_per_second": float(tokens_per_second), "requests_per_wall_second": speed}


def _table(found: dict[str, dict[str, dict[str, float]]]) -> str:
    lines = []
    for case, both in found.items():
        lines += ["", case, f"{'':28}" + "".join(f"{name:>16}" for name in both)]
        lines += [f"{name:28}" + "".join(f"{of[name]:16,.2f}" for of in both.values()) for name in both["rorqual"]]
    return "\n".join(lines[1:])


if __name__ == "__main__":
    main()
