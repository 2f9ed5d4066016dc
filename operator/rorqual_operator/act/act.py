"""Carries plans out, one service at a time, each after checking again that it still holds.

The failure of one service is that service's alone: it is logged, told in its status where the API server refused,
and tried again later.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from rorqual_engine.api import LLMServiceSpec
from rorqual_engine.plan import Apply, Command, ScaleTo, ServicePlan
from rorqual_engine.snapshot import Service, ServiceKey
from rorqual_operator.act import occurrences, status
from rorqual_operator.act.children import Children, Lookup
from rorqual_operator.act.events import Recorder
from rorqual_operator.act.refusals import Refusals, lasting, stalled
from rorqual_operator.act.render import Owner, RenderError
from rorqual_operator.kube import DEPLOYMENTS, LLMSERVICES, Kube, KubeError, NotFound, Object

log = logging.getLogger(__name__)


class Store(Protocol):
    """The operator's copy of the cluster, as far as acting needs it."""

    def get(self, resource: Any, key: ServiceKey) -> Object | None: ...
    def put(self, resource: Any, item: Object) -> None: ...


class Actor:
    """Carries out plans by server-side apply, and writes status and Events."""

    def __init__(self, kube: Kube, children: Children, recorder: Recorder, store: Store) -> None:
        self._kube, self._children, self._recorder, self._store = kube, children, recorder, store
        self._written_at: dict[ServiceKey, float] = {}
        self._refusals = Refusals()
        self.on_command: Callable[[ServiceKey, Command], None] = lambda _key, _command: None
        """Told of every command that was carried out, for telemetry."""

    async def carry_out(self, item: Object, service: Service, plan: ServicePlan, now: float) -> bool:
        """Commands, then status, then Events. False when it is to be tried again, and nothing of it remembered."""
        stall = self._refusals.standing(service, now)
        if stall:
            await self._report(item, service, stalled(plan, stall), now)
            return False
        try:
            for command in plan.commands:
                if not await self._command(service, command):
                    return False
        except NotFound as error:
            log.info("%s vanished while it was acted on: %s", service.key, error)
            return False
        except (RenderError, KubeError) as error:
            await self._failed(item, service, plan, error, now)
            return False
        self._refusals.clear(service.key)
        await self._report(item, service, plan, now)
        return True

    async def _failed(
        self, item: Object, service: Service, plan: ServicePlan, error: RenderError | KubeError, now: float
    ) -> None:
        log.error("cannot carry out the plan: %s", error, extra={"service": str(service.key)})
        if lasting(error):
            await self._report(item, service, stalled(plan, self._refusals.add(service, error, now)), now)

    async def _report(self, item: Object, service: Service, plan: ServicePlan, now: float) -> None:
        await self._write_status(item, status.status_of(service, plan, item.get("status") or {}, now), now)

    async def report_invalid(self, item: Object, message: str, now: float) -> None:
        """Tells of a spec that cannot be read; touches nothing else."""
        previous, generation = item.get("status") or {}, item["metadata"]["generation"]
        await self._write_status(item, status.invalid_status(previous, generation, message, now), now)

    def forget(self, alive: Mapping[ServiceKey, Object]) -> None:
        """Drops what is remembered of services that are gone."""
        self._children.forget({item["metadata"]["uid"] for item in alive.values()})
        self._written_at = {key: at for key, at in self._written_at.items() if key in alive}
        self._refusals.forget(alive)

    async def _command(self, service: Service, command: Command) -> bool:
        """False when the command is out of date."""
        owner = Owner(service.key.namespace, service.key.name, service.uid, service.generation)
        if isinstance(command, Apply):
            await self._apply(owner, service.spec, command)
        elif isinstance(command, ScaleTo):
            if not self._still_holds(service, command):
                return False
            await self._children.scale(owner, command.replicas)
        self.on_command(service.key, command)
        return True

    async def _apply(self, owner: Owner, spec: LLMServiceSpec, command: Apply) -> None:
        if await self._children.ensure(owner, spec, command.configuration, command.replicas, self._lookup):
            log.info("applied %s", command.reason, extra={"service": f"{owner.namespace}/{owner.name}"})

    def _still_holds(self, service: Service, command: ScaleTo) -> bool:
        """Whether the number of replicas is still the one that the decision was made from."""
        live = self._store.get(DEPLOYMENTS, service.key)
        current = live["spec"].get("replicas", 1) if live else None
        if current != command.current:
            log.info("not scaled: replicas are %s, not %s any more", current, command.current,
                     extra={"service": str(service.key)})  # fmt: skip
            return False
        return True

    @property
    def _lookup(self) -> Lookup:
        return lambda resource, namespace, name: self._store.get(resource, ServiceKey(namespace, name))

    async def _write_status(self, item: Object, new: dict[str, Any], now: float) -> None:
        key = ServiceKey(item["metadata"]["namespace"], item["metadata"]["name"])
        previous = item.get("status") or {}
        if not status.worth_writing(previous, new, self._written_at.get(key), now):
            return
        try:
            written = await self._kube.apply(LLMSERVICES, status.manifest(key, new), "rorqual", "status")
        except NotFound:
            return
        except KubeError as error:
            log.error("cannot write status: %s", error, extra={"service": str(key)})
            return
        self._store.put(LLMSERVICES, written)
        self._written_at[key] = now
        for occurrence in occurrences.occurrences(previous, new):
            extra = {"service": str(key), "reason": occurrence.cause}
            log.info("%s: %s", occurrence.reason, occurrence.message, extra=extra)
            await self._recorder.record(item, occurrence, now)
