"""The hub is asked beside the tick, never twice at once, and again after a while."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rorqual_engine.api import LLMServiceSpec
from rorqual_operator.hub import HubError
from rorqual_operator.observe.hub import BACKOFF_SECONDS, HubConfigs, HubModel


def a_spec(name: str = "acme/new", **model: object) -> LLMServiceSpec:
    return LLMServiceSpec.model_validate({"model": {"name": name, **model}, "hardware": [{"gpu": "H100"}]})


class Hub:
    """Answers, or refuses, as told; counts what it is asked."""

    def __init__(self) -> None:
        self.answer: str | Exception = "{}"
        self.asked: list[str] = []
        self.free = threading.Event()
        self.free.set()
        self.now = 0.0
        self.woken = asyncio.Event()

    def fetch(self, model: str, revision: str | None, timeout_seconds: float) -> str:
        self.asked.append(model)
        self.free.wait(5)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def told(self) -> None:
        """Returns when an answer has brought the next round forward."""
        await asyncio.wait_for(self.woken.wait(), 5)
        self.woken.clear()


@asynccontextmanager
async def configs(hub: Hub, timeout_seconds: float = 5.0) -> AsyncIterator[HubConfigs]:
    found = HubConfigs(hub.fetch, timeout_seconds, lambda: hub.now, hub.woken.set)
    task = asyncio.create_task(found.run())
    try:
        yield found
    finally:
        hub.free.set()
        task.cancel()


def problem(configs: HubConfigs) -> str:
    found = configs.find(a_spec())
    assert found is not None and found.text is None
    return found.problem


async def test_until_the_answer_is_there_it_says_so_and_then_it_is_kept() -> None:
    hub = Hub()
    hub.free.clear()
    async with configs(hub) as subject:
        assert problem(subject) == "the config.json of acme/new is being fetched"
        assert problem(subject) == "the config.json of acme/new is being fetched"
        hub.free.set()
        await hub.told()
        hub.now = 1e6
        for _ in range(3):
            found = subject.find(a_spec())
            assert found is not None and found.text == "{}"
    assert hub.asked == ["acme/new"]


async def test_refusal_is_told_and_asked_again_ever_less_often() -> None:
    hub = Hub()
    hub.answer = HubError("no such model")
    async with configs(hub) as subject:
        subject.find(a_spec())
        for times, pause in enumerate((*BACKOFF_SECONDS, BACKOFF_SECONDS[-1]), start=1):
            await hub.told()
            assert problem(subject) == "no such model; it is asked again by itself"
            hub.now += pause - 1
            subject.find(a_spec())
            assert len(hub.asked) == times
            hub.now += 1
            assert problem(subject) == "no such model; it is asked again by itself"
        hub.answer = "{}"
        await hub.told()


async def test_a_hub_that_does_not_answer_holds_nobody_up() -> None:
    hub = Hub()
    hub.free.clear()
    async with configs(hub, timeout_seconds=0.05) as subject:
        subject.find(a_spec())
        await hub.told()
        assert problem(subject) == "acme/new: no answer within 0.05 s; it is asked again by itself"


@pytest.mark.parametrize(
    "spec",
    [
        a_spec("meta-llama/Llama-3.1-8B-Instruct"),
        a_spec(configJson="{}"),
        a_spec(configJsonFrom={"configMapKeyRef": {"name": "acme"}}),
    ],
    ids=["catalog", "inline", "ConfigMap"],
)
async def test_what_is_known_otherwise_is_not_asked_for(spec: LLMServiceSpec) -> None:
    hub = Hub()
    async with configs(hub) as subject:
        assert subject.find(spec) is None
        await asyncio.sleep(0)
    assert hub.asked == []


async def test_what_no_service_wants_any_more_is_forgotten() -> None:
    hub = Hub()
    async with configs(hub) as subject:
        subject.find(a_spec())
        await hub.told()
        subject.forget_unwanted()
        subject.find(a_spec())
        subject.forget_unwanted()
        assert len(hub.asked) == 1
        subject.forget_unwanted()
        subject.find(a_spec())
        await hub.told()
    assert len(hub.asked) == 2


def test_the_model_is_the_one_that_the_engine_loads() -> None:
    assert HubModel.of(a_spec()) == HubModel("acme/new")
    assert HubModel.of(a_spec(source="hf://other/model")) == HubModel("other/model")
    assert HubModel.of(a_spec(source="pvc://claim/path")) == HubModel("acme/new")
    body = {"model": {"name": "m"}, "hardware": [{"gpu": "g"}], "engine": {"extraArgs": ["--revision=v2"]}}
    assert HubModel.of(LLMServiceSpec.model_validate(body)) == HubModel("m", "v2")
