"""How well scores tell labelled events: VUS-PR as TSB-AD defines it, AUC-PR, and what a threshold finds.

VUS-PR (Paparrizos and others 2022; `RangeAUC_volume_opt` of TSB-AD 1.5): the area under the curve of precision over
recall, where labels fade out over a buffer on both sides of an event and recall is multiplied by the share of events
that are touched, averaged over buffers from 0 to the window. No point adjustment.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
THRESHOLDS = 250

Span = tuple[int, int]
"""First and last sample of an event."""


def events_of(labels: NDArray[np.integer]) -> list[Span]:
    """Runs of samples labelled 1."""
    edges = np.diff(np.concatenate([[0], labels.astype(np.int64), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), (np.flatnonzero(edges == -1) - 1).tolist(), strict=True))


def vus_pr(labels: NDArray[np.integer], scores: Array, window: int) -> float:
    """Needs at least one event."""
    events = events_of(labels)
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    limits = ranked[np.linspace(0, len(scores) - 1, THRESHOLDS).astype(int)]
    predicted = np.searchsorted(-ranked, -limits, side="right")
    positive = float(labels.sum())
    areas = []
    for buffer in range(window + 1):
        soft = _extended(labels, events, buffer)
        found = np.concatenate([[0.0], np.cumsum(soft[order])])[predicted]
        outside = np.concatenate([[0.0], np.cumsum(np.where(labels, 0.0, soft)[order])])[predicted]
        merged = _merged(events, buffer, len(labels))
        highest = np.array([scores[first : last + 1].max() for first, last in merged])
        touched = (highest[None, :] >= limits[:, None]).mean(axis=1)
        recall = np.minimum(found / ((positive + positive + outside) / 2), 1.0) * touched
        steps = np.diff(np.concatenate([[0.0], recall]))
        areas.append(float(steps @ (found / predicted)))
    return float(np.mean(areas))


def _extended(labels: NDArray[np.integer], events: Sequence[Span], buffer: int) -> Array:
    soft = labels.astype(np.float64)
    for first, last in events:
        after = np.arange(last + 1, min(last + buffer // 2 + 1, len(labels)))
        soft[after] += np.sqrt(1 - (after - last) / max(buffer, 1))
        before = np.arange(max(first - buffer // 2, 0), first)
        soft[before] += np.sqrt(1 - (first - before) / max(buffer, 1))
    return np.minimum(soft, 1.0)


def _merged(events: Sequence[Span], buffer: int, samples: int) -> list[Span]:
    """Events with their buffers; those that touch are one."""
    half = buffer // 2
    merged, begin = [], max(events[0][0] - half, 0)
    for (_, last), (first, _) in pairwise(events):
        if last + half < first - half:
            merged.append((begin, last + half))
            begin = first - half
    return [*merged, (begin, min(events[-1][1] + half, samples - 1))]


def auc_pr(labels: NDArray[np.integer], scores: Array) -> float:
    """Average precision."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order])
    precision = hits / np.arange(1, len(scores) + 1)
    return float((precision * labels[order]).sum() / max(1, labels.sum()))


def found_events(labels: NDArray[np.integer], alarms: Sequence[Span]) -> tuple[int, list[int], int]:
    """Events that an alarm overlaps, the samples from their begin until it, and alarms that overlap none."""
    delays = []
    events = events_of(labels)
    for first, last in events:
        hits = [max(begin, first) for begin, end in alarms if begin <= last and end >= first]
        if hits:
            delays.append(min(hits) - first)
    false = sum(not any(begin <= last and end >= first for first, last in events) for begin, end in alarms)
    return len(delays), delays, false
