"""Many ticks in a row, with pods that take a minute to start: what a single decision cannot show."""

from collections.abc import Callable
from dataclasses import dataclass, field

from rorqual_engine.decide import decide
from rorqual_engine.plan import Memory, ScaleTo
from rorqual_engine.snapshot import EngineMetrics, Snapshot

from .builders import NOW, a_node, a_pod, a_service, a_starting_pod, a_workload, scaled, settled

TICK_SECONDS = 15
START_SECONDS = 60
CAPACITY = 100


@dataclass
class Cluster:
    """A service under a load of so many concurrent requests, spread evenly over the ready pods."""

    load: Callable[[float], float]
    spec: object = field(default_factory=scaled)
    gpus: int = 100
    memory: Memory = field(default_factory=settled)
    started: list[float] = field(default_factory=lambda: [-3600.0])
    history: list[tuple[float, int]] = field(default_factory=list)

    def run(self, begin: float, end: float) -> list[int]:
        """Replicas after each tick."""
        ticks = range(int(begin), int(end), TICK_SECONDS)
        return [self._tick(float(seconds)) for seconds in ticks]

    def _tick(self, seconds: float) -> int:
        plan = decide(self._snapshot(seconds), NOW + seconds)[a_service().key]
        self.memory = plan.memory
        for command in plan.commands:
            if isinstance(command, ScaleTo):
                self._scale(command.replicas, seconds)
        return len(self.started)

    def _scale(self, replicas: int, seconds: float) -> None:
        self.started = self.started[:replicas] + [seconds] * (replicas - len(self.started))
        self.history.append((seconds, replicas))

    def _snapshot(self, seconds: float) -> Snapshot:
        ready = sum(seconds - at >= START_SECONDS for at in self.started)
        each = self.load(seconds) / max(1, ready)
        metrics = EngineMetrics(NOW + seconds, "scrape", min(each, CAPACITY), max(0.0, each - CAPACITY))
        pods = tuple(
            a_pod(f"pod-{i}", metrics=metrics)
            if seconds - at >= START_SECONDS
            else a_starting_pod(f"pod-{i}", "node-0")
            for i, at in enumerate(self.started)
        )
        service = a_service(self.spec, pods, workload=a_workload(len(pods)), memory=self.memory)
        return Snapshot((service,), (a_node(gpus=self.gpus, used=len(pods)),))


def test_a_steady_load_is_met_and_then_left_alone():
    cluster = Cluster(load=lambda _: 400)
    assert cluster.run(0, 1800)[-1] == 5
    assert [replicas for _, replicas in cluster.history] == [5]


def test_a_burst_is_followed_up_at_once_and_down_after_five_minutes():
    cluster = Cluster(load=lambda seconds: 400 if seconds < 600 else 10)
    cluster.run(0, 1800)
    assert cluster.history == [(0, 5), (885, 1)]


def test_a_short_dip_changes_nothing():
    cluster = Cluster(load=lambda seconds: 10 if 600 <= seconds < 840 else 400)
    cluster.run(0, 1800)
    assert [replicas for _, replicas in cluster.history] == [5]


def test_a_wave_within_the_window_does_not_swing_the_fleet():
    cluster = Cluster(load=lambda seconds: 400 if (seconds // 120) % 2 else 100)
    cluster.run(0, 3600)
    assert [replicas for _, replicas in cluster.history] == [2, 5]


def test_growth_waits_for_gpus_and_goes_on_when_they_come():
    cluster = Cluster(load=lambda _: 400, gpus=3)
    assert cluster.run(0, 300)[-1] == 3
    cluster.gpus = 10
    assert cluster.run(300, 600)[-1] == 5


def test_a_restart_of_the_operator_only_delays_what_shrinks():
    cluster = Cluster(load=lambda seconds: 400 if seconds < 600 else 10)
    cluster.run(0, 750)
    cluster.memory = Memory()
    cluster.run(750, 1800)
    assert cluster.history == [(0, 5), (1050, 1)]
