"""What one engine on this machine's GPU does: closed loops at several lengths, and two open traces.

    PYTHONPATH=engine:operator:e2e/sandbox:bench python bench/gpu/curves.py --out FILE [--seconds 6] [--port 8300]

vLLM has to be installed beside torch. Llama-3.1-8B with made-up weights, at most 256 sequences, vLLM's defaults else.
Times are the client's. `bench/gpu/law.py FILE` holds Rorqual's laws, which have seen none of it, against it.
"""

import argparse
import asyncio
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import aiohttp
import numpy as np
from engines import Vllm, wait_healthy, write_model
from models import LLAMA_8B
from simulator_vllm import Answer, Client, calibrate, figures, replay, trace

SEQUENCES = 256
CONTEXT_TOKENS = 4096
POINTS = {(512, 128): (1, 8, 32, 128, 256), (2048, 256): (1, 16, 64), (128, 512): (16, 128)}
"""Requests at once, by tokens of prompts and answers."""
LOADS = (0.5, 0.8)
"""Of what the engine can do at most."""
LOAD_SECONDS = 20.0
FLAGS = ("--dtype", "bfloat16", "--max-model-len", str(CONTEXT_TOKENS), "--max-num-seqs", str(SEQUENCES),
         "--no-enable-prefix-caching")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """A closed loop's medians, as `Observation` has them."""

    concurrency: int
    input_tokens: int
    output_tokens: int
    ttft_seconds: float
    tpot_seconds: float
    requests_per_second: float
    requests: int


async def closed_loop(client: Client, concurrency: int, prompt: int, answer: int, seconds: float) -> Point:
    """The clients begin spread over one answer's time, which is left out."""
    residence = (await client.ask(prompt, answer)).last
    began, over = time.perf_counter(), False
    warm = began + 2.0 * residence + 1.0
    found: list[tuple[float, Answer]] = []

    async def loop(place: int) -> None:
        await asyncio.sleep(residence * place / concurrency)
        while not over:
            one = await client.ask(prompt, answer)
            found.append((time.perf_counter(), one))

    clients = [asyncio.create_task(loop(place)) for place in range(concurrency)]
    await asyncio.sleep(max(0.0, warm - began) + max(seconds, 1.5 * residence))
    end, over = time.perf_counter(), True
    await asyncio.gather(*clients)
    seen = [one for at, one in found if warm <= at <= end]
    return Point(
        concurrency,
        prompt,
        answer,
        float(np.median([one.first for one in seen])),
        float(np.median([one.between for one in seen])),
        len(seen) / (end - warm),
        len(seen),
    )


async def cache_of(client: Client) -> dict[str, str]:
    """Labels of vllm:cache_config_info."""
    async with client.session.get(f"{client.url}/metrics") as response:
        text = await response.text()
    line = next(line for line in text.splitlines() if line.startswith("vllm:cache_config_info{"))
    pairs = line[line.index("{") + 1 : line.index("}")].split('",')
    return {name: value.strip('"') for name, value in (pair.split("=", 1) for pair in pairs if "=" in pair)}


async def measure(url: str, seconds: float, found: dict[str, object]) -> None:
    """Puts it into `found` as it comes, so that what ends it early costs no more than the rest."""
    connector, timeout = aiohttp.TCPConnector(limit=0, force_close=True), aiohttp.ClientTimeout(total=300)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        client = Client(session, url, "model", np.random.default_rng(1))
        await client.at_once(4, 256, 32)
        found["cache"] = await cache_of(client)
        points: list[dict[str, object]] = []
        found["points"] = points
        for (prompt, answer), concurrencies in POINTS.items():
            for concurrency in concurrencies:
                points.append(asdict(await closed_loop(client, concurrency, prompt, answer, seconds)))
                print(points[-1], flush=True)
        fitted = await calibrate(client, SEQUENCES // 2, repeats=1)
        found["fitted"] = asdict(fitted)
        print(fitted, flush=True)
        traces: list[dict[str, object]] = []
        found["traces"] = traces
        for load in LOADS:
            traces += [await one_trace(client, fitted, load)]


async def one_trace(client: Client, fitted, load: float) -> dict[str, object]:  # type: ignore[no-untyped-def]
    """What was asked, and what came."""
    requests = trace(fitted, SEQUENCES, load, LOAD_SECONDS, seed=1)
    answers = await replay(client, requests)
    ends = requests.arrival_seconds + np.array([one.last for one in answers])
    first, between = (np.array([getattr(one, name) for one in answers]) for name in ("first", "between"))
    seen = figures(first, between, float(requests.output_tokens.sum()), ends)
    print(load, len(requests), seen, flush=True)
    columns = ("arrival_seconds", "input_tokens", "output_tokens")
    asked = {name: np.round(getattr(requests, name), 5).tolist() for name in columns}
    return {"load": load, "seconds": LOAD_SECONDS, **asked, "vllm": seen}


def told_by(log: str) -> dict[str, object]:
    """What vLLM says of its memory; it rounds."""
    loaded = re.search(r"Model loading took ([0-9.]+) GiB", log)
    if loaded is None:
        raise ValueError("vLLM's log does not tell what the weights take")
    lines = [line for line in log.splitlines() if "GiB" in line or "KV cache size" in line]
    return {"weights_gib": float(loaded[1]), "log": lines}


def device() -> str:
    """Name, memory and driver, as nvidia-smi has them."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    return subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each closed loop, at least")
    parser.add_argument("--port", type=int, default=8300)
    parser.add_argument("--start-seconds", type=float, default=150.0, help="that the engine may take to start")
    parser.add_argument("--flag", action="append", default=[], help="of vLLM, besides")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "vllm.log"
        engine = Vllm("curves", write_model(Path(folder) / "model", LLAMA_8B), asked.port, (*FLAGS, *asked.flag), log)
        began = time.monotonic()
        engine.start()
        try:
            wait_healthy([engine], asked.start_seconds)
            started = time.monotonic() - began
            print(f"started in {started:.0f} s on {device()}", flush=True)
            found: dict[str, object] = {"device": device(), "flags": engine.flags, "start_seconds": round(started, 1)}
            found["vllm"] = version("vllm")
            try:
                asyncio.run(measure(engine.url, asked.seconds, found))
            finally:
                found |= told_by(log.read_text())
                asked.out.write_text(json.dumps(found))
        finally:
            engine.stop()


if __name__ == "__main__":
    main()
