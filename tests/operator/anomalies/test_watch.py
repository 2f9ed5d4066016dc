"""A detector for every service, looked after beside the tick."""

import logging
import threading
from typing import Any

import numpy as np
import pytest

from rorqual_engine.api import LLMServiceSpec
from rorqual_engine.snapshot import ServiceKey, Unusual
from rorqual_operator.anomalies import watch as module
from rorqual_operator.anomalies.prometheus import Row
from rorqual_operator.anomalies.series import Series, SeriesError
from rorqual_operator.anomalies.watch import LEAST_HISTORY, RELEARNED, STALE_LOOKS, Watch
from rorqual_operator.times import rfc3339

CHAT, CODE = ServiceKey("llm", "chat"), ServiceKey("llm", "code")
NAMES = ("running", "TTFT p95", "KV cache use")
STEP = 60.0
BEGIN = 1_800_000_000.0


def a_spec(**detection: Any) -> LLMServiceSpec:
    return LLMServiceSpec.model_validate(
        {"model": {"name": "acme/new"}, "hardware": [{"gpu": "H100"}], "detection": detection}
    )


class Store:
    """A metrics store that is told what to answer, and whose clock it is."""

    names, step_seconds = NAMES, STEP

    def __init__(self) -> None:
        self.at = BEGIN
        self.random = np.random.default_rng(3)
        self.slow: dict[ServiceKey, float] = {}
        self.services = {CHAT, CODE}
        self.failure: Exception | None = None
        self.free = threading.Event()
        self.free.set()
        self.asked: list[tuple[float, float]] = []
        self.recalled = 0

    def clock(self) -> float:
        return self.at

    def _row(self, key: ServiceKey) -> Row:
        load = 20 + self.random.normal()
        ttft = (0.2 + 0.01 * self.random.normal()) * self.slow.get(key, 1.0)
        return {"running": load, "TTFT p95": ttft, "KV cache use": load / 100}

    def now(self) -> dict[ServiceKey, Row]:
        self.free.wait(5)
        if self.failure:
            raise self.failure
        return {key: self._row(key) for key in sorted(self.services)}

    def past(self, begin: float, end: float) -> dict[ServiceKey, Series]:
        self.asked.append((begin, end))
        if self.failure:
            raise self.failure
        at = end - STEP * np.arange(self.recalled, 0, -1)
        rows = np.array([[self._row(CHAT)[name] for name in NAMES] for _ in at]).reshape(len(at), len(NAMES))
        return {CHAT: Series(at, NAMES, rows)}


class Looked:
    """A Watch on a Store, that looks when told."""

    def __init__(self, **more: Any) -> None:
        self.store = Store()
        self.watch = Watch(self.store, self.store.clock, **more)
        self.label = ""

    def find(self, key: ServiceKey = CHAT, **detection: Any) -> Unusual:
        return self.watch.find(key, a_spec(**detection), self.label)

    async def looks(self, times: int) -> Unusual:
        for _ in range(times):
            self.store.at += STEP
            for key in (CHAT, CODE):
                self.find(key)
            self.watch.forget_unwanted()
            await self.watch.look()
        return self.find()


async def test_after_an_hour_a_metric_that_leaps_is_told_with_since_and_figures() -> None:
    looked = Looked()
    assert await looked.looks(LEAST_HISTORY - 1) == Unusual()
    quiet = await looked.looks(30)
    assert quiet.score is not None and quiet.limit is not None and quiet.since is None
    looked.store.slow[CHAT] = 8.0
    first = looked.store.at + STEP
    told = await looked.looks(4)
    assert told.since == first and told.score is not None and told.score > (told.limit or 0)
    evidence = told.evidence[0]
    assert evidence.metric == "TTFT p95" and evidence.observed.startswith("1.") and evidence.since == first
    assert evidence.expected.startswith("usually ") and "ms" in evidence.expected
    assert looked.find(CODE).since is None


async def test_the_beginning_of_an_episode_stays_when_the_looks_move_on() -> None:
    looked = Looked()
    await looked.looks(RELEARNED + LEAST_HISTORY)
    looked.store.slow[CHAT] = 8.0
    begun = (await looked.looks(3)).since
    assert begun is not None and (await looked.looks(8)).since == begun
    looked.store.slow.clear()
    assert (await looked.looks(90)).since is None


async def test_what_was_before_the_start_counts() -> None:
    looked = Looked()
    looked.store.recalled = LEAST_HISTORY
    looked.find()
    await looked.watch.recall()
    assert looked.store.asked == [(BEGIN - 360 * STEP, BEGIN)]
    assert (await looked.looks(1)).score is not None
    assert looked.find(CODE).score is None


