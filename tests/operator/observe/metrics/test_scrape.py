"""Engines read directly: whatever one of them answers, the others count."""

from collections.abc import Callable, Sequence

import pytest

from rorqual_operator.observe.metrics.sample import Sample
from rorqual_operator.observe.metrics.scrape import LARGEST_BYTES, ScrapeSource
from rorqual_operator.observe.metrics.source import Target

from ...api_server import Handler, answering, text_answer
from .samples import exposition


async def read(addresses: Sequence[str], timeout: float = 5.0, concurrency: int = 8) -> list[Sample | None]:
    """What a source reads there, in order."""
    targets = [Target(("llm", str(number)), address) for number, address in enumerate(addresses)]
    async with ScrapeSource(timeout, concurrency, lambda: 1234.0) as source:
        found = await source.read(targets)
    return [found.get(target.pod) for target in targets]


async def answered(handler: Handler, timeout: float = 5.0) -> Sample | None:
    async with answering(handler) as site:
        return (await read([site.address], timeout))[0]


async def test_engine_is_read() -> None:
    async with answering(text_answer(exposition("v1"))) as site:
        (found,) = await read([site.address])
    assert found is not None
    assert (found.observed_at, found.source, found.gauges["running"]) == (1234, "scrape", 12)
    assert site.asked[0].path == "/metrics"


@pytest.mark.parametrize(
    "handler",
    [
        text_answer("out of memory", 500),
        text_answer("not found", 404),
        text_answer("{<html>this is no exposition</html>"),
        text_answer(b"\xff\xfe\x00"),
        text_answer("# " + "x" * LARGEST_BYTES + "\n"),
    ],
    ids=["500", "404", "garbage", "bytes", "too-large"],
)
async def test_useless_answer_is_none(handler: Handler) -> None:
    assert await answered(handler) is None


async def test_answer_just_small_enough_is_read() -> None:
    text = exposition("v1")
    comment = "# " + "x" * (LARGEST_BYTES - len(text) - 3) + "\n"
    assert len(comment + text) == LARGEST_BYTES
    assert await answered(text_answer(comment + text)) is not None


async def test_other_software_shows_nothing_complete() -> None:
    found = await answered(text_answer("process_start_time_seconds 1\n"))
    assert found is not None and not found.complete


async def test_engine_that_hangs_is_given_up(hanging: Callable[[], Handler]) -> None:
    assert await answered(hanging(), timeout=0.05) is None


async def test_nobody_listens() -> None:
    async with answering(text_answer("")) as site:
        address = site.address
    assert await read([address]) == [None]


async def test_address_that_is_none() -> None:
    assert await read(["no host:port"]) == [None]


async def test_one_bad_engine_does_not_hide_the_others() -> None:
    async with answering(text_answer("", 500)) as bad, answering(text_answer(exposition("v1"))) as good:
        found = await read([bad.address, good.address, bad.address, good.address])
    assert [one is not None for one in found] == [False, True, False, True]


async def test_one_place_serves_many_engines() -> None:
    async with answering(text_answer(exposition("v1"))) as site:
        found = await read([site.address] * 20, concurrency=1)
    assert None not in found


async def test_use_without_entering_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match="async context manager"):
        await ScrapeSource(1.0, 1, lambda: 0.0).read([Target(("llm", "a"), "127.0.0.1:9")])
