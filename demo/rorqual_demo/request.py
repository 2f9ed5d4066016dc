"""One streamed request: sent to the pod that the picker names, measured, and retried once where that is safe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from rorqual_demo.clock import Clock
from rorqual_demo.endpoints import Endpoint
from rorqual_demo.picker import NoEndpointError, Picker
from rorqual_demo.sse import read_chunks
from rorqual_demo.trace import Arrival


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request. Times in seconds on the replay's clock; `error` is None when it was answered."""

    sent_at: float
    ended_at: float
    ttft_seconds: float | None = None
    tokens: int = 0
    pod: str | None = None
    retried: bool = False
    error: str | None = None

    @property
    def tpot_seconds(self) -> float | None:
        """Mean time between tokens after the first."""
        if self.ttft_seconds is None or self.tokens < 2:
            return None
        return (self.ended_at - self.sent_at - self.ttft_seconds) / (self.tokens - 1)


class Sender:
    """Sends requests for one model. `on_token` is called at each chunk with a token: seconds, and TTFT at the first."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        picker: Picker,
        model: str,
        clock: Clock,
        make_prompt: Callable[[int], str],
        on_token: Callable[[float, float | None], None] = lambda _at, _ttft: None,
    ) -> None:
        self._session = session
        self._picker = picker
        self._model = model
        self._clock = clock
        self._make_prompt = make_prompt
        self._on_token = on_token

    async def send(self, arrival: Arrival) -> Outcome:
        """Sends one request and reads its answer. Never raises, but for cancellation.

        A refused or reset connection before the first token means a pod that ends: another one is tried, once.
        """
        sent_at, refused = self._clock.now(), ""
        for retried in (False, True):
            try:
                with self._picker.pick(avoid=(refused,)) as endpoint:
                    return await self._stream(endpoint, arrival, sent_at, retried=retried)
            except NoEndpointError as error:
                return self._failed(sent_at, f"no ready pod: {error}", retried=retried)
            except aiohttp.ClientConnectionError as error:
                refused, cause = endpoint.pod, f"{type(error).__name__}: {error}"
        return self._failed(sent_at, cause, retried=True)

    async def _stream(self, endpoint: Endpoint, arrival: Arrival, sent_at: float, *, retried: bool) -> Outcome:
        """Raises ClientConnectionError while nothing of the answer has come."""
        ttft, chunks, told = None, 0, None
        error: str | None = None
        try:
            async with self._session.post(f"{endpoint.url}/v1/completions", json=self._body(arrival)) as response:
                if response.status != 200:
                    error = f"HTTP {response.status}: {(await response.text())[:200]}"
                async for chunk in read_chunks(response.content):
                    if chunk.has_token:
                        now, chunks = self._clock.now(), chunks + 1
                        self._on_token(now, now - sent_at if ttft is None else None)
                        ttft = now - sent_at if ttft is None else ttft
                    told, error = chunk.completion_tokens or told, chunk.error or error
        except (aiohttp.ClientError, TimeoutError, ValueError) as problem:
            if ttft is None and isinstance(problem, aiohttp.ClientConnectionError):
                raise
            error = f"{type(problem).__name__}: {problem}"
        if ttft is None and error is None:
            if told:  # its only token was half a character
                ttft = self._clock.now() - sent_at
            else:
                error = "the stream ended without a token"
        return Outcome(sent_at, self._clock.now(), ttft, told or chunks, endpoint.pod, retried, error)

    def _body(self, arrival: Arrival) -> dict[str, object]:
        return {
            "model": self._model,
            "prompt": self._make_prompt(arrival.prompt_tokens),
            "max_tokens": arrival.output_tokens,
            "ignore_eos": True,  # the trace says how long the answer is
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    def _failed(self, sent_at: float, error: str, *, retried: bool) -> Outcome:
        return Outcome(sent_at, self._clock.now(), retried=retried, error=error)
