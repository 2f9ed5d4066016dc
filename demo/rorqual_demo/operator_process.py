"""The operator as a process of its own, as in a cluster; its log goes to a file."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from rorqual_demo.errors import OperatorError
from rorqual_sandbox import process

_RUN = "from rorqual_operator.cli import main; main()"
_GRACE_SECONDS = 15.0
_LOG_LINES = 15


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """Where the operator finds things, and how often it decides."""

    kubeconfig: Path
    prometheus_url: str
    http_address: str
    tick_seconds: float = 5.0
    metrics_window_seconds: float = 20.0

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` without its own RORQUAL_* options, with these."""
        kept = {name: value for name, value in base.items() if not name.startswith("RORQUAL_")}
        return {
            **kept,
            "RORQUAL_PROMETHEUS_URL": self.prometheus_url,
            "RORQUAL_HTTP_ADDRESS": self.http_address,
            "RORQUAL_TICK_SECONDS": f"{self.tick_seconds:g}",
            "RORQUAL_METRICS_WINDOW_SECONDS": f"{self.metrics_window_seconds:g}",
            "RORQUAL_LOG_FORMAT": "json",
            "NO_PROXY": "127.0.0.0/8,localhost",  # everything that it talks to is on this machine
            "no_proxy": "127.0.0.0/8,localhost",
        }


class OperatorProcess:
    """A running operator; made by `run_operator`."""

    def __init__(self, settings: OperatorSettings, child: asyncio.subprocess.Process, log: Path) -> None:
        self._settings = settings
        self._child = child
        self.log = log

    async def wait_ready(self, timeout_seconds: float) -> None:
        """Until /readyz answers 200. Raises OperatorError when it ends first or takes too long."""
        url = f"http://{self._settings.http_address}/readyz"
        try:
            async with asyncio.timeout(timeout_seconds), aiohttp.ClientSession() as session:
                while not await _answers(session, url):
                    if self._child.returncode is not None:
                        raise self._ended()
                    await asyncio.sleep(0.2)
        except TimeoutError as error:
            message = f"the operator was not ready after {timeout_seconds:.0f} s ({url}):\n{self.log_tail()}"
            raise OperatorError(message) from error

    async def watch(self) -> None:
        """Waits for its end, which is always an OperatorError."""
        await self._child.wait()
        raise self._ended()

    def log_tail(self) -> str:
        """The last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join([f"last lines of {self.log}:", *lines[-_LOG_LINES:]])

    def _ended(self) -> OperatorError:
        return OperatorError(f"the operator ended with status {self._child.returncode}; {self.log_tail()}")


@asynccontextmanager
async def run_operator(settings: OperatorSettings, log: Path) -> AsyncIterator[OperatorProcess]:
    """Runs `rorqual operator run` on all namespaces inside the block.

    It ends with the block, and is killed when this process dies. `log` is appended to.
    """
    argv = [sys.executable, "-c", _RUN, "operator", "run", "--kubeconfig", str(settings.kubeconfig), "--all-namespaces"]
    child = await process.spawn(argv, env=settings.environment(os.environ), log=log)
    try:
        yield OperatorProcess(settings, child, log)
    finally:
        await process.stop(child, _GRACE_SECONDS)


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=2)) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
