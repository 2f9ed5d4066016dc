"""Lists and watches a collection without ever ending, and without losing a deletion."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Literal

from rorqual_sandbox.agent.writer import RETRY_SECONDS, UNREACHABLE
from rorqual_sandbox.api import Api, ApiError, Object
from rorqual_sandbox.clock import Clock

log = logging.getLogger("agent.watch")


@dataclass(frozen=True)
class Change:
    """An object as it is now, or as it last was when it is gone."""

    kind: Literal["present", "gone"]
    object: Object


async def follow(api: Api, path: str, params: Mapping[str, str], clock: Clock) -> AsyncIterator[Change]:
    """Changes of the collection at `path`, from a first list on. What a broken watch missed, the list tells."""
    known: dict[str, Object] = {}
    while True:
        try:
            async for change in _list_and_watch(api, path, params, known):
                yield change
        except (ApiError, *UNREACHABLE) as error:
            log.warning("watch of %s ended, listing again: %s", path, error)
            await clock.sleep(RETRY_SECONDS)


async def _list_and_watch(
    api: Api, path: str, params: Mapping[str, str], known: dict[str, Object]
) -> AsyncIterator[Change]:
    listed = await api.get(path, params)
    present = {item["metadata"]["uid"]: item for item in listed["items"]}
    for uid in [uid for uid in known if uid not in present]:
        yield Change("gone", known.pop(uid))
    for uid, item in present.items():
        known[uid] = item
        yield Change("present", item)
    async for event in api.watch(path, params, listed["metadata"]["resourceVersion"]):
        item = event["object"]
        uid = item["metadata"]["uid"]
        if event["type"] == "DELETED":
            known.pop(uid, None)
            yield Change("gone", item)
        else:
            known[uid] = item
            yield Change("present", item)
