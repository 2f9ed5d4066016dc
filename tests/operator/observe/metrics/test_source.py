"""One source steps in for the other."""

from collections.abc import Mapping, Sequence

import pytest

from rorqual_operator.observe.metrics.sample import Sample
from rorqual_operator.observe.metrics.source import Reading, SourceError, Target, read_in_turn
from rorqual_operator.observe.reflector import Key

from .samples import sample

A, B = Target(("llm", "a"), "10.0.0.1:8000"), Target(("llm", "b"), "10.0.0.2:8000")
NOW, FRESH = 1000.0, 45.0


class FakeSource:
    """Gives these samples of those pods it is asked for, or an error."""

    def __init__(self, name: str, samples: Mapping[Key, Sample] | SourceError) -> None:
        self.name = name
        self.asked: list[Target] = []
        self._samples = samples

    async def read(self, targets: Sequence[Target]) -> Mapping[Key, Sample]:
        self.asked += targets
        if isinstance(self._samples, SourceError):
            raise self._samples
        return {target.pod: self._samples[target.pod] for target in targets if target.pod in self._samples}


def prometheus(ages: Mapping[Target, float]) -> FakeSource:
    return FakeSource("prometheus", {target.pod: sample(NOW - age, "prometheus") for target, age in ages.items()})


def scrape(*answering: Target) -> FakeSource:
    return FakeSource("scrape", {target.pod: sample(NOW, "scrape") for target in answering})


async def read(*sources: FakeSource) -> Reading:
    return await read_in_turn(sources, [A, B], NOW, FRESH)


def sources_of(reading: Reading) -> dict[Key, str]:
    return {pod: found.source for pod, found in reading.samples.items()}


async def test_second_source_is_not_asked_when_the_first_knows_all() -> None:
    second = scrape(A, B)
    found = await read(prometheus({A: 5, B: 5}), second)
    assert sources_of(found) == {A.pod: "prometheus", B.pod: "prometheus"}
    assert second.asked == []
    assert found.asked == {"prometheus"}


@pytest.mark.parametrize(("age", "source"), [(FRESH, "prometheus"), (FRESH + 0.1, "scrape")])
async def test_stale_sample_is_scraped_instead(age: float, source: str) -> None:
    second = scrape(A, B)
    found = await read(prometheus({A: age, B: 5}), second)
    assert sources_of(found) == {A.pod: source, B.pod: "prometheus"}
    assert second.asked == ([A] if source == "scrape" else [])


async def test_incomplete_sample_is_scraped_instead() -> None:
    first = FakeSource("prometheus", {A.pod: sample(NOW, "prometheus", gauges={"running": 1.0})})
    assert sources_of(await read(first, scrape(A, B)))[A.pod] == "scrape"


async def test_silent_prometheus_is_told_and_stepped_in_for() -> None:
    found = await read(FakeSource("prometheus", SourceError("connection refused")), scrape(A, B))
    assert found.problems == {"prometheus": "connection refused"}
    assert sources_of(found) == {A.pod: "scrape", B.pod: "scrape"}
    assert found.unanswered == frozenset()


async def test_pod_that_nobody_reads_is_unanswered() -> None:
    found = await read(prometheus({A: 500, B: 5}), scrape())
    assert found.unanswered == {A.pod}
    assert set(found.samples) == {B.pod}


async def test_all_sources_gone() -> None:
    found = await read(FakeSource("prometheus", SourceError("down")), FakeSource("scrape", SourceError("no network")))
    assert found.problems == {"prometheus": "down", "scrape": "no network"}
    assert (found.samples, found.unanswered) == ({}, {A.pod, B.pod})


async def test_nothing_to_read_asks_nobody() -> None:
    first = scrape(A)
    assert await read_in_turn([first], [], NOW, FRESH) == Reading({})
    assert first.asked == []
