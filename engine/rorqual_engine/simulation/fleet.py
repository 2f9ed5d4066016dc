"""The replicas of one service over time: starting, serving, draining, and what they cost."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.simulation import kernel
from rorqual_engine.simulation.pool import Pool
from rorqual_engine.simulation.requests import Requests
from rorqual_engine.simulation.state import OFF, Engine, State, new_state, with_rows

MOST_LEAKED = 0.8
"""Share of a KV cache; the rest serves on."""


@dataclass(frozen=True, slots=True)
class Startup:
    """How long a replica takes from asking until it is ready: lognormal, with this mean."""

    mean_seconds: float
    variation: float = 0.0
    """Standard deviation over the mean."""

    def draw(self, random: np.random.Generator) -> float:
        if self.mean_seconds <= 0 or self.variation <= 0:
            return self.mean_seconds
        sigma = np.sqrt(np.log1p(self.variation**2))
        return float(self.mean_seconds * np.exp(random.normal(-(sigma**2) / 2, sigma)))


@dataclass(slots=True)
class Replica:
    """One from asking for it until it is gone."""

    number: int
    asked_at: float
    """Or when it died and began anew."""
    placed_at: float | None = None
    """When it got its GPUs."""
    ready_at: float = np.inf
    row: int | None = None
    """In the kernel's state, from ready on."""
    told_to_go_at: float | None = None
    gone_at: float | None = None
    restarts: int = 0
    died_at: float | None = None
    """Last time."""
    version: int = 0
    """Of what it runs; counts the deploys that it went through."""
    leaked_tokens: int = 0
    """Of its KV cache, held for nobody."""

    @property
    def startup_seconds(self) -> float:
        """From asking for it until it was ready."""
        return self.ready_at - self.asked_at


@dataclass(slots=True)
class Span:
    """GPUs held: from placement until gone."""

    begin: float
    end: float
    gpus: int


