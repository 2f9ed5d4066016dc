"""The tick: observe, decide, act. One for all services, supervised, and never stopped by a failure of one round."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from rorqual_engine.decide import decide
from rorqual_engine.plan import Memory, ServicePlan
from rorqual_engine.snapshot import ServiceKey
from rorqual_operator.act.act import Actor
from rorqual_operator.kube import Object
from rorqual_operator.observe.readings import Readings
from rorqual_operator.observe.world import Observation, World

log = logging.getLogger(__name__)

SHORTEST_PAUSE_SECONDS = 0.5
"""Between two rounds, however many changes ask for one."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Round:
    """One finished tick, for telemetry."""

    observation: Observation
    plans: dict[ServiceKey, ServicePlan]
    started_at: float
    ended_at: float
    failures: int


class Listener(Protocol):
    """Someone who is told of finished rounds."""

    def round_done(self, done: Round) -> None: ...
    def round_failed(self, error: Exception) -> None: ...


class Loop:
    """Runs rounds every `period_seconds`, and sooner when `wake` is set."""

    def __init__(
        self,
        world: World,
        readings: Readings,
        actor: Actor,
        listener: Listener,
        clock: Clock,
        period_seconds: float,
        wake: asyncio.Event,
    ) -> None:
        self._world, self._readings, self._actor, self._listener = world, readings, actor, listener
        self._clock, self._period_seconds = clock, period_seconds
        self._wake = wake
        self._memories: dict[ServiceKey, Memory] = {}

    async def run(self) -> None:
        """Ticks until cancelled. What goes wrong in a round is logged and counted; the next comes all the same."""
        await self._world.synced()
        log.info("watching %s", self._world.scope)
        await self._readings.recall(self._clock())
        while True:
            self._wake.clear()
            try:
                self._listener.round_done(await self.tick())
            except Exception as error:  # the tick must go on; liveness tells when rounds do not finish
                log.exception("this round failed")
                self._listener.round_failed(error)
            await self._pause()

    async def tick(self) -> Round:
        """One round. The time is read once: everything in it happens at that moment."""
        now = self._clock()
        pods = [pod for group in self._world.engine_pods().values() for pod in group]
        await self._readings.update(pods, now)
        seen = self._world.observe(self._readings, self._memories, now)
        plans = decide(seen.snapshot, now)
        failures = await self._act(seen, plans, now)
        self._forget(seen.objects)
        return Round(seen, plans, now, self._clock(), failures)

    async def _act(self, seen: Observation, plans: dict[ServiceKey, ServicePlan], now: float) -> int:
        failures = 0
        for service in seen.snapshot.services:
            key, plan = service.key, plans[service.key]
            if await _alone(key, self._actor.carry_out(seen.objects[key], service, plan, now)):
                self._memories[key] = plan.memory
            else:
                failures += 1
        for key, message in seen.invalid.items():
            await _alone(key, self._actor.report_invalid(seen.objects[key], message, now))
        return failures

    def _forget(self, alive: Mapping[ServiceKey, Object]) -> None:
        self._memories = {key: memory for key, memory in self._memories.items() if key in alive}
        self._actor.forget(alive)

    async def _pause(self) -> None:
        await asyncio.sleep(min(SHORTEST_PAUSE_SECONDS, self._period_seconds))
        try:
            await asyncio.wait_for(self._wake.wait(), max(0.0, self._period_seconds - SHORTEST_PAUSE_SECONDS))
        except TimeoutError:
            return


async def _alone(key: ServiceKey, action: Awaitable[bool | None]) -> bool | None:
    """What goes wrong in acting on one service is logged, and stops no other. None then."""
    try:
        return await action
    except Exception:
        log.exception("cannot act on this service", extra={"service": str(key)})
        return None
