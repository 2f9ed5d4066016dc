"""What arrives: the requests of one run, as columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]
Tokens = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests in the order of their arrival; every array has one entry a request."""

    arrival_seconds: Seconds
    """Since the beginning of the run; ascending."""
    input_tokens: Tokens
    output_tokens: Tokens
    cached_tokens: Tokens
    """Of the prompt, already held by every replica's prefix cache."""
    duration_seconds: float
    """Of the whole run; some of it may follow the last arrival."""

    def __post_init__(self) -> None:
        lengths = {len(self.arrival_seconds), len(self.input_tokens), len(self.output_tokens), len(self.cached_tokens)}
        if len(lengths) > 1:
            raise ValueError(f"requests: columns of {sorted(lengths)} entries; expected one entry a request in each")
        if len(self) == 0:
            return
        if not np.isfinite(self.arrival_seconds).all():
            raise ValueError("requests: arrival_seconds must be finite")
        if np.any(np.diff(self.arrival_seconds) < 0) or self.arrival_seconds[0] < 0:
            raise ValueError("requests: arrival_seconds must ascend from 0 or later")
        if self.arrival_seconds[-1] > self.duration_seconds:
            raise ValueError(
                f"requests: the last arrives at {self.arrival_seconds[-1]:g} s, "
                f"after the end of the run at {self.duration_seconds:g} s"
            )
        if self.input_tokens.min() < 1 or self.output_tokens.min() < 1:
            raise ValueError("requests: every prompt and every answer has at least 1 token")
        if self.cached_tokens.min() < 0 or np.any(self.cached_tokens >= self.input_tokens):
            raise ValueError("requests: cached_tokens must be at least 0 and below input_tokens")

    def __len__(self) -> int:
        return len(self.arrival_seconds)

    @property
    def requests_per_second(self) -> float:
        """Mean over the run."""
        return len(self) / self.duration_seconds if self.duration_seconds > 0 else 0.0


_NONE = np.zeros(0, dtype=np.int32)
NO_REQUESTS = Requests(np.zeros(0), _NONE, _NONE, _NONE, 0.0)


def requests_of(
    arrival_seconds: Seconds,
    input_tokens: NDArray[np.number],
    output_tokens: NDArray[np.number],
    duration_seconds: float | None = None,
    cached_tokens: NDArray[np.number] | None = None,
) -> Requests:
    """Requests from columns of any numeric type, in any order; lengths are rounded and are at least 1."""
    order = np.argsort(arrival_seconds, kind="stable")
    arrivals = np.asarray(arrival_seconds, dtype=np.float64)[order]
    prompts = np.maximum(np.rint(input_tokens), 1).astype(np.int32)[order]
    answers = np.maximum(np.rint(output_tokens), 1).astype(np.int32)[order]
    cached = np.zeros_like(prompts) if cached_tokens is None else np.rint(cached_tokens).astype(np.int32)[order]
    last = float(arrivals[-1]) if len(arrivals) else 0.0
    return Requests(
        arrivals,
        prompts,
        answers,
        np.minimum(cached, prompts - 1),
        last if duration_seconds is None else duration_seconds,
    )
