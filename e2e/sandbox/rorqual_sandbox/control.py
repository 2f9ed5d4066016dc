"""Requests to a running supervisor: one line of JSON each way over a Unix socket in the state directory."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rorqual_sandbox.errors import NotRunningError, SandboxError
from rorqual_sandbox.layout import Layout

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
_SOCKET = "control.sock"


@contextmanager
def _short_path(directory: Path) -> Iterator[str]:
    """A path to the socket that fits the kernel's 107 bytes, however deep the state directory lies."""
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{_SOCKET}"
    finally:
        os.close(descriptor)


async def serve(layout: Layout, handle: Handler) -> asyncio.Server:
    """Answers requests with what `handle` returns, or with the text of the SandboxError that it raises."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            writer.write(json.dumps(await _answer(handle, request)).encode() + b"\n")
            await writer.drain()
        finally:
            writer.close()

    (layout.root / _SOCKET).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short_path(layout.root) as path:
        listener.bind(path)
    return await asyncio.start_unix_server(connected, sock=listener)


async def _answer(handle: Handler, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": await handle(request)}
    except SandboxError as error:
        return {"error": str(error)}


def ask(layout: Layout, timeout_seconds: float = 60, **request: Any) -> dict[str, Any]:
    """Sends one request to the supervisor of `layout`. Raises NotRunningError, or SandboxError with its answer."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client, _short_path(layout.root) as path:
            client.settimeout(timeout_seconds)
            client.connect(path)
            client.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(client.makefile().readline())
    except (FileNotFoundError, ConnectionError, TimeoutError, json.JSONDecodeError) as error:
        raise NotRunningError(f"sandbox {layout.name!r} does not answer; is it running?") from error
    if "error" in answer:
        raise SandboxError(answer["error"])
    result: dict[str, Any] = answer["result"]
    return result
