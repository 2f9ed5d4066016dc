"""A detector for every service, which learns from its history and looks at its metrics, all beside the tick."""

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import numpy as np

from rorqual_engine.api import LLMServiceSpec
from rorqual_engine.detection.detectors import DetectorError
from rorqual_engine.detection.detectors.catalog import DEFAULT
from rorqual_engine.detection.learned import Deviation, Learned, Mask, learn, newest_scores
from rorqual_engine.plan import Evidence
from rorqual_engine.snapshot import ServiceKey, Unusual
from rorqual_operator.anomalies.expressions import shown
from rorqual_operator.anomalies.history import History
from rorqual_operator.anomalies.labels import Label, LabelError, read_labels, within
from rorqual_operator.anomalies.prometheus import Row
from rorqual_operator.anomalies.series import Series, SeriesError
from rorqual_operator.threads import in_daemon_thread

log = logging.getLogger(__name__)

T = TypeVar("T")

LEAST_HISTORY = 60
"""Samples before anything is learned: an hour of minutes."""
RECALLED = 360
"""Samples that are asked for at the start."""
RECENT = 90
"""Samples that are looked at: what the detector compares with, and averages over, fits in."""
RELEARNED = 60
"""Samples after which what was learned is learned anew."""
LEARNED_AT_ONCE = 20
"""Services that learn in one look, so that a look of a large fleet stays short."""
STALE_LOOKS = 3
"""Looks without metrics of a service after which nothing is said of it."""
LIMIT_SECONDS = 30.0
"""For one look of all services; what takes longer is given up, and what was known before stays."""


class MetricsStore(Protocol):
    """Somewhere that metrics are kept. Its methods block, and raise SeriesError."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def step_seconds(self) -> float: ...
    def now(self) -> Mapping[ServiceKey, Row]: ...
    def past(self, begin: float, end: float) -> Mapping[ServiceKey, Series]: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What a service asks of its detector."""

    false_alarms_per_week: float
    label: str = ""
    """The annotation's text."""


@dataclass(slots=True)
class _Watched:
    """What is known of one service."""

    wish: Wish
    history: History
    labels: tuple[Label, ...] = ()
    read: str = ""
    """The text that the labels were read from."""
    refused: str | None = None
    learned: Learned | None = None
    learned_for: Wish | None = None
    """Set by every attempt, successful or not."""
    since_learned: int = 0
    """Looks."""
    without_metrics: int = 0
    """Looks in a row."""
    told: Unusual = field(default_factory=Unusual)

    @property
    def due(self) -> bool:
        """Whether it is time to learn."""
        if len(self.history) < LEAST_HISTORY:
            return False
        return self.learned_for != self.wish or self.since_learned >= RELEARNED


@dataclass(frozen=True, slots=True)
class _Job:
    """What one service's look is made from: copies, for a thread of its own."""

    recent: Series
    learned: Learned | None
    since: float | None
    """Of the episode that was under way at the last look."""
    lesson: "_Lesson | None"
    """Where it is time to learn."""


@dataclass(frozen=True, slots=True)
class _Lesson:
    history: Series
    left_out: Mask
    faults: Mask
    """Samples labelled as one."""
    false_alarms_per_week: float


class Watch:
    """`find` never waits; `run` looks once a step until it is cancelled."""

    def __init__(self, store: MetricsStore, clock: Callable[[], float], limit_seconds: float = LIMIT_SECONDS) -> None:
        self._store, self._clock, self._limit_seconds = store, clock, limit_seconds
        self._watched: dict[ServiceKey, _Watched] = {}
        self._wanted: set[ServiceKey] = set()
        self._past: Mapping[ServiceKey, Series] = {}
        self._problem: str | None = None

    def find(self, key: ServiceKey, spec: LLMServiceSpec, label: str) -> Unusual:
        """The last word on a service; `label` is its annotation."""
        if spec.detection.mode == "Off":
            return Unusual()
        self._wanted.add(key)
        watched = self._watched.get(key)
        if watched is None:
            watched = self._watched[key] = _Watched(Wish(0.0), History(self._store.names))
            if key in self._past:
                watched.history.recall(self._past[key])
        watched.wish = Wish(spec.detection.false_alarms_per_week, label)
        _read(watched, label)
        return replace(watched.told, refused=watched.refused)

    def forget_unwanted(self) -> None:
        """Drops what was not looked for since the last call."""
        self._watched = {key: one for key, one in self._watched.items() if key in self._wanted}
        self._wanted = set()

    async def run(self) -> None:
        """Looks until cancelled. A store that is silent is logged; the next look comes all the same."""
        await self.recall()
        while True:
            await asyncio.sleep(self._store.step_seconds)
            await self.look()

    async def recall(self) -> None:
        """Asks once what was before."""
        end = self._clock()
        begin = end - RECALLED * self._store.step_seconds
        self._past = await self._beside(lambda: self._store.past(begin, end)) or {}
        for key, one in self._watched.items():
            if key in self._past and not len(one.history):
                one.history.recall(self._past[key])

    async def look(self) -> None:
        """One sample of every service, and what its detector says of it."""
        rows = await self._beside(self._store.now)
        at, self._past = self._clock(), {}
        jobs = self._jobs(at, rows or {})
        step = self._store.step_seconds
        if not jobs:
            return
        said = await self._beside(lambda: _judge_all(jobs, step)) or {}
        for key in said.keys() & self._watched.keys():
            _take(self._watched[key], *said[key])

    def _jobs(self, at: float, rows: Mapping[ServiceKey, Row]) -> dict[ServiceKey, _Job]:
        """Of every service that has metrics now; so many as may learn at once do."""
        jobs, lessons = {}, 0
        for key, one in self._watched.items():
            if not _sampled(one, at, rows.get(key)):
                continue
            teach = one.due and lessons < LEARNED_AT_ONCE
            lessons += teach
            jobs[key] = _job(one, teach)
        return jobs

    async def _beside(self, work: Callable[[], T]) -> T | None:
        """What it returns; None where it fails or takes too long. A thread that hangs is left behind."""
        problem, found = None, None
        try:
            found = await asyncio.wait_for(in_daemon_thread(work), self._limit_seconds)
        except TimeoutError:
            problem = f"a look was given up after {self._limit_seconds:g} s"
        except SeriesError as error:
            problem = str(error)
        if problem and self._problem is None:
            log.warning("the detectors see nothing new: %s", problem)
        self._problem = problem
        return found


