"""Any CSV with a column for arrivals, one for prompts and one for answers, under one of the usual names.

Reads BurstGPT's and Vidur's files, and what `lines_of` writes.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from rorqual_engine.simulation.requests import Requests, requests_of
from rorqual_engine.simulation.traces.columns import Column, header_of, read_columns
from rorqual_engine.simulation.traces.errors import OnBadRow, TraceError, refuse
from rorqual_engine.simulation.traces.fields import DECIMAL, MOMENT, WHOLE, Kind

OFFSETS = ("arrival_s", "arrival_seconds", "offset_seconds", "arrived_at")
"""Seconds since the beginning of the run."""
MOMENTS = ("timestamp", "time", "arrival_time", "arrival")
"""ISO 8601, or seconds since whenever; the earliest is the beginning of the run."""
INPUTS = ("input_tokens", "prompt_tokens", "context_tokens", "request_tokens", "num_prefill_tokens", "input_length")
OUTPUTS = (
    "output_tokens", "generated_tokens", "completion_tokens", "response_tokens", "num_decode_tokens", "output_length"
)  # fmt: skip
CACHED = ("cached_tokens",)
"""May be missing."""


def read_plain(lines: Iterable[str], on_bad: OnBadRow = refuse) -> Requests:
    """Case and blanks in the header do not matter; 0 tokens count as 1; columns of other names are passed over."""
    rest = iter(lines)
    names = [_normal(name) for name in header_of(rest, "a header")]
    first = next(rest, "")
    columns = _columns(names, first)
    values = read_columns(chain([first], rest), columns, len(names), on_bad)
    arrivals = values[0] if columns[0].name in OFFSETS else values[0] - values[0].min()
    return requests_of(arrivals, values[1], values[2], cached_tokens=values[3] if len(values) > 3 else None)


def is_plain(header: Sequence[str]) -> bool:
    """Whether a header has the columns that a plain trace needs."""
    names = [_normal(name) for name in header]
    return all(_found(names, known) for known in ((*OFFSETS, *MOMENTS), INPUTS, OUTPUTS))


def lines_of(requests: Requests) -> Iterator[str]:
    """A trace that `read_plain` reads as the same requests, arrivals to the microsecond."""
    yield f"{OFFSETS[0]},{INPUTS[0]},{OUTPUTS[0]},{CACHED[0]}\n"
    columns = (requests.arrival_seconds, requests.input_tokens, requests.output_tokens, requests.cached_tokens)
    for arrival, prompt, answer, cached in zip(*columns, strict=True):
        yield f"{arrival:.6f},{prompt},{answer},{cached}\n"


def _columns(names: list[str], first_row: str) -> list[Column]:
    wanted = [
        _column(names, (*OFFSETS, *MOMENTS), "arrivals", DECIMAL),
        _column(names, INPUTS, "prompts", WHOLE),
        _column(names, OUTPUTS, "answers", WHOLE),
    ]
    arrivals = wanted[0]
    if arrivals.name in MOMENTS and _is_date(first_row.split(","), arrivals.place):
        wanted[0] = Column(arrivals.name, arrivals.place, MOMENT)
    if _found(names, CACHED):
        wanted.append(_column(names, CACHED, "cached prompts", WHOLE))
    return wanted


def _column(names: list[str], known: Sequence[str], meaning: str, kind: Kind) -> Column:
    found = _found(names, known)
    if len(found) != 1:
        many = f"{len(found)} of them" if found else "none"
        raise TraceError(
            f"line 1: expected one column of {meaning} ({', '.join(known)}); found {many} in {','.join(names)!r}"
        )
    return Column(names[found[0]], found[0], kind)


def _found(names: Sequence[str], known: Sequence[str]) -> list[int]:
    return [place for place, name in enumerate(names) if name in known]


def _normal(name: str) -> str:
    return name.strip().lower().replace(" ", "_")


def _is_date(fields: list[str], place: int) -> bool:
    """Whether a row's field has the dash after the year that no number has."""
    return place < len(fields) and fields[place][4:5] == "-"
