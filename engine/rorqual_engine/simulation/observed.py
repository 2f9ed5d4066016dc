"""What the operator would see of a simulated service: pods with their metrics over a window, and growth by buckets."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.simulation.policy import Standing, View
from rorqual_engine.simulation.scrape import Scrape
from rorqual_engine.snapshot import EngineMetrics, Growth, Pod, Quantiles, seconds_alike

EPOCH = 1_700_000_000.0
"""When a run begins, for the operator."""
NODE_GPUS = 8
WINDOW_SECONDS = 60.0
"""Over which rates are taken: the operator's default."""
TTFT_BOUNDS = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0,
               80.0, 160.0, 640.0, 2560.0)  # fmt: skip
"""Of vllm:time_to_first_token_seconds (vllm/v1/metrics/loggers.py)."""
TPOT_BOUNDS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0,
               80.0)  # fmt: skip
"""Of vllm:inter_token_latency_seconds."""
UNVERSIONED = Standing()


@dataclass(slots=True)
class Watched:
    """What is kept of one service between two rounds."""

    scrapes: deque[Scrape] = field(default_factory=deque)
    """Of the last window, and the one before it; the newest last."""
    unheard_since: dict[int, float] = field(default_factory=dict)
    """By replica."""
    seen_at: float | None = None
    """Of the newest scrape taken in, in seconds of the run."""

    def take(self, seen: Scrape | None, view: View) -> None:
        """A round's scrape, and who did not answer."""
        if seen is not None and (not self.scrapes or seen.at > self.scrapes[-1].at):
            self.scrapes.append(seen)
            while len(self.scrapes) > 2 and self.scrapes[1].at <= seen.at - WINDOW_SECONDS:
                self.scrapes.popleft()
        unheard = [number for number in view.startup_seconds if number not in view.numbers]
        self.unheard_since = {number: self.unheard_since.get(number, view.now) for number in unheard}


def pods_of(name: str, view: View, watched: Watched, gpus: int) -> tuple[Pod, ...]:
    """Ready ones that answered, ready ones that did not, starting ones; each on nodes of eight GPUs, filled in turn."""
    now = EPOCH + view.now
    pods: list[Pod] = []

    def add(number: int, created_at: float, metrics: EngineMetrics | None, ready_since: float | None) -> None:
        standing, ready = view.standings.get(number, UNVERSIONED), ready_since is not None
        died, unheard = standing.died_at, watched.unheard_since.get(number)
        pods.append(
            Pod(
                name=f"{name}-{standing.version}-{number}",
                node=f"node-{len(pods) * gpus // NODE_GPUS}",
                created_at=created_at,
                phase="Running" if ready else "Pending",
                ready=ready,
                ready_since=ready_since,
                version=f"v{standing.version}",
                restarts=standing.restarts,
                last_restart_at=None if died is None else EPOCH + died,
                metrics=metrics,
                unanswered_since=EPOCH + unheard if unheard is not None and ready else None,
            )
        )

    def add_ready(number: int, metrics: EngineMetrics | None) -> None:
        since = EPOCH + view.ready_at[number]
        add(number, since - view.startup_seconds[number], metrics, since)

    for place, number in enumerate(view.numbers):
        add_ready(number, metrics_of(number, place, view, watched.scrapes))
    for number in watched.unheard_since:
        add_ready(number, None)
    numbers = view.starting_numbers or range(-len(view.starting_seconds), 0)
    for number, since in zip(numbers, view.starting_seconds, strict=True):
        add(number, now - float(since), None, None)
    return tuple(pods)


