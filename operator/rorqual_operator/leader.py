"""Leadership by a Lease: two replicas run, one decides.

An own election rather than kubernetes.aio's, which does not give the Lease up at a graceful stop (its successor
would wait for the whole lease), reads the wall clock itself and writes local time as if it were UTC.
As in client-go, a holder's Lease is over when it has not changed for its duration by the observer's own clock, so
that clocks need not agree.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from rorqual_operator.kube import LEASES, Conflict, Kube, KubeError, NotFound, Object
from rorqual_operator.times import rfc3339_micro

log = logging.getLogger(__name__)

RELEASE_SECONDS = 2.0
"""A graceful stop waits no longer than this for the API server."""


class LeadershipLost(Exception):  # noqa: N818 an end, not an error of anybody
    """The Lease went to another, or could not be renewed in time."""


class Election:
    """One candidate. `monotonic` measures durations, `clock` is written into the Lease."""

    def __init__(
        self,
        kube: Kube,
        name: str,
        namespace: str,
        identity: str,
        duration_seconds: float,
        renew_seconds: float,
        monotonic: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._kube, self._name, self._namespace, self._identity = kube, name, namespace, identity
        self._duration_seconds, self._renew_seconds = duration_seconds, renew_seconds
        self._monotonic, self._clock = monotonic, clock
        self._seen: tuple[Any, float] = (None, 0.0)
        self._renewed_at = float("-inf")
        self.leading = asyncio.Event()
        self.on_contact: Callable[[str | None], None] = lambda _: None
        """Told after each attempt: None when the API server answered, else why not, in words."""

    async def acquire(self) -> None:
        """Returns when this candidate holds the Lease."""
        log.info("waiting for the lease %s/%s as %s", self._namespace, self._name, self._identity)
        while not await self._try():  # noqa: ASYNC110 nobody here could set an event: the Lease is elsewhere
            await asyncio.sleep(self._renew_seconds)
        self.leading.set()
        log.info("leading as %s", self._identity)

    async def hold(self) -> None:
        """Renews until cancelled. Raises LeadershipLost before another can have taken over, or once one has."""
        while self._left_seconds() > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._left_seconds()):
                    await asyncio.sleep(self._renew_seconds)
                    await self._try()
        self.leading.clear()
        raise LeadershipLost(f"lease {self._namespace}/{self._name} could not be renewed by {self._identity}")

    def _left_seconds(self) -> float:
        """Time in which a renewal must come, with a margin of one renewal before others see the Lease as over."""
        return self._renewed_at + self._duration_seconds - self._renew_seconds - self._monotonic()

    async def release(self) -> None:
        """Gives the Lease up, so that the next leader need not wait for its end."""
        if not self.leading.is_set():
            return
        self.leading.clear()
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._give_up()
        except (KubeError, TimeoutError) as error:
            log.warning("could not give up the lease: %s", error or "the API server did not answer in time")

    async def _give_up(self) -> None:
        lease = await self._kube.get(LEASES, self._namespace, self._name)
        if lease["spec"].get("holderIdentity") == self._identity:
            lease["spec"].update(holderIdentity="", leaseDurationSeconds=1)
            await self._kube.replace(LEASES, self._namespace, self._name, lease)

    async def _try(self) -> bool:
        try:
            taken = await self._attempt()
        except Conflict:
            taken = False  # another candidate was faster
        except KubeError as error:
            log.warning("lease %s/%s: %s", self._namespace, self._name, error)
            self.on_contact(str(error))
            return False
        self.on_contact(None)
        return taken

    async def _attempt(self) -> bool:
        began = self._monotonic()
        try:
            lease = await self._kube.get(LEASES, self._namespace, self._name)
        except NotFound:
            await self._kube.create(LEASES, self._namespace, self._lease())
        else:
            if not self._free(lease["spec"]):
                self._renewed_at = float("-inf")  # it is another's, whatever we thought
                return False
            await self._kube.replace(LEASES, self._namespace, self._name, self._taken(lease))
        self._renewed_at = began  # the server's time of renewal is later, so ours ends first
        return True

    def _free(self, spec: Object) -> bool:
        """Ours, nobody's, or unchanged for its whole duration."""
        holder, state = spec.get("holderIdentity"), (spec.get("holderIdentity"), spec.get("renewTime"))
        if state != self._seen[0]:
            self._seen = (state, self._monotonic())
        over = self._monotonic() - self._seen[1] >= spec.get("leaseDurationSeconds", self._duration_seconds)
        return holder in (None, "", self._identity) or over

    def _lease(self) -> Object:
        stamp = rfc3339_micro(self._clock())
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": {**self._claim(stamp), "acquireTime": stamp, "leaseTransitions": 0},
        }

    def _claim(self, stamp: str) -> Object:
        whole_seconds = max(1, round(self._duration_seconds))
        return {"holderIdentity": self._identity, "leaseDurationSeconds": whole_seconds, "renewTime": stamp}

    def _taken(self, lease: Object) -> Object:
        spec, stamp = dict(lease["spec"]), rfc3339_micro(self._clock())
        if spec.get("holderIdentity") != self._identity:
            spec.update(acquireTime=stamp, leaseTransitions=spec.get("leaseTransitions", 0) + 1)
        return {**lease, "spec": {**spec, **self._claim(stamp)}}
