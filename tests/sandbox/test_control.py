"""Requests to the supervisor."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rorqual_sandbox import control
from rorqual_sandbox.errors import NotRunningError, SandboxError
from rorqual_sandbox.layout import Layout


async def answer(request: dict[str, Any]) -> dict[str, Any]:
    if request["command"] == "fail":
        raise SandboxError("no such component")
    return {"seen": request["command"]}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / ("deep" * 30) / "s")  # longer than a socket's path may be
    layout.create()
    return layout


async def test_a_request_is_answered(layout: Layout) -> None:
    server = await control.serve(layout, answer)
    assert await asyncio.to_thread(control.ask, layout, command="status") == {"seen": "status"}
    server.close()


async def test_an_error_comes_back_as_one(layout: Layout) -> None:
    server = await control.serve(layout, answer)
    with pytest.raises(SandboxError, match="no such component"):
        await asyncio.to_thread(control.ask, layout, command="fail")
    server.close()


def test_nobody_there(layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match="does not answer"):
        control.ask(layout, command="status")
    with pytest.raises(NotRunningError):
        control.ask(Layout(tmp_path / "none"), command="status")
