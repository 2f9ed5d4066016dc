"""One run of a pod's container: its process, probed until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from rorqual_sandbox.agent.account import Account
from rorqual_sandbox.agent.container import ContainerProcess, Observer, parse_probes, watch_probes
from rorqual_sandbox.agent.preparation import Prepared
from rorqual_sandbox.agent.probes import SystemChecker
from rorqual_sandbox.agent.record import Running, Terminated, exit_code
from rorqual_sandbox.agent.surroundings import Surroundings

_NOT_EXECUTABLE = 127  # a shell's code for a command that it cannot find


class Run:
    """Starts the process, once; `process` is None until then, and `env` what it was given."""

    def __init__(self, account: Account, around: Surroundings, prepared: Prepared) -> None:
        self.process: ContainerProcess | None = None
        self.env: Mapping[str, str] = prepared.env
        self._account = account
        self._around = around
        self._launch = prepared.launch

    async def finish(self) -> tuple[Terminated, float]:
        """Runs it to its end; that end, and how many seconds it lasted."""
        account, clock = self._account, self._around.clock
        started_at, began = clock.now(), clock.seconds()
        try:
            self.process = await ContainerProcess.start(self._launch.argv, self.env, account.log, self._launch.notes)
        except OSError as error:
            account.tell("Warning", "Failed", f"Error: {error}")
            code = _NOT_EXECUTABLE
        else:
            account.tell("Normal", "Started", " ".join(["Started container", account.name, *self._launch.notes]))
            account.publish(state=Running(started_at), ready=False, started=False)
            code = exit_code(await self._follow(self.process))
        ended = Terminated(code, started_at, clock.now())
        account.publish(state=ended, ready=False, started=False)
        return ended, clock.seconds() - began

    async def _follow(self, process: ContainerProcess) -> int:
        """Probes the process until it ends, by itself or for a failed probe; its return code."""
        probing = asyncio.create_task(self._probe())
        ending = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({probing, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                self._account.tell("Normal", "Killing", f"Container {self._account.name}: {probing.result()}")
                self._account.publish(ready=False)
                await process.stop(self._account.grace_seconds)
            return await ending
        finally:
            probing.cancel()
            ending.cancel()
            await asyncio.wait({probing, ending})

    async def _probe(self) -> str:
        observer = Observer(
            ready=lambda value: self._account.publish(ready=value),
            started=lambda: self._account.publish(started=True),
            unhealthy=self._report_unhealthy,
        )
        probes = parse_probes(self._account.container, self._account.record.ip)
        checker = SystemChecker(self._around.session, self.env)
        return await watch_probes(probes, checker, observer, self._around.clock)

    def _report_unhealthy(self, message: str) -> None:
        if self._account.record.ready:  # while the model loads, failures are no news
            self._account.tell("Warning", "Unhealthy", message)
