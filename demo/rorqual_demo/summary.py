"""The demo in figures: all of them counted or measured during this one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rorqual_demo.frame import Frame
from rorqual_demo.history import History, SeenDecision
from rorqual_demo.ledger import Ledger, quantile
from rorqual_demo.request import Outcome
from rorqual_demo.scene import Scene

_HOUR = 3600.0
_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of the replay, by when requests were sent. `in_time`: share with a TTFT within the objective."""

    number: int
    sent: int
    ttft_p95_seconds: float | None
    in_time: float
    replicas_ready: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Latencies in seconds as the clients saw them; GPU-hours are those that the pods held, in wall-clock time."""

    sent: int
    answered: int
    retried: int
    errors: Mapping[str, int]
    tokens: int
    ttft_p50_seconds: float | None
    ttft_p95_seconds: float | None
    tpot_p50_seconds: float | None
    in_time: float
    replicas_least: int
    replicas_most: int
    gpu_hours: float
    gpu_hours_static: float
    minutes: tuple[Minute, ...]
    changes: tuple[SeenDecision, ...]
    holds: int


def summarise(scene: Scene, history: History, ledger: Ledger) -> Summary:
    """Figures of a whole run."""
    outcomes, frames = ledger.outcomes, history.frames
    ttfts = [one.ttft_seconds for one in outcomes if one.ttft_seconds is not None]
    ready = [frame.replicas.ready for frame in frames]
    return Summary(
        sent=len(outcomes),
        answered=sum(one.error is None for one in outcomes),
        retried=sum(one.retried for one in outcomes),
        errors=ledger.errors(),
        tokens=sum(one.tokens for one in outcomes),
        ttft_p50_seconds=quantile(ttfts, 0.5),
        ttft_p95_seconds=quantile(ttfts, 0.95),
        tpot_p50_seconds=quantile((one.tpot_seconds for one in outcomes if one.tpot_seconds is not None), 0.5),
        in_time=share_in_time(outcomes, scene.ttft_objective_seconds),
        replicas_least=min(ready, default=0),
        replicas_most=max(ready, default=0),
        gpu_hours=gpu_hours(frames),
        gpu_hours_static=static_gpu_hours(frames, scene.max_replicas),
        minutes=tuple(_by_minute(scene, history, outcomes)),
        changes=tuple(history.changes),
        holds=len(history.decisions) - len(history.changes),
    )


def share_in_time(outcomes: Sequence[Outcome], objective_seconds: float) -> float:
    """Share of all requests, failed ones included, that were answered with a TTFT within the objective; 0 of none."""
    good = sum(
        one.error is None and one.ttft_seconds is not None and one.ttft_seconds <= objective_seconds for one in outcomes
    )
    return good / len(outcomes) if outcomes else 0.0


def gpu_hours(frames: Sequence[Frame]) -> float:
    """GPUs that pods held, starting and ending ones included, integrated over the frames."""
    return sum(before.replicas.gpus * (after.at - before.at) for before, after in pairwise(frames)) / _HOUR


def static_gpu_hours(frames: Sequence[Frame], replicas: int) -> float:
    """What `replicas` would have held all the time, with as many GPUs each as the pods of the run had."""
    if not frames:
        return 0.0
    each = max((_gpus_each(frame) for frame in frames), default=0.0)
    return replicas * each * (frames[-1].at - frames[0].at) / _HOUR


def _gpus_each(frame: Frame) -> float:
    pods = frame.replicas.ready + frame.replicas.starting + frame.replicas.ending
    return frame.replicas.gpus / pods if pods else 0.0


def _by_minute(scene: Scene, history: History, outcomes: Sequence[Outcome]) -> Iterator[Minute]:
    for number in range(int(max((one.sent_at for one in outcomes), default=-1.0) // _MINUTE) + 1):
        sent = [one for one in outcomes if one.sent_at // _MINUTE == number]
        ready = [frame.replicas.ready for frame in history.frames if frame.at // _MINUTE == number]
        yield Minute(
            number=number + 1,
            sent=len(sent),
            ttft_p95_seconds=quantile((one.ttft_seconds for one in sent if one.ttft_seconds is not None), 0.95),
            in_time=share_in_time(sent, scene.ttft_objective_seconds),
            replicas_ready=sum(ready) / len(ready) if ready else 0.0,
        )