@dataclass(slots=True)
class Fleet:
    """One service's replicas. Times are seconds of the run and never go back."""

    requests: Requests
    engine: Engine
    startup: Startup
    pool: Pool
    random: np.random.Generator
    most: int
    """Replicas that may be asked for."""
    gpus_per_replica: int = 1
    replicas: list[Replica] = field(default_factory=list)
    """Those not gone."""
    spans: list[Span] = field(default_factory=list)
    pending_seconds: float = 0.0
    """Replicas times seconds without GPUs."""
    asked: int = 0
    state: State = field(init=False)
    next_number: int = 0

    def __post_init__(self) -> None:
        """A row for each replica; more are added when as many others still drain."""
        self.state = new_state(self.requests, max(1, self.most), self.engine.sequences)

    @property
    def serving(self) -> list[Replica]:
        return [one for one in self.replicas if one.row is not None and one.told_to_go_at is None]

    @property
    def starting(self) -> list[Replica]:
        """Asked for and not ready, the oldest first."""
        return sorted((one for one in self.replicas if one.row is None), key=lambda one: one.asked_at)

    @property
    def draining(self) -> list[Replica]:
        return [one for one in self.replicas if one.told_to_go_at is not None]

    def next_ready(self) -> float:
        """When the next replica becomes ready; infinite when none is on its way."""
        return min((one.ready_at for one in self.starting if one.placed_at is not None), default=np.inf)

    def advance(self, until: float) -> None:
        """Requests and steps up to `until`; drained replicas give their GPUs back."""
        kernel.advance(self.state, self.engine, until)
        for one in self.draining:
            if one.row is not None and self.state.status[one.row] == OFF:
                self._gone(one, float(self.state.idle_since[one.row]))

    def begin(self, replicas: int) -> None:
        """So many are ready from the start."""
        self.asked = replicas
        for _ in range(replicas):
            one = self._ask(0.0)
            if self.pool.take(self.gpus_per_replica):
                one.asked_at = -self.startup.mean_seconds
                one.placed_at = 0.0
                one.ready_at = 0.0
        self.make_ready(0.0)

    def scale_to(self, replicas: int, now: float) -> None:
        """Asks for more, or lets the youngest go: first those that do not serve yet, as a ReplicaSet does.

        New ones have no GPUs before `place`.
        """
        self.asked = replicas
        kept = [one for one in self.replicas if one.told_to_go_at is None]
        for _ in range(replicas - len(kept)):
            self._ask(now)
        unready = [one for one in reversed(kept) if one.row is None]
        ready = [one for one in reversed(kept) if one.row is not None]
        for one in [*unready, *ready][: max(0, len(kept) - replicas)]:
            self._let_go(one, now)

    def place(self, now: float) -> None:
        """Gives free GPUs to those that wait for them, the oldest first."""
        for one in self.starting:
            if one.placed_at is None and self.pool.take(self.gpus_per_replica):
                one.placed_at = now
                one.ready_at = now + self.startup.draw(self.random)
                self.pending_seconds += now - one.asked_at

    def make_ready(self, now: float) -> None:
        """Those whose start-up is over serve from now on."""
        for one in self.starting:
            if one.placed_at is not None and one.ready_at <= now:
                one.row = self._free_row()
                kernel.start(self.state, self.engine, one.row, now)

    def fail(self, number: int, now: float) -> None:
        """A serving replica dies and starts anew on the same GPUs; its clients try again."""
        one = self._serving(number)
        if one is None or one.row is None:
            return
        row, one.row = one.row, None
        one.asked_at = one.died_at = now
        one.ready_at = now + self.startup.draw(self.random)
        one.restarts += 1
        one.leaked_tokens = 0
        kernel.kill(self.state, self.engine, row, now)

    def slow(self, number: int, slowness: float, now: float) -> None:
        """A serving replica takes so many times as long from now on."""
        one = self._serving(number)
        if one is not None and one.row is not None:
            kernel.pace(self.state, self.engine, one.row, slowness, now)

    def deploy(self, number: int, slowness: float, now: float) -> None:
        """A serving replica runs another version from now on, which takes so many times as long; at once."""
        one = self._serving(number)
        if one is not None:
            one.version += 1
            self.slow(number, slowness, now)

    def leak(self, number: int, tokens: int) -> None:
        """A serving replica holds so many more tokens of KV cache for nobody, up to MOST_LEAKED of it."""
        one = self._serving(number)
        if one is None or one.row is None:
            return
        more = min(tokens, int(MOST_LEAKED * self.engine.kv_tokens) - one.leaked_tokens)
        one.leaked_tokens += more
        self.state.kv[one.row] += more

    def _serving(self, number: int) -> Replica | None:
        return next((one for one in self.serving if one.number == number), None)

    def end(self, now: float) -> None:
        """Closes the books."""
        for one in self.replicas:
            if one.placed_at is not None:
                self.spans.append(Span(one.placed_at, now, self.gpus_per_replica))
            else:
                self.pending_seconds += now - one.asked_at

    def gpu_seconds(self, until: float) -> float:
        """Held up to `until`, starting and draining included."""
        return sum(max(0.0, min(span.end, until) - span.begin) * span.gpus for span in self.spans)

    def _ask(self, now: float) -> Replica:
        one = Replica(self.next_number, now)
        self.next_number += 1
        self.replicas.append(one)
        return one

    def _free_row(self) -> int:
        taken = {one.row for one in self.replicas}
        free: NDArray[np.intp] = np.flatnonzero(self.state.status == OFF)
        found = next((int(row) for row in free if row not in taken), None)
        if found is not None:
            return found
        rows = len(self.state.status)
        self.state = with_rows(self.state, 2 * rows)
        return rows

    def _let_go(self, one: Replica, now: float) -> None:
        if one.row is None:
            self.pending_seconds += now - one.asked_at if one.placed_at is None else 0.0
            self._gone(one, now)
            return
        one.told_to_go_at = now
        kernel.drain(self.state, one.row, now)
        if self.state.status[one.row] == OFF:
            self._gone(one, now)

    def _gone(self, one: Replica, now: float) -> None:
        one.gone_at = now
        self.replicas.remove(one)
        if one.placed_at is not None:
            self.spans.append(Span(one.placed_at, now, self.gpus_per_replica))
            self.pool.give_back(self.gpus_per_replica)