def metrics_of(number: int, place: int, view: View, scrapes: Sequence[Scrape]) -> EngineMetrics:
    """Gauges as of the last scrape, and what grew over the window; rates are None while one scrape alone has it."""
    at = float(view.history.column("at")[-1]) if len(view.history) else view.now
    own = [(one, one.numbers.index(number)) for one in scrapes if number in one.numbers]
    rates = _rates(own) if len(own) > 1 else {}
    return EngineMetrics(
        observed_at=EPOCH + at,
        source="prometheus",
        running=float(view.running[place]),
        waiting=float(view.waiting[place]),
        kv_use=float(view.kv_use[place]),
        window_seconds=own[-1][0].at - own[0][0].at if own else 0.0,
        requests_per_second=rates.get("finished"),
        prompt_tokens_per_second=rates.get("prompt_tokens"),
        generation_tokens_per_second=rates.get("generated_tokens"),
        preemptions_per_second=rates.get("preempted"),
        tpot_mean_seconds=rates["between_seconds"] / rates["between_tokens"] if rates.get("between_tokens") else None,
        stalled_seconds=_seconds_without_tokens(own, _works) if len(own) > 1 else None,
        idle_seconds=_seconds_without_tokens(own, _has_nothing) if len(own) > 1 else None,
    )


def _rates(own: Sequence[tuple[Scrape, int]]) -> dict[str, float]:
    """Growth a second of each counter; a counter that fell began anew, and only what it has since counts."""
    (first, before), (last, after) = own[0], own[-1]
    seconds = last.at - first.at
    names = ("finished", "prompt_tokens", "generated_tokens", "preempted", "between_seconds", "between_tokens")
    found = {}
    for name in names:
        old, new = float(getattr(first, name)[before]), float(getattr(last, name)[after])
        found[name] = (new - old if new >= old else new) / seconds
    return found


def _seconds_without_tokens(own: Sequence[tuple[Scrape, int]], like: Callable[[Scrape, int], bool]) -> float:
    """Since the last scrape before which a token came, or that is not `like` that."""
    return seconds_alike((one.at, _tokens(one, place) if like(one, place) else None) for one, place in reversed(own))


def _works(one: Scrape, place: int) -> bool:
    return bool(one.running[place] > 0)


def _has_nothing(one: Scrape, place: int) -> bool:
    return bool(one.running[place] == 0 and one.waiting[place] == 0)


def _tokens(one: Scrape, place: int) -> float:
    return float(one.prompt_tokens[place] + one.generated_tokens[place])


def growth_of(watched: Watched, view: View) -> Growth | None:
    """Since the scrape that the last round saw; None when there is no newer one."""
    history = view.history
    if not len(history) or history.column("at")[-1] == watched.seen_at:
        return None
    newest = float(history.column("at")[-1])
    since = newest if watched.seen_at is None else watched.seen_at
    watched.seen_at, seconds = newest, newest - since
    window = history.window(seconds)
    return Growth(
        since=EPOCH + since,
        at=EPOCH + newest,
        arrived=max(0.0, window.counts["arrived"] - window.growth_of_held),
        finished=window.counts["finished"],
        prompt_tokens=window.counts["prompt_tokens"],
        generated_tokens=window.counts["generated_tokens"],
        prefix_queried=window.counts["prompt_tokens"],  # simulated engines have a prefix cache that holds nothing
        ttft=_buckets(window.ttft_seconds, TTFT_BOUNDS),
        tpot=_buckets(window.itl_seconds, TPOT_BOUNDS),
    )


def latencies_of(view: View) -> tuple[Quantiles, Quantiles]:
    """TTFT and TPOT over the window, as histograms tell them."""
    window = view.history.window(WINDOW_SECONDS)
    return _quantiles(window.ttft_seconds, TTFT_BOUNDS), _quantiles(window.itl_seconds, TPOT_BOUNDS)


def _quantiles(seconds: NDArray[np.float64], bounds: tuple[float, ...]) -> Quantiles:
    """Straight within a bucket, as PromQL's histogram_quantile."""
    if not len(seconds):
        return Quantiles()
    counts = np.searchsorted(np.sort(seconds), bounds, side="right") / len(seconds)
    edges, shares = np.array([0.0, *bounds]), np.array([0.0, *counts])
    return Quantiles(*(float(np.interp(q, shares, edges)) for q in (0.5, 0.9, 0.95, 0.99)))


def _buckets(seconds: NDArray[np.float64], bounds: tuple[float, ...]) -> Mapping[float, float]:
    ordered = np.sort(seconds)
    counts = np.searchsorted(ordered, bounds, side="right")
    return {**dict(zip(bounds, counts.astype(float).tolist(), strict=True)), float("inf"): float(len(ordered))}
