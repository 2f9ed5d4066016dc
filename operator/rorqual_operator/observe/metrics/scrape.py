"""Metrics straight from the engines' /metrics: for clusters without Prometheus, and when Prometheus is silent."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from rorqual_operator.observe.metrics.normalise import Series, to_sample
from rorqual_operator.observe.metrics.sample import Sample
from rorqual_operator.observe.metrics.source import Target
from rorqual_operator.observe.reflector import Key

LARGEST_BYTES = 4 * 1024 * 1024


def parse(text: str) -> Iterable[Series]:
    """The series of a text exposition. Raises ValueError for text that is none."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


class ScrapeSource:
    """Reads each engine over HTTP. Use as an async context manager."""

    name = "scrape"

    def __init__(self, timeout_seconds: float, concurrency: int, clock: Callable[[], float]) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._places = asyncio.Semaphore(concurrency)
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "ScrapeSource":
        self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def read(self, targets: Sequence[Target]) -> Mapping[Key, Sample]:
        found = await asyncio.gather(*(self._one(target) for target in targets))
        return {target.pod: sample for target, sample in zip(targets, found, strict=True) if sample}

    async def _one(self, target: Target) -> Sample | None:
        if self._session is None:
            raise RuntimeError("ScrapeSource must be entered as an async context manager before use")
        try:
            async with self._places, self._session.get(f"http://{target.address}/metrics") as response:
                response.raise_for_status()
                text = await _text(response)
            return to_sample(self._clock(), self.name, parse(text))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None  # the pod is reported as unanswered


async def _text(response: aiohttp.ClientResponse) -> str:
    """The body, of which no more than LARGEST_BYTES is read. Raises ValueError for more."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(2**16):
        body += chunk
        if len(body) > LARGEST_BYTES:
            raise ValueError(f"more than {LARGEST_BYTES} bytes of metrics")
    return body.decode()
