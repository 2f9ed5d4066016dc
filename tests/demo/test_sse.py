from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import pytest

from rorqual_demo.sse import Chunk, parse_chunk, read_chunks


async def lines(*texts: str) -> AsyncIterator[bytes]:
    for text in texts:
        yield text.encode()


async def chunks(texts: Iterable[str]) -> list[Chunk]:
    return [chunk async for chunk in read_chunks(lines(*texts))]


async def test_a_completion_stream() -> None:
    found = await chunks(
        [
            'data: {"choices":[{"text":"Give "}],"usage":null}\n',
            "\n",
            ": a comment\n",
            'data: {"choices":[{"text":"","finish_reason":"length"}]}\n',
            'data: {"choices":[],"usage":{"completion_tokens":6}}\n',
            "data: [DONE]\n",
            'data: {"choices":[{"text":"after the end"}]}\n',
        ]
    )
    assert found == [Chunk(has_token=True), Chunk(has_token=False), Chunk(has_token=False, completion_tokens=6)]


def test_a_chat_chunk() -> None:
    assert parse_chunk(b'{"choices":[{"delta":{"content":"hi"}}]}').has_token
    assert not parse_chunk(b'{"choices":[{"delta":{"role":"assistant"}}]}').has_token


def test_half_a_character_is_a_token() -> None:
    assert parse_chunk(b'{"choices":[{"text":"","finish_reason":null}]}').has_token
    assert not parse_chunk(b'{"choices":[{"text":"","finish_reason":"length"}]}').has_token


def test_an_error_event() -> None:
    assert parse_chunk(b'{"error":{"message":"out of memory"}}').error == "out of memory"


async def test_broken_json_is_an_error() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        await chunks(["data: {oops\n"])
