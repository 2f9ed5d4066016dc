"""Events are written once for what happened and counted up after; their loss harms nothing."""

from typing import Any

import pytest

from rorqual_operator.act.events import AGGREGATE_SECONDS, LONGEST_MESSAGE, Occurrence, Recorder, event
from rorqual_operator.kube import EVENTS, NotFound

from ..builders import NOW, service_item
from ..fake_kube import OUTAGE, FakeKube, forbidden

HELD = Occurrence("Normal", "ScalingHeld", "MetricsUnavailable: nobody answers", "Hold")
ITEM = service_item()


def recorder(kube: FakeKube) -> Recorder:
    return Recorder(kube, "replica-a")  # type: ignore[arg-type]


def written(kube: FakeKube) -> list[dict[str, Any]]:
    return [item for (resource, _, _), item in kube.objects.items() if resource is EVENTS]


async def recorded(*seconds: float, occurrence: Occurrence = HELD) -> list[dict[str, Any]]:
    """Events after the same thing happened at those times."""
    kube = FakeKube()
    subject = recorder(kube)
    for at in seconds:
        await subject.record(ITEM, occurrence, NOW + at)
    return written(kube)


async def test_event_is_about_the_service() -> None:
    (found,) = await recorded(0)
    assert found["involvedObject"] == {
        "apiVersion": "rorqual.io/v1alpha1",
        "kind": "LLMService",
        "namespace": "llm",
        "name": "chat",
        "uid": "uid-chat",
        "resourceVersion": "1",
    }
    assert (found["type"], found["reason"], found["message"]) == (HELD.kind, HELD.reason, HELD.message)
    assert (found["action"], found["reportingComponent"], found["reportingInstance"]) == (
        "Hold",
        "rorqual",
        "replica-a",
    )
    assert found["firstTimestamp"] == found["lastTimestamp"] == "2026-01-01T12:00:00Z"
    assert found["metadata"]["namespace"] == "llm"


async def test_same_thing_again_is_counted_up() -> None:
    (found,) = await recorded(0, 10, 60)
    assert (found["count"], found["firstTimestamp"], found["lastTimestamp"]) == (
        3,
        "2026-01-01T12:00:00Z",
        "2026-01-01T12:01:00Z",
    )


async def test_series_goes_on_while_no_gap_is_too_long() -> None:
    step = AGGREGATE_SECONDS - 1
    (found,) = await recorded(0, step, 2 * step)
    assert found["count"] == 3


async def test_same_thing_long_after_is_a_new_event() -> None:
    assert [found["count"] for found in await recorded(0, AGGREGATE_SECONDS)] == [1, 1]


@pytest.mark.parametrize(
    "other", [Occurrence("Normal", "ScalingHeld", "Paused: by you"), Occurrence("Warning", "Ready", HELD.message)]
)
async def test_another_thing_is_another_event(other: Occurrence) -> None:
    kube = FakeKube()
    subject = recorder(kube)
    await subject.record(ITEM, HELD, NOW)
    await subject.record(ITEM, other, NOW)
    assert len(written(kube)) == 2


async def test_services_of_one_name_after_another_do_not_share_events() -> None:
    kube, anew = FakeKube(), service_item()
    anew["metadata"]["uid"] = "another"
    subject = recorder(kube)
    await subject.record(ITEM, HELD, NOW)
    await subject.record(anew, HELD, NOW + 1)
    assert len(written(kube)) == 2


async def test_event_that_expired_is_written_anew() -> None:
    kube = FakeKube()
    subject = recorder(kube)
    await subject.record(ITEM, HELD, NOW)
    kube.objects.clear()
    await subject.record(ITEM, HELD, NOW + 10)
    await subject.record(ITEM, HELD, NOW + 20)
    (found,) = written(kube)
    assert (found["count"], found["lastTimestamp"]) == (2, "2026-01-01T12:00:20Z")


@pytest.mark.parametrize("verb", ["create", "merge"])
@pytest.mark.parametrize("error", [OUTAGE, forbidden(), NotFound(404, "NotFound", "the namespace is gone")])
async def test_failure_to_write_is_harmless_and_the_next_is_written(verb: str, error: Exception) -> None:
    kube = FakeKube()
    subject = recorder(kube)
    for number in range(2):
        kube.fail(verb, "events", error)
        await subject.record(ITEM, HELD, NOW + number)
    kube.recover()
    await subject.record(ITEM, HELD, NOW + 5)
    assert written(kube)[-1]["lastTimestamp"] == "2026-01-01T12:00:05Z"


async def test_failure_in_a_namespace_that_ends_leaves_nothing_half_remembered() -> None:
    kube = FakeKube()
    subject = recorder(kube)
    await subject.record(ITEM, HELD, NOW)
    kube.objects.clear()
    kube.fail("create", "events", forbidden("the namespace is being terminated"))
    await subject.record(ITEM, HELD, NOW + 10)
    await subject.record(ITEM, HELD, NOW + 20)
    (found,) = written(kube)
    assert found["lastTimestamp"] == "2026-01-01T12:00:20Z"


def test_long_messages_are_cut() -> None:
    found = event(ITEM, Occurrence("Normal", "X", "y" * 5000), "name", "me", NOW)
    assert len(found["message"]) == LONGEST_MESSAGE
