"""Runs one thing while others watch over it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def attend(main: Coroutine[Any, Any, T], *watchers: Coroutine[Any, Any, None]) -> T:
    """The result of `main`, beside which `watchers` run; they are called off when it ends.

    A watcher that fails calls `main` off, and its error is raised; of several, the first.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(watcher) for watcher in watchers]
            result = await main
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as errors:
        raise _first(errors) from errors
    return result


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
