"""The sign of life."""

from __future__ import annotations

from typing import Any

import pytest

from rorqual_sandbox.pulse import Pulse


async def test_it_beats_until_the_context_ends(until: Any) -> None:
    beats: list[int] = []
    with Pulse(lambda: beats.append(1), 0.001) as pulse:
        await until(lambda: len(beats) >= 3)
    assert not pulse._thread.is_alive()


def test_it_does_not_beat_before_its_time() -> None:
    beats: list[int] = []
    with Pulse(lambda: beats.append(1), 3600):
        pass
    assert beats == []


def test_it_ends_with_an_error_too() -> None:
    pulse = Pulse(lambda: None, 3600)
    with pytest.raises(KeyError), pulse:
        raise KeyError
    assert not pulse._thread.is_alive()
