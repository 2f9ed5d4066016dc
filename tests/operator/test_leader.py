"""Of two candidates one leads, and never both: by the observer's own clock, through conflicts and outages."""

import asyncio

import pytest

from rorqual_operator.kube import LEASES, Conflict, Object
from rorqual_operator.leader import Election, LeadershipLost

from .fake_kube import OUTAGE, FakeKube, forbidden
from .virtual_time import in_virtual_time, now

DURATION, RENEW = 10.0, 3.0


def candidate(kube: FakeKube, identity: str, wall_clock: float = 0.0) -> Election:
    """With the loop's virtual time, and a wall clock that is ahead of it by so much."""
    return Election(kube, "rorqual", "ops", identity, DURATION, RENEW, now, lambda: now() + wall_clock)  # type: ignore[arg-type]


def lease(kube: FakeKube) -> Object:
    return kube.objects[LEASES, "ops", "rorqual"]["spec"]


@in_virtual_time
async def test_first_candidate_makes_the_lease() -> None:
    kube = FakeKube()
    election = candidate(kube, "a")
    await election.acquire()
    assert election.leading.is_set()
    assert lease(kube) == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 10,
        "acquireTime": "1970-01-01T00:00:00.000000Z",
        "renewTime": "1970-01-01T00:00:00.000000Z",
        "leaseTransitions": 0,
    }


@in_virtual_time
async def test_second_candidate_waits_while_the_first_renews() -> None:
    kube = FakeKube()
    first, second = candidate(kube, "a"), candidate(kube, "b")
    await first.acquire()
    holding, waiting = asyncio.create_task(first.hold()), asyncio.create_task(second.acquire())
    await asyncio.sleep(1000)
    assert not waiting.done() and not holding.done()
    assert lease(kube)["holderIdentity"] == "a"
    for task in (holding, waiting):
        task.cancel()


@pytest.mark.parametrize("wall_clock", [0.0, 86_400.0, -86_400.0])
def test_take_over_comes_after_the_duration_by_the_observers_clock(wall_clock: float) -> None:
    @in_virtual_time
    async def scenario() -> None:
        kube = FakeKube()
        await candidate(kube, "a").acquire()
        successor = candidate(kube, "b", wall_clock)
        await successor.acquire()
        assert DURATION <= now() < DURATION + RENEW
        assert (lease(kube)["holderIdentity"], lease(kube)["leaseTransitions"]) == ("b", 1)

    scenario()


@in_virtual_time
async def test_released_lease_is_taken_at_the_next_attempt() -> None:
    kube = FakeKube()
    first, second = candidate(kube, "a"), candidate(kube, "b")
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(1)
    await first.release()
    await waiting
    assert now() == RENEW
    assert not first.leading.is_set()


@in_virtual_time
async def test_release_leaves_anothers_lease_alone() -> None:
    kube = FakeKube()
    first, second = candidate(kube, "a"), candidate(kube, "b")
    await first.acquire()
    await second.acquire()
    await first.release()
    assert lease(kube)["holderIdentity"] == "b"


@in_virtual_time
async def test_release_without_leadership_asks_nothing() -> None:
    kube = FakeKube()
    await candidate(kube, "a").release()
    assert kube.calls == []


@in_virtual_time
async def test_release_while_the_server_is_away_is_harmless() -> None:
    kube = FakeKube()
    election = candidate(kube, "a")
    await election.acquire()
    kube.fail("*", "leases", OUTAGE)
    await election.release()
    assert not election.leading.is_set()


@in_virtual_time
async def test_conflict_means_that_another_was_faster() -> None:
    kube = FakeKube()
    kube.fail("create", "leases", Conflict(409, "AlreadyExists", ""))
    election = candidate(kube, "b")
    waiting = asyncio.create_task(election.acquire())
    await asyncio.sleep(1)
    assert not election.leading.is_set()
    await waiting


@in_virtual_time
async def test_candidate_survives_an_outage() -> None:
    kube = FakeKube()
    kube.fail("*", "leases", OUTAGE, times=20)
    await candidate(kube, "a").acquire()
    assert now() == 20 * RENEW


@in_virtual_time
async def test_short_outage_does_not_cost_leadership() -> None:
    kube = FakeKube()
    election = candidate(kube, "a")
    await election.acquire()
    holding = asyncio.create_task(election.hold())
    kube.fail("*", "leases", OUTAGE)
    await asyncio.sleep(100)
    assert not holding.done()
    holding.cancel()


@pytest.mark.parametrize("answer_seconds", [0.0, 1.0, 15.0])
def test_leadership_ends_before_the_lease_does(answer_seconds: float) -> None:
    """However long the API server lets the renewals hang."""

    @in_virtual_time
    async def scenario() -> None:
        kube = FakeKube()
        first, second = candidate(kube, "a"), candidate(kube, "b")
        await first.acquire()
        waiting = asyncio.create_task(second.acquire())
        kube.delay("replace", answer_seconds)
        kube.fail("replace", "leases", forbidden(), times=1000)
        with pytest.raises(LeadershipLost, match="ops/rorqual could not be renewed by a"):
            await first.hold()
        assert now() < DURATION
        assert not first.leading.is_set()
        kube.recover()
        await waiting
        assert now() >= DURATION

    scenario()


@in_virtual_time
async def test_time_of_renewal_is_that_before_the_slow_answer() -> None:
    kube = FakeKube()
    election = candidate(kube, "a")
    kube.delay("create", 4.0)
    await election.acquire()
    kube.fail("*", "leases", OUTAGE, times=1000)
    with pytest.raises(LeadershipLost):
        await election.hold()
    assert now() == DURATION - RENEW


@in_virtual_time
async def test_lease_in_anothers_name_ends_leadership_at_once() -> None:
    kube = FakeKube()
    election = candidate(kube, "a")
    await election.acquire()
    stolen = kube.objects[LEASES, "ops", "rorqual"]
    stolen["spec"].update(holderIdentity="b", renewTime="2026-01-01T00:00:00.000000Z")
    with pytest.raises(LeadershipLost):
        await election.hold()
    assert now() == RENEW
    assert lease(kube)["holderIdentity"] == "b"


@in_virtual_time
async def test_own_lease_is_taken_up_again_after_a_restart() -> None:
    kube = FakeKube()
    await candidate(kube, "a").acquire()
    await candidate(kube, "a").acquire()
    assert now() == 0.0
    assert lease(kube)["leaseTransitions"] == 0


@in_virtual_time
async def test_each_attempt_tells_whether_the_api_server_answers() -> None:
    kube, told = FakeKube(), list[str | None]()
    election = candidate(kube, "a")
    election.on_contact = told.append
    kube.fail("*", "leases", OUTAGE)
    await election.acquire()
    assert told == [str(OUTAGE), None]
