"""Blocking calls beside the event loop."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_daemon_thread(function: Callable[[], T]) -> T:
    """What `function` returns or raises, run in a thread that nobody waits for at the end of the process.

    An executor's threads are joined at exit, so that a server which never answers would hold up a graceful stop.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def deliver(act: Callable[[], None]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: None if result.done() else act())

    def work() -> None:
        try:
            value = function()
        except Exception as error:
            failure = error  # `error` ends with its block, before the loop gets to it
            deliver(lambda: result.set_exception(failure))
        else:
            deliver(lambda: result.set_result(value))

    threading.Thread(target=work, name="beside the loop", daemon=True).start()
    return await result
