"""Keeps the replay's books: what was sent, what came back, and how fast, over a sliding window and in all."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rorqual_demo.request import Outcome

_SHORTEST_SPAN_SECONDS = 1.0  # a rate over less, right after the begin, would be noise

_FEWEST_ANSWERS = 5  # a quantile of fewer would be one request's luck


@dataclass(frozen=True, slots=True)
class Load:
    """The load as its sender sees it. Rates and quantiles are over the window; counts since the begin.

    Quantiles are None while the window holds fewer than five answers.
    """

    requests_per_second: float
    in_flight: int
    tokens_per_second: float
    ttft_p50_seconds: float | None
    ttft_p95_seconds: float | None
    sent: int
    answered: int
    failed: int


class Ledger:
    """Books of one replay. `window_seconds` is how far the sliding figures look back."""

    def __init__(self, window_seconds: float = 10.0) -> None:
        self.window_seconds = window_seconds
        self.outcomes: list[Outcome] = []
        self._sent = 0
        self._failed = 0
        self._sent_at: deque[float] = deque()
        self._token_at: deque[float] = deque()
        self._ttfts: deque[tuple[float, float]] = deque()

    def note_sent(self, at: float) -> None:
        """A request leaves."""
        self._sent += 1
        self._sent_at.append(at)

    def note_token(self, at: float, ttft_seconds: float | None) -> None:
        """A chunk with a token arrived; `ttft_seconds` is given for a request's first."""
        self._token_at.append(at)
        if ttft_seconds is not None:
            self._ttfts.append((at, ttft_seconds))

    def note_outcome(self, outcome: Outcome) -> None:
        """A request ended."""
        self.outcomes.append(outcome)
        self._failed += outcome.error is not None

    def load(self, now: float) -> Load:
        """The figures at `now`, which never goes back."""
        self._forget(now - self.window_seconds)
        span = max(min(now, self.window_seconds), _SHORTEST_SPAN_SECONDS)
        ttfts = [ttft for _at, ttft in self._ttfts]
        return Load(
            requests_per_second=len(self._sent_at) / span,
            in_flight=self._sent - len(self.outcomes),
            tokens_per_second=len(self._token_at) / span,
            ttft_p50_seconds=quantile(ttfts, 0.5) if len(ttfts) >= _FEWEST_ANSWERS else None,
            ttft_p95_seconds=quantile(ttfts, 0.95) if len(ttfts) >= _FEWEST_ANSWERS else None,
            sent=self._sent,
            answered=len(self.outcomes) - self._failed,
            failed=self._failed,
        )

    def errors(self) -> Counter[str]:
        """Causes of failed requests, by count; without the particulars after the first colon."""
        return Counter(outcome.error.split(":")[0] for outcome in self.outcomes if outcome.error)

    def _forget(self, before: float) -> None:
        for times in (self._sent_at, self._token_at):
            while times and times[0] < before:
                times.popleft()
        while self._ttfts and self._ttfts[0][0] < before:
            self._ttfts.popleft()


def quantile(values: Iterable[float], share: float) -> float | None:
    """The `share` quantile (0..1, linear interpolation), None of nothing."""
    known = list(values)
    return float(np.quantile(known, share)) if known else None
