"""Request traces: when requests came, how long their prompts and answers were."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from rorqual_demo.errors import TraceError

PACKAGED = "azure_conv_2023.csv.gz"
COLUMNS = ("offset_seconds", "context_tokens", "generated_tokens")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request of a trace, `offset_seconds` after its begin."""

    offset_seconds: float
    prompt_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Scaling:
    """How a trace is made to fit a small machine and a short time. 1 everywhere replays it as it was.

    `compress`: trace seconds per wall-clock second. `one_in`: every n-th request is sent. `shorten`: prompts and
    answers are divided by it (down to one token); longer ones are then cut to `longest_prompt` and `longest_answer`.
    """

    compress: float = 1.0
    one_in: int = 1
    shorten: float = 1.0
    longest_prompt: int = 4096
    longest_answer: int = 4096

    def __str__(self) -> str:
        sent = "every request" if self.one_in == 1 else f"1 request in {self.one_in}"
        lengths = "" if self.shorten == 1 else f"texts {self.shorten:g}× shorter, "
        return f"{self.compress:g}× faster, {sent}, {lengths}answers ≤ {self.longest_answer} tokens"


def packaged_trace() -> Traversable:
    """The stretch of the Azure conversation trace that comes with the demo (CC-BY 4.0, see data/NOTICE)."""
    return resources.files("rorqual_demo") / "data" / PACKAGED


def read_trace(path: Path | Traversable) -> tuple[Arrival, ...]:
    """The arrivals of a gzipped CSV of offset_seconds, context_tokens, generated_tokens. Raises TraceError."""
    try:
        with path.open("rb") as raw, gzip.open(raw, "rt", newline="") as text:
            rows = csv.reader(text)
            header = tuple(next(rows, ()))
            if header != COLUMNS:
                raise TraceError(f"{path}: expected the columns {', '.join(COLUMNS)}, found {', '.join(header)}")
            arrivals = tuple(Arrival(float(at), int(prompt), int(output)) for at, prompt, output in rows)
    except (OSError, EOFError, ValueError) as error:
        raise TraceError(f"{path}: not a gzipped CSV of {', '.join(COLUMNS)}: {error}") from error
    if not arrivals:
        raise TraceError(f"{path}: no requests in it")
    return arrivals


def cut_around_peak(trace: Sequence[Arrival], span_seconds: float) -> tuple[Arrival, ...]:
    """A stretch of `span_seconds` with the busiest minute in its middle, moved inward where the trace ends.

    Offsets count from the stretch's begin. A span longer than the trace raises TraceError.
    """
    end = trace[-1].offset_seconds
    if span_seconds > end:
        raise TraceError(
            f"the trace lasts {end / 60:.1f} minutes, {span_seconds / 60:.1f} are asked for: "
            "lower --minutes or --compress"
        )
    begin = min(max(busiest_minute(trace) * 60 + 30 - span_seconds / 2, 0.0), end - span_seconds)
    return tuple(
        Arrival(one.offset_seconds - begin, one.prompt_tokens, one.output_tokens)
        for one in trace
        if begin <= one.offset_seconds < begin + span_seconds
    )


def busiest_minute(trace: Sequence[Arrival]) -> int:
    """Number of the minute with most arrivals; the earliest of equals."""
    counts: dict[int, int] = {}
    for one in trace:
        minute = int(one.offset_seconds // 60)
        counts[minute] = counts.get(minute, 0) + 1
    return max(counts, key=lambda minute: (counts[minute], -minute))


def scale(trace: Sequence[Arrival], scaling: Scaling) -> tuple[Arrival, ...]:
    """The arrivals as they are replayed: offsets in wall-clock seconds."""
    return tuple(
        Arrival(
            one.offset_seconds / scaling.compress,
            _shorten(one.prompt_tokens, scaling.shorten, scaling.longest_prompt),
            _shorten(one.output_tokens, scaling.shorten, scaling.longest_answer),
        )
        for one in trace[:: scaling.one_in]
    )


def _shorten(tokens: int, divisor: float, longest: int) -> int:
    return min(max(1, round(tokens / divisor)), longest)