def _read(watched: _Watched, text: str) -> None:
    """Labels of a text that cannot be read are those of the last one that could."""
    if text == watched.read:
        return
    watched.read = text
    try:
        watched.labels, watched.refused = read_labels(text), None
    except LabelError as error:
        watched.refused = str(error)


def _sampled(watched: _Watched, at: float, row: Row | None) -> bool:
    """Whether there is one; without for a while, nothing is said any more."""
    if row is None:
        watched.without_metrics += 1
        if watched.without_metrics >= STALE_LOOKS:
            watched.told = Unusual()
        return False
    watched.history.take(at, row)
    watched.without_metrics, watched.since_learned = 0, watched.since_learned + 1
    return True


def _job(watched: _Watched, teach: bool) -> _Job:
    lesson = None
    if teach:
        watched.learned_for, watched.since_learned = watched.wish, 0
        history, labels = watched.history.series(), watched.labels
        faults = within(history.at, labels, "fault")
        lesson = _Lesson(history, watched.history.left_out(labels), faults, watched.wish.false_alarms_per_week)
    return _Job(watched.history.series(RECENT), watched.learned, watched.told.since, lesson)


def _judge_all(
    jobs: Mapping[ServiceKey, _Job], step_seconds: float
) -> dict[ServiceKey, tuple[Learned | None, Unusual]]:
    """What goes wrong with one service is logged, and stops no other. Those that are calm are told so all at once."""
    found: dict[ServiceKey, tuple[Learned | None, Unusual]] = {}
    try:
        found.update(_calm(jobs))
    except Exception:  # each is looked at by itself, then
        log.exception("cannot look at the metrics of all services at once")
    for key, job in jobs.items():
        if key in found:
            continue
        try:
            found[key] = _judged(key, job, step_seconds)
        except Exception:  # a hint must not end the operator
            log.exception("cannot look at the metrics of %s", key)
    return found


def _calm(jobs: Mapping[ServiceKey, _Job]) -> dict[ServiceKey, tuple[Learned | None, Unusual]]:
    """Services whose newest score is within the limit while no episode is under way and nothing is to be learned."""
    alike: dict[tuple[int, ...], list[tuple[ServiceKey, _Job, Learned]]] = defaultdict(list)
    for key, job in jobs.items():
        if job.learned is not None and job.lesson is None and job.since is None:
            alike[job.recent.values.shape].append((key, job, job.learned))
    found: dict[ServiceKey, tuple[Learned | None, Unusual]] = {}
    for group in alike.values():
        scores = newest_scores([learned for *_, learned in group], np.stack([job.recent.values for _, job, _ in group]))
        for (key, _, learned), score in zip(group, scores.tolist(), strict=True):
            if score <= learned.limit:
                found[key] = (learned, Unusual(score, learned.limit))
    return found


def _judged(key: ServiceKey, job: _Job, step_seconds: float) -> tuple[Learned | None, Unusual]:
    learned = job.learned
    if job.lesson is not None:
        learned = _taught(key, job.lesson, learned, step_seconds)
    return learned, Unusual() if learned is None else _word(learned, job.recent, job.since)


def _taught(key: ServiceKey, lesson: _Lesson, before: Learned | None, step_seconds: float) -> Learned | None:
    """What was learned anew, unless it cannot be or finds fewer of the labelled faults: then what was before."""
    history = lesson.history
    try:
        found = learn(
            *(DEFAULT, history.names, history.values, lesson.false_alarms_per_week, step_seconds), lesson.left_out
        )
    except DetectorError as error:
        log.warning("nothing is learned of %s: %s", key, error)
        return before
    if before is not None and _noticed(found, lesson) < _noticed(before, lesson):
        log.info("what was learned of %s finds fewer of its labelled faults than before, and is not used", key)
        return before
    return found


def _noticed(learned: Learned, lesson: _Lesson) -> int:
    """Labelled faults above the limit, in samples."""
    return int((learned.scores(lesson.history.values)[lesson.faults] > learned.limit).sum())


def _word(learned: Learned, recent: Series, since: float | None) -> Unusual:
    scores = learned.scores(recent.values)
    periods = learned.periods(recent.values, scores)
    told = Unusual(float(scores[-1]), learned.limit)
    if not periods or periods[-1].over:
        return told
    begun = float(recent.at[periods[-1].begin])
    since = begun if since is None else min(since, begun)
    return replace(told, since=since, evidence=tuple(_evidence(one, since) for one in periods[-1].evidence))


def _evidence(one: Deviation, since: float) -> Evidence:
    expected = f"usually {shown(one.metric, one.expected)}" if math.isfinite(one.expected) else "never seen before"
    return Evidence(one.metric, shown(one.metric, one.observed), expected, since=since)


def _take(watched: _Watched, learned: Learned | None, word: Unusual) -> None:
    watched.learned, watched.told = learned, word
    if word.since is not None:
        watched.history.mark_unusual()
