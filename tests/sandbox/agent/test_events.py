"""Events are written beside the work, and never hinder it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from rorqual_sandbox.agent.events import EventRecorder
from rorqual_sandbox.api import ApiError


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_event_names_its_pod(api: Any, pod: Any, clock: Any) -> None:
    EventRecorder(api, clock).record(pod, "Warning", "BackOff", "back-off 10s")
    await settle()
    (event,) = api.created
    assert event["involvedObject"]["uid"] == "u1" and event["metadata"]["namespace"] == "llm"
    assert (event["type"], event["reason"], event["message"]) == ("Warning", "BackOff", "back-off 10s")
    assert event["firstTimestamp"] == "2026-01-01T00:00:00Z"


async def test_an_event_that_cannot_be_written_is_logged(
    api: Any, pod: Any, clock: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(path: str, body: Any) -> Any:
        raise ApiError(403, "namespace is terminating")

    monkeypatch.setattr(api, "create", refuse)
    with caplog.at_level(logging.WARNING):
        EventRecorder(api, clock).record(pod, "Normal", "Started", "x")
        await settle()
    assert "namespace is terminating" in caplog.text
