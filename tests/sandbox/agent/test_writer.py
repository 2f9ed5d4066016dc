"""Statuses reach the API server, whatever it does meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rorqual_sandbox.agent.record import Record
from rorqual_sandbox.agent.writer import RETRY_SECONDS, StatusWriter, remove_pod
from rorqual_sandbox.api import ApiError

RECORD = Record("127.1.1.1", "127.1.0.1", datetime(2026, 1, 1, tzinfo=UTC))


async def drain(writer: StatusWriter) -> None:
    task = asyncio.create_task(writer.run())
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()


async def test_only_the_newest_record_is_written(api: Any, pod: Any, clock: Any) -> None:
    writer = StatusWriter(api, pod, clock)
    writer.publish(RECORD)
    writer.publish(replace(RECORD, restarts=7))
    await drain(writer)
    (patch,) = api.patches
    assert patch["status"]["containerStatuses"][0]["restartCount"] == 7
    assert patch["metadata"]["uid"] == "u1"


@pytest.mark.parametrize("failure", [OSError("refused"), TimeoutError(), ApiError(500, "etcd is away")])
async def test_an_outage_is_waited_out(api: Any, pod: Any, clock: Any, failure: Exception) -> None:
    api.failures = [failure, failure]
    writer = StatusWriter(api, pod, clock)
    writer.publish(RECORD)
    await drain(writer)
    assert len(api.patches) == 1
    assert clock.sleeps == [RETRY_SECONDS] * 2


async def test_a_pod_that_is_gone_ends_the_writing(api: Any, pod: Any, clock: Any) -> None:
    api.failures = [ApiError(404, "gone")]
    writer = StatusWriter(api, pod, clock)
    writer.publish(RECORD)
    await asyncio.wait_for(writer.run(), 1)
    assert api.patches == []


async def test_removal_insists(api: Any, pod: Any, clock: Any) -> None:
    api.failures = [OSError("refused"), ApiError(503, "starting")]
    await remove_pod(api, pod, clock)
    assert api.deleted == ["/api/v1/namespaces/llm/pods/chat-0"]


@pytest.mark.parametrize("status", [404, 409])
async def test_removal_of_a_pod_that_is_gone_or_replaced_is_done(api: Any, pod: Any, clock: Any, status: int) -> None:
    api.failures = [ApiError(status, "no")]
    await remove_pod(api, pod, clock)
    assert clock.sleeps == []
