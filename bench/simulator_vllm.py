"""Real vLLM beside the simulator: its steps are measured with closed loops, then both answer the same open trace.

    python bench/simulator_vllm.py URL MODEL [--sequences 8] [--seconds 120] [--loads 0.4 0.7 0.9] [--json]

URL is an engine that serves nobody else, such as a pod of `rorqual sandbox up --engine vllm`, and --sequences is its
--max-num-seqs. Calibration fits the five seconds of a linear step, and what a request takes outside of steps, to the
means of closed loops. The trace is not used for it: Poisson arrivals, lognormal lengths, at shares of the throughput
that the fitted steps allow. Times are the client's.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from rorqual_engine.simulation.fleet import Fleet, Startup
from rorqual_engine.simulation.pool import Pool
from rorqual_engine.simulation.requests import Requests, requests_of
from rorqual_engine.simulation.state import Engine

BLOCK_TOKENS = 16
CONTEXT_TOKENS = 2000
"""Of the model, less what a tokenizer may add."""
VOCABULARY = (10, 250)
"""Token ids that prompts are drawn from."""
REPEATS = 3
PROMPTS = (16, 400, 800, 1600)
DECODES = ((1 / 8, 16), (1 / 4, 16), (1 / 2, 16), (1, 16), (1 / 2, 600), (1, 600), (1, 1200))
"""Share of the sequences that run at once, and tokens of each prompt."""
DECODED_TOKENS = 150
Column = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client saw: seconds from sending."""

    first: float
    last: float
    tokens: int

    @property
    def between(self) -> float:
        return (self.last - self.first) / max(1, self.tokens - 1)


@dataclass(frozen=True, slots=True)
class Client:
    """Sends prompts of random tokens to one engine."""

    session: aiohttp.ClientSession
    url: str
    model: str
    random: np.random.Generator

    async def ask(self, prompt_tokens: int, answer_tokens: int) -> Answer:
        body = {
            "model": self.model,
            "prompt": self.random.integers(*VOCABULARY, prompt_tokens).tolist(),
            "max_tokens": answer_tokens,
            "ignore_eos": True,
            "stream": True,
        }
        began, first = time.perf_counter(), 0.0
        async with self.session.post(f"{self.url}/v1/completions", json=body) as response:
            response.raise_for_status()
            async for line in response.content:
                if not first and line.startswith(b"data: {"):
                    first = time.perf_counter() - began
        return Answer(first, time.perf_counter() - began, answer_tokens)

    async def at_once(self, count: int, prompt_tokens: int, answer_tokens: int) -> list[Answer]:
        return list(await asyncio.gather(*(self.ask(prompt_tokens, answer_tokens) for _ in range(count))))


@dataclass(frozen=True, slots=True)
class Fitted:
    """An engine's steps, and the seconds of a request outside of them."""

    step: float
    sequence: float
    context: float
    prompt: float
    attention: float
    outside: float

    def engine(self, sequences: int, kv_tokens: int, batched_tokens: int) -> Engine:
        times = (self.step, self.sequence, self.context, self.prompt, self.attention)
        return Engine(sequences, kv_tokens, batched_tokens, BLOCK_TOKENS, *times, least_load=True)


async def calibrate(client: Client, sequences: int, repeats: int = REPEATS) -> Fitted:
    """Least squares over the time between tokens of closed loops, and over TTFT at rest."""
    await client.at_once(2, 64, 16)
    rows, seen = [], []
    for share, prompt in DECODES:
        count = max(1, round(share * sequences))
        rounds = [await client.at_once(count, prompt, DECODED_TOKENS) for _ in range(repeats)]
        rows.append((1.0, count, count * (prompt + DECODED_TOKENS / 2)))
        seen.append(float(np.median([_last_begun(answers).between for answers in rounds])))
    step, sequence, context = _fit(rows, seen)
    rows, seen = [], []
    for prompt in PROMPTS:
        answers = [one for _ in range(3 * repeats) for one in await client.at_once(1, prompt, 2)]
        rows.append((1.0, prompt, prompt * prompt / 2))
        seen.append(float(np.median([one.first for one in answers])))
    fixed, per_token, attention = _fit(rows, seen)
    return Fitted(step, sequence, context, per_token, attention, max(0.0, fixed - step))


def _last_begun(answers: Sequence[Answer]) -> Answer:
    """The one whose steps had no prompts of the others."""
    return max(answers, key=lambda one: one.first)


def _fit(rows: Sequence[Sequence[float]], seen: Sequence[float]) -> Column:
    """Non-negative, by relative error."""
    table, values = np.array(rows), np.array(seen)
    scale = np.abs(table).max(axis=0)
    found, _ = nnls(table / scale / values[:, None], np.ones(len(values)))
    fitted: Column = found / scale
    return fitted


