"""Mooncake's traces: one JSON object a line with timestamp (ms), input_length, output_length and hash_ids.

https://github.com/kvcache-ai/Mooncake; NVIDIA's Dynamo reads and writes the same. A hash id stands for 512 tokens and
all that came before them, so equal ids mean an equal prefix.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rorqual_engine.simulation.requests import Requests, requests_of
from rorqual_engine.simulation.traces.errors import BadRow, OnBadRow, TraceError, refuse

BLOCK_TOKENS = 512
PrefixCache = Literal["infinite", "none"]
_MOST_TOKENS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class _Row:
    milliseconds: float
    input_tokens: int
    output_tokens: int
    blocks: tuple[int, ...]


def read_mooncake(
    lines: Iterable[str],
    prefix_cache: PrefixCache = "infinite",
    block_tokens: int = BLOCK_TOKENS,
    on_bad: OnBadRow = refuse,
) -> Requests:
    """Time stamps count from 0. With an infinite prefix cache, what an earlier request's prompt began with is cached.

    0 tokens count as 1. A request without hash_ids shares nothing.
    """
    rows = sorted(_rows(lines, on_bad), key=lambda row: row.milliseconds)
    if not rows:
        raise TraceError("expected rows with timestamp, input_length and output_length; found none that is good")
    shared = _shared_blocks(rows) if prefix_cache == "infinite" else [0] * len(rows)
    return requests_of(
        np.array([row.milliseconds for row in rows]) / 1e3,
        np.array([row.input_tokens for row in rows]),
        np.array([row.output_tokens for row in rows]),
        cached_tokens=np.array(shared) * block_tokens,
    )


def write_mooncake(requests: Requests, block_tokens: int = BLOCK_TOKENS) -> Iterator[str]:
    """One line a request, as Mooncake's and Dynamo's tools read it; all prompts are new, `cached_tokens` left out."""
    columns = zip(requests.arrival_seconds, requests.input_tokens, requests.output_tokens, strict=True)
    begin = 0
    for at, prompt, answer in columns:
        end = begin - int(-prompt // block_tokens)
        row = {
            "timestamp": float(at) * 1e3,
            "input_length": int(prompt),
            "output_length": int(answer),
            "hash_ids": list(range(begin, end)),
        }
        begin = end
        yield json.dumps(row)


def _shared_blocks(rows: Iterable[_Row]) -> list[int]:
    """How many of each request's first blocks came in an earlier one."""
    seen: set[int] = set()
    shared = []
    for row in rows:
        count = next((place for place, block in enumerate(row.blocks) if block not in seen), len(row.blocks))
        seen.update(row.blocks)
        shared.append(count)
    return shared


def _rows(lines: Iterable[str], on_bad: OnBadRow) -> Iterator[_Row]:
    for number, line in enumerate(lines, start=1):
        text = line.lstrip("\ufeff").strip()
        if not text:
            continue
        try:
            yield _row(json.loads(text))
        except json.JSONDecodeError:
            on_bad(BadRow(number, "a JSON object", text))
        except TraceError as error:
            on_bad(BadRow(number, str(error), text))


def _row(found: Any) -> _Row:
    if not isinstance(found, dict):
        raise TraceError("a JSON object")
    blocks = found.get("hash_ids", [])
    if not isinstance(blocks, list) or not all(isinstance(block, int) for block in blocks):
        raise TraceError("hash_ids as a list of whole numbers")
    return _Row(_milliseconds(found), _tokens(found, "input_length"), _tokens(found, "output_length"), tuple(blocks))


def _milliseconds(found: dict[str, Any]) -> float:
    value = found.get("timestamp")
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return float(value)
    raise TraceError("timestamp as a number of 0 or more")


def _tokens(found: dict[str, Any], name: str) -> int:
    value = found.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS:
        return value
    raise TraceError(f"{name} as a whole number of 0 or more")
