"""Requests of any kind, for hypothesis."""

import numpy as np
from hypothesis import strategies as st

from rorqual_engine.simulation.requests import Requests, requests_of

rows = st.tuples(
    st.integers(0, 10_000_000_000), st.integers(1, 200_000), st.integers(1, 10_000), st.integers(0, 200_000)
)
"""Microseconds of arrival, tokens in, out and cached."""


def of_rows(found: list[tuple[int, int, int, int]], duration: float = 10_000.0) -> Requests:
    at, prompts, answers, cached = (np.array(column) for column in zip(*found, strict=True))
    return requests_of(at / 1e6, prompts, answers, duration, cached)


some = st.lists(rows, min_size=1, max_size=30).map(of_rows)