def trace(fitted: Fitted, sequences: int, load: float, seconds: float, seed: int) -> Requests:
    """At that share of what the steps allow at most for such lengths."""
    random = np.random.default_rng(seed)
    count = 100_000
    prompts = np.clip(random.lognormal(5.3, 0.6, count), 16, CONTEXT_TOKENS // 2)
    answers = np.clip(random.lognormal(4.2, 0.6, count), 4, CONTEXT_TOKENS // 2)
    prompt, answer = float(prompts.mean()), float(answers.mean())
    token = fitted.step / sequences + fitted.sequence + fitted.context * (prompt + answer / 2)
    work = fitted.prompt * prompt + fitted.attention * prompt * prompt / 2 + answer * token
    at = np.cumsum(random.exponential(work / load, count))
    kept = int(np.searchsorted(at, seconds))
    return requests_of(at[:kept], prompts[:kept], answers[:kept], seconds)


async def replay(client: Client, requests: Requests) -> list[Answer]:
    """The real engine's answers to the requests at their times."""
    began = time.perf_counter()

    async def one(place: int) -> Answer:
        await asyncio.sleep(max(0.0, began + float(requests.arrival_seconds[place]) - time.perf_counter()))
        return await client.ask(int(requests.input_tokens[place]), int(requests.output_tokens[place]))

    return list(await asyncio.gather(*(one(place) for place in range(len(requests)))))


def simulated(requests: Requests, engine: Engine) -> Fleet:
    made = Fleet(requests, engine, Startup(0.0), Pool(), np.random.default_rng(0), most=1)
    made.begin(1)
    made.advance(np.inf)
    return made


def figures(ttft: Column, between: Column, tokens: float, ends: Column) -> dict[str, float]:
    """Latencies in ms, tokens a second until the last answer."""
    found = {f"ttft_p{p}_ms": float(np.percentile(ttft, p) * 1e3) for p in (50, 90)}
    found |= {f"itl_p{p}_ms": float(np.percentile(between, p) * 1e3) for p in (50, 90)}
    return {**found, "output_tokens_per_second": tokens / float(ends.max())}


async def compare(client: Client, fitted: Fitted, asked: argparse.Namespace, load: float) -> dict[str, object]:
    requests = trace(fitted, asked.sequences, load, asked.seconds, asked.seed)
    answers = await replay(client, requests)
    first, last = (np.array([getattr(one, name) for one in answers]) for name in ("first", "last"))
    real = figures(
        first,
        np.array([one.between for one in answers]),
        float(requests.output_tokens.sum()),
        requests.arrival_seconds + last,
    )
    state = simulated(requests, fitted.engine(asked.sequences, asked.kv_tokens, asked.batched_tokens)).state
    itl = (state.last - state.first) / np.maximum(1, state.output - 1)
    ours = figures(state.first - state.arrival + fitted.outside, itl, float(state.output.sum()), state.last)
    off = {name: ours[name] / real[name] - 1 for name in real}
    return {"load": load, "requests": len(requests), "vllm": real, "rorqual": ours, "off": off}


async def run(asked: argparse.Namespace) -> dict[str, object]:
    timeout = aiohttp.ClientTimeout(total=600)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        client = Client(session, asked.url.rstrip("/"), asked.model, np.random.default_rng(asked.seed))
        fitted = await calibrate(client, asked.sequences)
        rows = [await compare(client, fitted, asked, load) for load in asked.loads]
    return {"fitted": {name: getattr(fitted, name) for name in Fitted.__slots__}, "rows": rows}


def show(found: dict[str, object]) -> None:
    print("seconds: " + ", ".join(f"{name} {value:.3g}" for name, value in found["fitted"].items()))  # type: ignore[attr-defined]
    for row in found["rows"]:  # type: ignore[attr-defined]
        print(f"\nat {row['load']:.0%}, {row['requests']} requests\n{'':28}{'vLLM':>12}{'simulator':>12}{'off':>8}")
        for name, real in row["vllm"].items():
            print(f"{name:28}{real:12,.1f}{row['rorqual'][name]:12,.1f}{row['off'][name]:+8.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("model", help="name that it serves")
    parser.add_argument("--sequences", type=int, default=8, help="its --max-num-seqs")
    parser.add_argument("--batched-tokens", type=int, default=2048, help="its --max-num-batched-tokens")
    parser.add_argument("--kv-tokens", type=int, default=1_000_000, help="of its cache")
    parser.add_argument("--seconds", type=float, default=120.0, help="of each trace")
    parser.add_argument("--loads", type=float, nargs="+", default=[0.4, 0.7, 0.9])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = asyncio.run(run(asked))
    if asked.json:
        print(json.dumps(found, indent=1))
    else:
        show(found)


if __name__ == "__main__":
    main()