async def test_a_store_that_is_silent_ends_what_is_said(caplog: pytest.LogCaptureFixture) -> None:
    looked = Looked()
    await looked.looks(LEAST_HISTORY)
    looked.store.failure = SeriesError("Prometheus at x: refused")
    with caplog.at_level(logging.WARNING):
        held = await looked.looks(STALE_LOOKS - 1)
        gone = await looked.looks(3)
    assert held.score is not None and gone == Unusual()
    assert [record.message for record in caplog.records].count(
        "the detectors see nothing new: Prometheus at x: refused"
    ) == 1
    looked.store.failure = None
    assert (await looked.looks(1)).score is not None


async def test_a_store_that_hangs_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    looked = Looked(limit_seconds=0.05)
    looked.store.free.clear()
    with caplog.at_level(logging.WARNING):
        await looked.looks(1)
    looked.store.free.set()
    assert "given up after 0.05 s" in caplog.text


async def test_off_is_not_watched_and_what_is_gone_is_forgotten() -> None:
    looked = Looked()
    await looked.looks(LEAST_HISTORY)
    assert looked.find(mode="Off") == Unusual()
    looked.watch.forget_unwanted()
    looked.watch.forget_unwanted()
    assert looked.find() == Unusual()


async def test_labels_that_cannot_be_read_are_refused_and_the_last_ones_stay() -> None:
    looked = Looked()
    looked.label = "yesterday=fault"
    refused = looked.find().refused
    assert refused is not None and "found 'yesterday=fault'" in refused
    looked.label = ""
    assert looked.find().refused is None


@pytest.mark.parametrize("labelled", [True, False])
async def test_an_episode_that_is_labelled_normal_is_learned_and_not_told_again(labelled: bool) -> None:
    looked = Looked()
    await looked.looks(LEAST_HISTORY + RELEARNED)
    looked.store.slow[CHAT] = 3.0
    begun = looked.store.at + STEP
    assert (await looked.looks(8)).since == begun
    looked.store.slow.clear()
    await looked.looks(RELEARNED + 5)
    if labelled:
        looked.label = f"{rfc3339(begun)}/{rfc3339(begun + 40 * STEP)}=normal"
    await looked.looks(1)
    looked.store.slow[CHAT] = 3.0
    assert ((await looked.looks(8)).since is None) == labelled


async def test_what_finds_fewer_labelled_faults_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = Looked()
    await looked.looks(LEAST_HISTORY + RELEARNED)
    looked.store.slow[CHAT] = 8.0
    begun = looked.store.at + STEP
    await looked.looks(8)
    looked.store.slow.clear()
    limit = looked.find().limit
    learn = module.learn

    def blind(*arguments: Any) -> Any:
        found = learn(*arguments)
        return module.Learned(found.detector, found.names, 1e9, found.usual)

    monkeypatch.setattr(module, "learn", blind)
    looked.label = f"{rfc3339(begun)}/{rfc3339(begun + 8 * STEP)}=fault"
    assert (await looked.looks(1)).limit == limit


async def test_a_label_over_the_whole_history_leaves_what_was_learned() -> None:
    looked = Looked()
    limit = (await looked.looks(LEAST_HISTORY + 5)).limit
    looked.label = f"{rfc3339(BEGIN - 60)}/{rfc3339(BEGIN + 1e6)}=fault"
    after = await looked.looks(2)
    assert limit is not None and (after.limit, after.refused) == (limit, None)


async def test_what_goes_wrong_with_one_service_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    learn = module.learn

    def fail_first(*arguments: Any) -> Any:
        monkeypatch.setattr(module, "learn", learn)
        raise ZeroDivisionError

    monkeypatch.setattr(module, "learn", fail_first)
    looked = Looked()
    await looked.looks(LEAST_HISTORY)
    assert [looked.find(key).score is None for key in (CHAT, CODE)] == [True, False]
    assert "cannot look at the metrics of llm/chat" in caplog.text


async def test_one_service_that_cannot_learn_is_told_in_the_log_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> Any:
        raise module.DetectorError("history: nothing there")

    monkeypatch.setattr(module, "learn", refuse)
    looked = Looked()
    with caplog.at_level(logging.WARNING):
        assert (await looked.looks(LEAST_HISTORY + 3)).score is None
    assert caplog.text.count("nothing is learned of llm/chat: history: nothing there") == 1
