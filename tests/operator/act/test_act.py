"""Plans are carried out as far as they still hold; what fails is told and tried again."""

from dataclasses import replace
from typing import Any

import pytest

from rorqual_engine.plan import Apply, Command, Memory, Reason, ScaleTo, ServicePlan, Stall
from rorqual_engine.snapshot import Service, ServiceKey
from rorqual_operator.act.act import Actor
from rorqual_operator.act.children import Children
from rorqual_operator.act.events import Recorder
from rorqual_operator.act.refusals import FIRST_PAUSE_SECONDS
from rorqual_operator.act.render import Capabilities
from rorqual_operator.kube import DEPLOYMENTS, EVENTS, LLMSERVICES, Conflict, NotFound, Object, Resource

from ..builders import CONFIGURATION, KEY, NOW, plan, pod, service, service_item, spec
from ..fake_kube import OUTAGE, FakeKube, forbidden

APPLY = Apply(CONFIGURATION, 2, Reason.INITIAL_CONFIGURATION)


def scale(current: int, replicas: int) -> ScaleTo:
    return ScaleTo(current, replicas, Reason.DEMAND_ABOVE_CAPACITY, "")


class Store:
    """The operator's copy: what the API server has, at once."""

    def __init__(self, kube: FakeKube) -> None:
        self._kube = kube

    def get(self, resource: Resource, key: ServiceKey) -> Object | None:
        return self._kube.objects.get((resource, key.namespace, key.name))

    def put(self, resource: Resource, item: Object) -> None: ...


class Bench:
    """An Actor on a fake API server that has llm/chat."""

    def __init__(self) -> None:
        self.kube = FakeKube()
        self.kube.add(LLMSERVICES, service_item())
        api: Any = self.kube
        store = Store(self.kube)
        self.actor = Actor(api, Children(api, Capabilities(), store.put), Recorder(api, "me"), store)
        self.told: list[Command] = []
        self.actor.on_command = lambda _, command: self.told.append(command)

    async def carry_out(self, its: ServicePlan, of: Service | None = None, at: float = 0) -> bool:
        remembered = replace(its, memory=Memory(verdict_since=NOW))
        return await self.actor.carry_out(self.item, of or service(pod()), remembered, NOW + at)

    @property
    def item(self) -> Object:
        return self.kube.objects[LLMSERVICES, "llm", "chat"]

    @property
    def replicas(self) -> int:
        found: int = self.kube.objects[DEPLOYMENTS, "llm", "chat"]["spec"]["replicas"]
        return found

    def events(self) -> list[str]:
        return [item["reason"] for (resource, _, _), item in self.kube.objects.items() if resource is EVENTS]

    def writes(self) -> list[str]:
        found = [call for verb in ("apply", "create", "merge", "replace") for call in self.kube.names(verb)]
        self.kube.calls.clear()
        return found


async def running() -> Bench:
    """With two replicas, and nothing more to write."""
    bench = Bench()
    await bench.carry_out(plan(APPLY), service(workload=None))
    await bench.carry_out(plan(APPLY))
    bench.writes()
    return bench


async def test_apply_then_status_then_events() -> None:
    bench = Bench()
    assert await bench.carry_out(plan(APPLY), service(workload=None))
    assert bench.replicas == 2
    assert bench.item["status"]["observedGeneration"] == 1
    assert "ConfigApplied" in bench.events()
    kinds = [call.split("/")[0] for call in bench.writes()]
    assert kinds.index("llmservices") > kinds.index("poddisruptionbudgets")


async def test_round_without_change_writes_nothing() -> None:
    bench = await running()
    assert await bench.carry_out(plan(APPLY), at=3600)
    assert bench.writes() == []


async def test_scale_step() -> None:
    bench = await running()
    assert await bench.carry_out(plan(scale(2, 3)))
    assert bench.replicas == 3
    assert bench.item["status"]["decisions"][0]["to"] == "3"
    assert "ScalingUp" in bench.events()


async def test_stale_scale_step_is_not_carried_out_nor_told_nor_remembered() -> None:
    bench = await running()
    assert not await bench.carry_out(plan(scale(1, 5)))
    assert bench.replicas == 2
    assert bench.told == [APPLY, APPLY]
    assert all(entry["action"] != "Scale" for entry in bench.item["status"]["decisions"])


async def test_scale_step_of_a_deployment_that_vanished_is_not_carried_out() -> None:
    bench = await running()
    bench.kube.remove(DEPLOYMENTS, "llm", "chat")
    assert not await bench.carry_out(plan(scale(2, 3)))
    assert (DEPLOYMENTS, "llm", "chat") not in bench.kube.objects


