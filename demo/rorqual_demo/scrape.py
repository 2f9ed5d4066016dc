"""Reads queue and KV cache from the engines' own /metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import aiohttp

from rorqual_demo.endpoints import Endpoint

RUNNING = "vllm:num_requests_running"
WAITING = "vllm:num_requests_waiting"
KV_USE = "vllm:kv_cache_usage_perc"
_TIMEOUT = aiohttp.ClientTimeout(total=2)


@dataclass(frozen=True, slots=True)
class EngineGauges:
    """One engine's gauges at one moment; `kv_use` is 0..1, None where the engine does not tell it."""

    running: float
    waiting: float
    kv_use: float | None


def parse_gauges(text: str) -> EngineGauges:
    """Gauges of vLLM's Prometheus text, summed over series (KV use: their largest)."""
    values: dict[str, list[float]] = {RUNNING: [], WAITING: [], KV_USE: []}
    for line in text.splitlines():
        name = line.partition("{")[0].partition(" ")[0]
        if name in values:
            values[name].append(float(line.rsplit(" ", 1)[1]))
    return EngineGauges(sum(values[RUNNING]), sum(values[WAITING]), max(values[KV_USE], default=None))


async def scrape(session: aiohttp.ClientSession, endpoints: Iterable[Endpoint]) -> Mapping[str, EngineGauges]:
    """Gauges by pod name, of the pods that answered within two seconds."""
    targets = list(endpoints)
    found = await asyncio.gather(*(_scrape_one(session, endpoint) for endpoint in targets))
    return {endpoint.pod: gauges for endpoint, gauges in zip(targets, found, strict=True) if gauges is not None}


async def _scrape_one(session: aiohttp.ClientSession, endpoint: Endpoint) -> EngineGauges | None:
    try:
        async with session.get(f"{endpoint.url}/metrics", timeout=_TIMEOUT) as response:
            return parse_gauges(await response.text()) if response.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None
