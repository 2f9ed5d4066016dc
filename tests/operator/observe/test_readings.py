"""Rounds of reading engines, and what is said when none answers."""

from collections.abc import Mapping, Sequence

from rorqual_engine.snapshot import GPU
from rorqual_operator.kube import Object
from rorqual_operator.observe.metrics.sample import Sample
from rorqual_operator.observe.metrics.source import SourceError, Target
from rorqual_operator.observe.readings import Readings, target
from rorqual_operator.observe.reflector import Key

from ..builders import pod_item
from .metrics.samples import sample

A, B = ("llm", "a"), ("llm", "b")


class FakeSource:
    """Reads the pods in `answering`, unless it is down."""

    def __init__(self, name: str, *answering: Key) -> None:
        self.name, self.answering = name, set(answering)
        self.down = False
        self.at = 0.0

    async def read(self, targets: Sequence[Target]) -> Mapping[Key, Sample]:
        if self.down:
            raise SourceError(f"{self.name} is down")
        return {found.pod: sample(self.at, self.name) for found in targets if found.pod in self.answering}


def readings(*sources: FakeSource) -> Readings:
    return Readings(sources, window_seconds=60, fresh_seconds=45)


PODS = [pod_item("a"), pod_item("b")]


def test_target_is_the_annotated_port() -> None:
    item = pod_item("a")
    assert target(item) == Target(A, "10.0.0.1:8000")
    item["metadata"]["annotations"] = {"prometheus.io/port": "9000"}
    assert target(item) == Target(A, "10.0.0.1:9000")


def test_pod_without_address_is_no_target() -> None:
    assert target(pod_item(podIP=None)) is None


async def test_only_serving_pods_are_read() -> None:
    ending: Object = pod_item("b")
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    subject = readings(FakeSource("scrape"))
    await subject.update([pod_item("a", ready=False), ending], 0)
    assert (subject.unanswered_since, subject.problem) == ({}, None)


async def test_since_when_a_pod_does_not_answer() -> None:
    source = FakeSource("scrape", B)
    subject = readings(source)
    for now in (10, 20, 30):
        source.at = now
        await subject.update(PODS, now)
    assert subject.unanswered_since == {A: 10}


def lost_pod_item(name: str) -> Object:
    """Was ready, and runs."""
    item = pod_item(name, ready=False)
    item["status"]["conditions"][0]["lastTransitionTime"] = "2026-01-01T12:05:00Z"
    item["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": "2026-01-01T12:00:00Z"}}
    return item


async def test_silence_goes_on_when_readiness_goes() -> None:
    subject = readings(FakeSource("scrape", B))
    await subject.update(PODS, 10)
    await subject.update([lost_pod_item("a"), pod_item("b")], 20)
    assert (subject.unanswered_since, subject.problem) == ({A: 10}, None)


async def test_of_a_pod_that_is_not_ready_any_more_no_figures_are_taken() -> None:
    source = FakeSource("scrape", A, B)
    subject = readings(source)
    for source.at in (10.0, 20.0):
        await subject.update([lost_pod_item("a"), pod_item("b")], source.at)
    assert subject.unanswered_since == {}
    assert subject.window.metrics(A) is None and subject.window.metrics(B) is not None


async def test_answer_ends_the_silence() -> None:
    source = FakeSource("scrape", B)
    subject = readings(source)
    await subject.update(PODS, 10)
    source.answering.add(A)
    await subject.update(PODS, 20)
    source.answering.discard(A)
    await subject.update(PODS, 30)
    assert subject.unanswered_since == {A: 30}


async def test_no_problem_while_one_engine_answers() -> None:
    subject = readings(FakeSource("scrape", B))
    await subject.update(PODS, 10)
    assert subject.problem is None


async def test_problem_names_what_was_tried() -> None:
    prometheus = FakeSource("prometheus")
    prometheus.down = True
    subject = readings(prometheus, FakeSource("scrape"))
    await subject.update(PODS, 10)
    assert subject.problem == "prometheus is down; none of 2 ready pods answered on /metrics"


async def test_problem_ends() -> None:
    source = FakeSource("scrape")
    subject = readings(source)
    await subject.update(PODS, 10)
    source.answering = {A, B}
    await subject.update(PODS, 20)
    assert subject.problem is None


async def test_no_engines_are_no_problem() -> None:
    subject = readings(FakeSource("scrape"))
    await subject.update([], 10)
    assert (subject.problem, subject.up) == (None, {})


async def test_which_sources_are_up() -> None:
    prometheus, scrape = FakeSource("prometheus", A, B), FakeSource("scrape", A, B)
    subject = readings(prometheus, scrape)
    await subject.update(PODS, 10)
    assert subject.up == {"prometheus": True}
    prometheus.down = True
    await subject.update(PODS, 20)
    assert subject.up == {"prometheus": False, "scrape": True}


async def test_samples_of_pods_that_are_gone_are_dropped() -> None:
    subject = readings(FakeSource("scrape", A, B))
    await subject.update(PODS, 10)
    await subject.update(PODS[1:], 20)
    assert subject.window.metrics(A) is None
    assert subject.window.metrics(B) is not None


async def test_pod_that_is_not_ready_for_a_while_keeps_its_window() -> None:
    source = FakeSource("scrape", A)
    subject = readings(source)
    await subject.update([pod_item("a")], 10)
    await subject.update([pod_item("a", ready=False)], 20)
    source.at = 30
    await subject.update([pod_item("a")], 30)
    found = subject.window.metrics(A)
    assert found and found.window_seconds == 30


class FakeGPUs:
    """Tells what it has, unless it is down."""

    def __init__(self) -> None:
        self.known: dict[Key, tuple[GPU, ...]] = {A: (GPU("0"),)}
        self.down = False

    async def read(self) -> Mapping[Key, tuple[GPU, ...]]:
        if self.down:
            raise SourceError("down")
        return self.known


async def test_gpus_that_cannot_be_read_any_more_are_not_known() -> None:
    gpus = FakeGPUs()
    subject = Readings((FakeSource("scrape", A, B),), 60, 45, gpus=gpus)
    await subject.update(PODS, 0)
    assert subject.gpus == gpus.known
    gpus.down = True
    await subject.update(PODS, 10)
    assert (subject.gpus, subject.problem) == ({}, None)
