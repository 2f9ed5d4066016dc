"""A call beside the loop returns, raises, and never holds up the end."""

import subprocess
import sys
import threading

import pytest

from rorqual_operator.threads import in_daemon_thread


async def test_it_gives_what_the_function_returns_from_another_thread() -> None:
    here = threading.get_ident()
    assert await in_daemon_thread(threading.get_ident) != here


async def test_it_raises_what_the_function_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_daemon_thread(lambda: 1 // 0)


def test_a_call_that_never_returns_does_not_hold_up_the_end_of_the_process() -> None:
    script = """
import asyncio, threading
from rorqual_operator.threads import in_daemon_thread

async def main():
    try:
        await asyncio.wait_for(in_daemon_thread(threading.Event().wait), 0.01)
    except TimeoutError:
        print("ended")

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stdout == "ended\n"
