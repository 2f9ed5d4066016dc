"""Server-sent events of the OpenAI completions API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

DONE = b"[DONE]"


@dataclass(frozen=True, slots=True)
class Chunk:
    """One event: whether it carries a token, and the answer's length where the event tells it."""

    has_token: bool
    completion_tokens: int | None = None
    error: str | None = None


async def read_chunks(lines: AsyncIterable[bytes]) -> AsyncIterator[Chunk]:
    """The chunks of a streamed answer. Raises ValueError for broken JSON.

    After [DONE] the stream is still read to its end, so that its connection can serve again.
    """
    done = False
    async for line in lines:
        if done or not line.startswith(b"data:"):
            continue  # blank lines, comments, other fields
        data = line[5:].strip()
        done = data == DONE
        if not done:
            yield parse_chunk(data)


def parse_chunk(data: bytes) -> Chunk:
    """One event's data, of /v1/completions or /v1/chat/completions."""
    event = json.loads(data)
    if error := event.get("error"):
        return Chunk(has_token=False, error=str(error.get("message", error)) if isinstance(error, dict) else str(error))
    usage = event.get("usage") or {}
    has_token = any(_has_token(choice) for choice in event.get("choices", ()))
    return Chunk(has_token, usage.get("completion_tokens"))


def _has_token(choice: dict[str, object]) -> bool:
    """A completion's token may be half a character, whose text is still empty; a chat's first event is the role."""
    delta = choice.get("delta")
    if isinstance(delta, dict):
        return bool(delta.get("content"))
    return bool(choice.get("text")) or choice.get("finish_reason") is None
