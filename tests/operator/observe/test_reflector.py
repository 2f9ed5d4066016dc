"""The copy of a collection stays right through everything that a watch can suffer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rorqual_operator.kube import PODS, Gone, Object
from rorqual_operator.observe.reflector import BACKOFF_SECONDS, PAUSE_SECONDS, Reflector

from ..builders import pod_item
from ..fake_kube import OUTAGE, FakeKube
from ..virtual_time import in_virtual_time, now


@asynccontextmanager
async def running(kube: FakeKube, **options: Any) -> AsyncIterator[Reflector]:
    """A reflector of pods that has listed once."""
    reflector = Reflector(kube, PODS, **options)  # type: ignore[arg-type]
    task = asyncio.create_task(reflector.run())
    await asyncio.sleep(1)
    try:
        yield reflector
    finally:
        task.cancel()


def names(reflector: Reflector) -> list[str]:
    return sorted(item["metadata"]["name"] for item in reflector)


def versioned(version: int, **status: Any) -> Object:
    item = pod_item(**status)
    item["metadata"]["resourceVersion"] = str(version)
    return item


@in_virtual_time
async def test_list_then_watch() -> None:
    kube = FakeKube()
    kube.add(PODS, pod_item("a"))
    async with running(kube) as reflector:
        assert reflector.synced.is_set()
        kube.add(PODS, pod_item("b"))
        kube.remove(PODS, "llm", "a")
        await asyncio.sleep(1)
        assert names(reflector) == ["b"]


@in_virtual_time
async def test_nothing_is_synced_before_the_first_list() -> None:
    kube = FakeKube()
    kube.fail("list", "pods", OUTAGE, times=100)
    async with running(kube) as reflector:
        assert not reflector.synced.is_set()
        assert reflector.problem == "pods: no answer from the API server: connection refused"


@in_virtual_time
async def test_object_that_vanished_while_the_watch_was_broken_is_gone() -> None:
    kube = FakeKube()
    kube.add(PODS, pod_item("a"))
    kube.add(PODS, pod_item("b"))
    async with running(kube) as reflector:
        kube.remove(PODS, "llm", "a", told=False)
        kube.break_watches(PODS, Gone(410, "Expired", "too old"))
        await asyncio.sleep(1)
        assert names(reflector) == ["b"]


@in_virtual_time
async def test_list_tells_what_vanished_and_what_changed_and_nothing_else() -> None:
    kube, told = FakeKube(), []
    for name in ("same", "gone", "changed"):
        kube.add(PODS, pod_item(name))
    async with running(kube, on_change=lambda item: told.append(item["metadata"]["name"])):
        told.clear()
        kube.remove(PODS, "llm", "gone", told=False)
        changed = kube.objects[PODS, "llm", "changed"]
        changed["metadata"]["resourceVersion"] = "999"
        kube.break_watches(PODS, Gone(410, "Expired", "too old"))
        await asyncio.sleep(1)
    assert told == ["gone", "changed"]


@in_virtual_time
async def test_gone_is_answered_by_a_list_after_a_breath() -> None:
    kube = FakeKube()
    async with running(kube) as reflector:
        began = now()
        kube.break_watches(PODS, Gone(410, "Expired", "too old"))
        await asyncio.sleep(PAUSE_SECONDS + 0.01)
        assert [verb for verb, _, _ in kube.calls] == ["list", "watch", "list", "watch"]
        assert reflector.problem is None
        assert now() - began < BACKOFF_SECONDS[0]


@in_virtual_time
async def test_watch_that_the_server_ends_goes_on_from_the_last_version() -> None:
    kube = FakeKube()
    async with running(kube):
        kube.add(PODS, pod_item("a"))
        await asyncio.sleep(1)
        kube.break_watches(PODS)
        await asyncio.sleep(1)
    assert kube.names("list") == ["pods/"]
    assert kube.names("watch")[-1] == f"pods/{kube.version}"


@in_virtual_time
async def test_bookmark_moves_the_version_and_stores_nothing() -> None:
    kube = FakeKube()
    async with running(kube) as reflector:
        kube.tell(PODS, "BOOKMARK", {"metadata": {"resourceVersion": "700"}})
        await asyncio.sleep(1)
        kube.break_watches(PODS)
        await asyncio.sleep(1)
        assert len(reflector) == 0
    assert kube.names("watch")[-1] == "pods/700"


@in_virtual_time
async def test_errors_back_off_longer_and_longer_up_to_a_limit() -> None:
    kube, slept = FakeKube(), []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    kube.fail("list", "pods", OUTAGE, times=len(BACKOFF_SECONDS) + 2)
    async with running(kube, sleep=sleep):
        pass
    assert slept == [*BACKOFF_SECONDS, BACKOFF_SECONDS[-1], BACKOFF_SECONDS[-1]]


@in_virtual_time
async def test_recovery_clears_the_problem_and_the_back_off() -> None:
    kube, slept = FakeKube(), []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(seconds)

    kube.fail("list", "pods", OUTAGE, times=2)
    async with running(kube, sleep=sleep) as reflector:
        assert reflector.problem is None
        kube.break_watches(PODS, OUTAGE)
        await asyncio.sleep(0.1)
        assert reflector.problem is not None
    assert slept == [BACKOFF_SECONDS[0], BACKOFF_SECONDS[1], BACKOFF_SECONDS[0]]


@in_virtual_time
async def test_copy_is_kept_while_the_server_is_away() -> None:
    kube = FakeKube()
    kube.add(PODS, pod_item("a"))
    async with running(kube) as reflector:
        kube.fail("*", "*", OUTAGE, times=1000)
        kube.break_watches(PODS, OUTAGE)
        await asyncio.sleep(60)
        assert names(reflector) == ["a"]


@in_virtual_time
async def test_older_version_never_overwrites_a_newer_one() -> None:
    kube = FakeKube()
    async with running(kube) as reflector:
        reflector.put(versioned(900, phase="Running"))
        kube.tell(PODS, "MODIFIED", versioned(899, phase="Pending"))
        await asyncio.sleep(1)
        found = reflector.get("llm", "chat-0")
        assert found and found["status"]["phase"] == "Running"


@in_virtual_time
async def test_object_made_anew_under_its_name_replaces_the_old_one() -> None:
    async with running(FakeKube()) as reflector:
        reflector.put(versioned(900))
        anew = versioned(5)
        anew["metadata"]["uid"] = "another"
        reflector.put(anew)
        found = reflector.get("llm", "chat-0")
        assert found and found["metadata"]["uid"] == "another"


@in_virtual_time
async def test_put_is_seen_at_once() -> None:
    async with running(FakeKube()) as reflector:
        reflector.put(versioned(900))
        assert names(reflector) == ["chat-0"]


@in_virtual_time
async def test_late_answer_does_not_bring_back_what_the_watch_saw_deleted() -> None:
    kube = FakeKube()
    written = kube.add(PODS, pod_item("a"))
    async with running(kube) as reflector:
        deleted = kube.remove(PODS, "llm", "a")
        await asyncio.sleep(1)
        for late in (written, deleted):
            reflector.put(late)
            assert names(reflector) == []


@in_virtual_time
async def test_managed_fields_are_dropped() -> None:
    kube = FakeKube()
    item = pod_item("a")
    item["metadata"]["managedFields"] = [{"manager": "kubelet"}]
    kube.add(PODS, item)
    async with running(kube) as reflector:
        kube.add(PODS, {**item, "metadata": {**item["metadata"], "name": "b"}})
        await asyncio.sleep(1)
        assert names(reflector) == ["a", "b"]
        assert not any("managedFields" in found["metadata"] for found in reflector)


@in_virtual_time
async def test_selector_goes_with_list_and_watch() -> None:
    asked = []

    class Asked(FakeKube):
        async def list(self, *args: Any, **query: str) -> Object:
            asked.append(query)
            return await super().list(*args, **query)

        def watch(self, *args: Any, **query: str) -> Any:
            asked.append(query)
            return super().watch(*args, **query)

    async with running(Asked(), selector="a=b"):
        pass
    assert asked == [{"labelSelector": "a=b"}] * 2
