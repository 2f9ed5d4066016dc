"""Requests from a trace of any known format, told by its first line."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np

from rorqual_engine.simulation.requests import Requests
from rorqual_engine.simulation.traces import azure, servegen
from rorqual_engine.simulation.traces.columns import names_in
from rorqual_engine.simulation.traces.errors import OnBadRow, TraceError, refuse
from rorqual_engine.simulation.traces.mooncake import PrefixCache, read_mooncake
from rorqual_engine.simulation.traces.plain import is_plain, read_plain

FORMATS = (
    "Mooncake (JSON lines), Azure (TIMESTAMP,ContextTokens,GeneratedTokens), ServeGen rates (t_s,req_per_s), "
    "or a CSV with columns such as arrival_s, input_tokens and output_tokens"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader must be told besides the file."""

    on_bad: OnBadRow = refuse
    prefix_cache: PrefixCache = "infinite"
    """Of formats that tell which prefixes are shared."""
    draw: servegen.Draw | None = None
    """Of formats that hold rates only."""
    seed: int = 0
    """Of what is drawn."""


def read_trace(lines: Iterable[str], reading: Reading | None = None) -> Requests:
    """The requests; TraceError when the format is not known or a row is refused."""
    rest = iter(lines)
    first = next(rest, "")
    reader = _reader(first)
    if reader is None:
        found = repr(first.strip()[:80]) if first.strip() else "nothing"
        raise TraceError(f"line 1: expected {FORMATS}; found {found}")
    return reader(chain([first], rest), reading or Reading())


def _reader(first: str) -> Callable[[Iterable[str], Reading], Requests] | None:
    names = names_in(first)
    if first.lstrip("\ufeff \t").startswith("{"):
        return _mooncake
    if names == azure.HEADER:
        return _azure
    if names == servegen.HEADER:
        return _servegen
    return _plain if is_plain(names) else None


def _mooncake(lines: Iterable[str], reading: Reading) -> Requests:
    return read_mooncake(lines, reading.prefix_cache, on_bad=reading.on_bad)


def _azure(lines: Iterable[str], reading: Reading) -> Requests:
    return azure.read_azure(lines, reading.on_bad)


def _plain(lines: Iterable[str], reading: Reading) -> Requests:
    return read_plain(lines, reading.on_bad)


def _servegen(lines: Iterable[str], reading: Reading) -> Requests:
    if reading.draw is None:
        raise TraceError("rates: expected the lengths to draw with them; found none")
    rates = servegen.read_rates(lines, reading.on_bad)
    return servegen.draw_at(rates, reading.draw, np.random.default_rng(reading.seed))