async def test_commands_that_were_carried_out_are_told() -> None:
    bench = Bench()
    its = plan(APPLY, scale(2, 3))
    await bench.carry_out(its, service(workload=None))
    assert bench.told == list(its.commands)


@pytest.mark.parametrize("error", [OUTAGE, Conflict(409, "Conflict", "")])
async def test_passing_failure_is_tried_again_at_the_next_round(error: Exception) -> None:
    bench = Bench()
    bench.kube.fail("apply", "deployments", error)
    assert not await bench.carry_out(plan(APPLY))
    assert "status" not in bench.item
    assert await bench.carry_out(plan(APPLY), at=1)


def stalled(bench: Bench) -> tuple[str, str, str]:
    (found,) = [entry for entry in bench.item["status"]["conditions"] if entry["type"] == "Stalled"]
    return found["status"], found["reason"], found["message"]


async def test_refusal_stalls_with_the_api_servers_words() -> None:
    bench = Bench()
    bench.kube.fail("apply", "deployments", forbidden("exceeded quota"))
    assert not await bench.carry_out(plan(APPLY))
    assert stalled(bench)[:2] == ("True", "Refused")
    assert "exceeded quota" in stalled(bench)[2]
    assert "Refused" in bench.events()


async def test_refused_is_not_asked_for_again_at_once_but_later() -> None:
    bench = Bench()
    bench.kube.fail("apply", "deployments", forbidden())
    await bench.carry_out(plan(APPLY))
    bench.writes()
    assert not await bench.carry_out(plan(APPLY), at=FIRST_PAUSE_SECONDS - 1)
    assert bench.writes() == []
    assert await bench.carry_out(plan(APPLY), at=FIRST_PAUSE_SECONDS)
    assert stalled(bench)[0] == "False"


async def test_refused_is_asked_for_at_once_when_the_spec_changes() -> None:
    bench = Bench()
    bench.kube.fail("apply", "deployments", forbidden())
    await bench.carry_out(plan(APPLY))
    assert await bench.carry_out(plan(APPLY), service(pod(), generation=2), at=1)


async def test_service_that_vanishes_meanwhile_is_no_failure_to_tell() -> None:
    bench = await running()
    bench.kube.fail("apply", "deployments", NotFound(404, "NotFound", ""))
    assert not await bench.carry_out(plan(scale(2, 3)))
    assert "Refused" not in bench.events()


async def test_spec_that_cannot_be_rendered_stalls_with_its_reason() -> None:
    bench = await running()
    of = service(pod(), spec=spec(model={"name": "m", "source": "pvc://claim/../etc"}))
    assert not await bench.carry_out(plan(APPLY), of)
    assert stalled(bench)[:2] == ("True", "InvalidTemplate")
    assert "model.source" in stalled(bench)[2]
    assert bench.replicas == 2


async def test_status_that_cannot_be_written_is_tried_again_with_its_events() -> None:
    bench = await running()
    bench.kube.fail("apply", "llmservices", OUTAGE)
    its = plan(scale(2, 3))
    await bench.carry_out(its)
    assert "ScalingUp" not in bench.events()
    await bench.carry_out(plan(desired=3), service(pod(), pod("b")), at=10)
    assert bench.item["status"]["desiredReplicas"] == 3


async def test_figures_alone_are_not_written_every_round() -> None:
    bench = await running()
    for at in (10, 20, 29, 30, 40):
        health = replace(plan().health, message=f"{at} requests")
        await bench.carry_out(plan(APPLY, health=health), at=at)
    assert len(bench.writes()) == 1


async def test_invalid_spec_is_told_and_touches_nothing_else() -> None:
    bench = await running()
    await bench.actor.report_invalid(bench.item, "spec.model: Field required", NOW + 60)
    assert [call.split("/")[0] for call in bench.writes()] == ["llmservices", "events"]
    assert bench.item["status"]["reason"] == "InvalidSpec"
    await bench.actor.report_invalid(bench.item, "spec.model: Field required", NOW + 70)
    assert bench.writes() == []


async def test_stall_is_an_event_once() -> None:
    bench = Bench()
    stalled = plan(stall=Stall(Reason.UNKNOWN_MODEL, "org/model is not in the catalog"))
    for at in (0, 10):
        await bench.carry_out(stalled, service(workload=None), at=at)
    assert bench.events().count("UnknownModel") == 1


async def test_service_made_anew_under_its_name_gets_its_children() -> None:
    bench = await running()
    bench.actor.forget({})
    await bench.carry_out(plan(APPLY))
    assert "deployments/chat" in bench.writes()


async def test_what_is_remembered_of_the_living_is_kept() -> None:
    bench = await running()
    bench.actor.forget({KEY: bench.item})
    await bench.carry_out(plan(APPLY))
    assert bench.writes() == []
