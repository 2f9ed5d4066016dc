"""Other requests from given ones: cut, put together, more or fewer of them."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.simulation.requests import Requests, requests_of

SPREAD_SECONDS = 10.0
"""Within which a copy is put about its original: copies at one instant would be a burst that nobody sent."""


def cut(requests: Requests, begin_seconds: float, end_seconds: float) -> Requests:
    """What arrives from `begin_seconds` until before `end_seconds`, counted from the former."""
    if not 0 <= begin_seconds < end_seconds <= requests.duration_seconds:
        raise ValueError(
            f"cut: expected a window within 0 and {requests.duration_seconds:g} s; "
            f"found {begin_seconds:g} to {end_seconds:g}"
        )
    first, last = np.searchsorted(requests.arrival_seconds, [begin_seconds, end_seconds])
    found = _taken(requests, np.arange(first, last))
    return replace(
        found, arrival_seconds=found.arrival_seconds - begin_seconds, duration_seconds=end_seconds - begin_seconds
    )


def concatenate(*parts: Requests) -> Requests:
    """One after the other, each beginning where the one before it ends."""
    begins = np.cumsum([0.0, *(part.duration_seconds for part in parts)])
    moved = [
        replace(part, arrival_seconds=part.arrival_seconds + begin, duration_seconds=part.duration_seconds + begin)
        for part, begin in zip(parts, begins[:-1].tolist(), strict=True)
    ]
    return overlay(*moved)


def repeat(requests: Requests, times: int) -> Requests:
    """The same again and again."""
    if times < 1:
        raise ValueError(f"repeat: expected 1 time or more; found {times}")
    return concatenate(*[requests] * times)


def overlay(*parts: Requests) -> Requests:
    """All of them at once, as long as the longest."""
    if not parts:
        raise ValueError("requests: expected one part or more; found none")
    return requests_of(
        np.concatenate([part.arrival_seconds for part in parts]),
        np.concatenate([part.input_tokens for part in parts]),
        np.concatenate([part.output_tokens for part in parts]),
        max(part.duration_seconds for part in parts),
        np.concatenate([part.cached_tokens for part in parts]),
    )


def scale_rate(
    requests: Requests, factor: float, generator: np.random.Generator, spread_seconds: float = SPREAD_SECONDS
) -> Requests:
    """`factor` times as many requests over the same time.

    Below 1 each is kept with that probability. Above, each comes `factor` times on average: itself, and copies of its
    lengths within `spread_seconds` about it, so that the rate keeps its shape over longer times than that.
    """
    if not 0 < factor < np.inf:
        raise ValueError(f"scale_rate: expected a factor above 0; found {factor:g}")
    whole, part = divmod(factor, 1.0)
    copies = (int(whole) + (generator.random(len(requests)) < part)).astype(np.int64)
    found = _taken(requests, np.repeat(np.arange(len(requests)), copies))
    first = np.cumsum(copies) - copies
    originals = np.zeros(len(found), dtype=bool)
    originals[first[copies > 0]] = True
    moved = np.where(originals, 0.0, generator.uniform(-spread_seconds / 2, spread_seconds / 2, len(found)))
    return requests_of(
        _reflected(found.arrival_seconds + moved, requests.duration_seconds),
        found.input_tokens,
        found.output_tokens,
        requests.duration_seconds,
        found.cached_tokens,
    )


def _reflected(seconds: NDArray[np.float64], duration: float) -> NDArray[np.float64]:
    """Times outside the run, mirrored at its ends."""
    inner = np.abs(seconds)
    return np.clip(np.where(inner > duration, 2 * duration - inner, inner), 0.0, duration)


def _taken(requests: Requests, places: NDArray[np.int64]) -> Requests:
    return Requests(
        requests.arrival_seconds[places],
        requests.input_tokens[places],
        requests.output_tokens[places],
        requests.cached_tokens[places],
        requests.duration_seconds,
    )
