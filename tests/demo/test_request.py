from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from rorqual_demo.endpoints import Endpoint
from rorqual_demo.picker import Picker
from rorqual_demo.prompts import LetterPrompts, WordPrompts
from rorqual_demo.request import Outcome, Sender
from rorqual_demo.trace import Arrival

from .objects import FakeClock

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def engine(handler: Handler) -> AsyncIterator[Endpoint]:
    app = web.Application()
    app.router.add_post("/v1/completions", handler)
    async with TestServer(app, host="127.0.0.1") as server:
        assert server.port is not None
        yield Endpoint("served", "127.0.0.1", server.port)


async def send(clock: FakeClock, *endpoints: Endpoint, tokens: list[float | None] | None = None) -> Outcome:
    picker = Picker()
    picker.update(endpoints)
    noted: list[float | None] = [] if tokens is None else tokens
    async with aiohttp.ClientSession() as session:
        sender = Sender(
            session, picker, "m", clock, WordPrompts(random.Random(1)), lambda _at, ttft: noted.append(ttft)
        )
        return await sender.send(Arrival(0.0, prompt_tokens=5, output_tokens=3))


def event(**fields: object) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def streaming(clock: FakeClock, *pauses: float) -> Handler:
    """Sends a token after each pause, on the test's clock, then the usage."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for number, pause in enumerate(pauses):
            clock.time += pause
            await response.write(event(choices=[{"text": f"t{number} "}]))
            await asyncio.sleep(0.02)  # lets the client read this token before the clock moves on
        await response.write(event(choices=[], usage={"completion_tokens": len(pauses)}))
        await response.write(b"data: [DONE]\n\n")
        return response

    return handle


async def test_ttft_tpot_and_tokens_are_measured() -> None:
    clock, noted = FakeClock(), list[float | None]()
    async with engine(streaming(clock, 0.5, 0.1, 0.1)) as endpoint:
        outcome = await send(clock, endpoint, tokens=noted)
    assert outcome.error is None and outcome.pod == "served"
    assert (outcome.ttft_seconds, outcome.tokens) == (0.5, 3)
    assert outcome.tpot_seconds == pytest.approx(0.1)
    assert noted == [0.5, None, None]


async def test_the_body_asks_for_what_the_trace_says() -> None:
    bodies = []

    async def handle(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        return web.Response(body=event(choices=[{"text": "x"}]))

    async with engine(handle) as endpoint:
        await send(FakeClock(), endpoint)
    assert bodies[0] | {"prompt": ""} == {
        "model": "m",
        "prompt": "",
        "max_tokens": 3,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert len(bodies[0]["prompt"].split()) == 5


async def test_a_refused_connection_is_tried_elsewhere_once() -> None:
    clock = FakeClock()
    async with engine(streaming(clock, 0.2)) as endpoint:
        gone = Endpoint("gone", "127.0.0.1", unused_port())
        outcome = await send(clock, gone, endpoint)
    assert (outcome.pod, outcome.retried, outcome.error) == ("served", True, None)


async def test_two_refusals_are_an_error() -> None:
    gone = [Endpoint(name, "127.0.0.1", unused_port()) for name in ("a", "b", "c")]
    outcome = await send(FakeClock(), *gone)
    assert outcome.retried and outcome.error and outcome.error.startswith("ClientConnectorError")


async def test_nobody_there_is_an_error() -> None:
    outcome = await send(FakeClock())
    assert outcome.error and outcome.error.startswith("no ready pod") and not outcome.retried


async def test_a_refusing_answer_is_an_error_and_not_retried() -> None:
    async def handle(_request: web.Request) -> web.Response:
        return web.Response(status=429, text="too many requests")

    async with engine(handle) as endpoint:
        outcome = await send(FakeClock(), endpoint)
    assert (outcome.error, outcome.retried) == ("HTTP 429: too many requests", False)


async def test_a_stream_that_breaks_midway_is_an_error_and_not_retried() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(event(choices=[{"text": "x"}]))
        assert request.transport
        request.transport.close()
        return response

    async with engine(handle) as endpoint:
        outcome = await send(FakeClock(), endpoint)
    assert outcome.ttft_seconds is not None and outcome.error and not outcome.retried


async def test_an_answer_of_half_a_character_is_no_error() -> None:
    async def handle(_request: web.Request) -> web.Response:
        last = event(choices=[{"text": "", "finish_reason": "length"}])
        return web.Response(body=last + event(choices=[], usage={"completion_tokens": 1}))

    async with engine(handle) as endpoint:
        outcome = await send(FakeClock(), endpoint)
    assert (outcome.error, outcome.tokens, outcome.ttft_seconds) == (None, 1, 0.0)


async def test_an_empty_stream_is_an_error() -> None:
    async def handle(_request: web.Request) -> web.Response:
        return web.Response(body=b"data: [DONE]\n\n")

    async with engine(handle) as endpoint:
        outcome = await send(FakeClock(), endpoint)
    assert outcome.error == "the stream ended without a token"


def test_prompts_have_their_length_and_differ() -> None:
    words, letters = WordPrompts(random.Random(1)), LetterPrompts(random.Random(1))
    assert len(words(7).split()) == 7 and len(words(1).split()) == 1
    assert len(letters(30)) == 30
    assert words(50) != words(50) and letters(50) != letters(50)
