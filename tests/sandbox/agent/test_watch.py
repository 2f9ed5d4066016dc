"""A watch loses nothing when it breaks."""

from __future__ import annotations

from typing import Any

from rorqual_sandbox.agent.watch import follow
from rorqual_sandbox.api import ApiError, Object


def item(uid: str) -> Object:
    return {"metadata": {"uid": uid}}


def listing(*uids: str) -> Object:
    return {"metadata": {"resourceVersion": "1"}, "items": [item(uid) for uid in uids]}


def event(kind: str, uid: str) -> Object:
    return {"type": kind, "object": item(uid)}


async def take(api: Any, clock: Any, count: int) -> list[tuple[str, str]]:
    seen: list[tuple[str, str]] = []
    async for change in follow(api, "/x", {}, clock):
        seen.append((change.kind, change.object["metadata"]["uid"]))
        if len(seen) == count:
            return seen
    raise AssertionError("follow never ends")


async def test_lists_then_watches(api: Any, clock: Any) -> None:
    api.lists = [listing("a")]
    api.streams = [[event("ADDED", "b"), event("MODIFIED", "a"), event("DELETED", "b")]]
    assert await take(api, clock, 4) == [("present", "a"), ("present", "b"), ("present", "a"), ("gone", "b")]


async def test_a_deletion_that_the_watch_missed_shows_on_the_next_list(api: Any, clock: Any) -> None:
    api.lists = [listing("a", "b"), listing("b")]
    api.streams = [ApiError(410, "too old")]
    assert await take(api, clock, 4) == [("present", "a"), ("present", "b"), ("gone", "a"), ("present", "b")]


async def test_a_refused_list_is_tried_again(api: Any, clock: Any) -> None:
    api.failures = [OSError("refused")]
    api.lists = [listing("a")]
    assert await take(api, clock, 1) == [("present", "a")]
    assert len(clock.sleeps) == 1
