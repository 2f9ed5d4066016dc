from datetime import UTC, datetime

import pytest

from rorqual_engine.api.spec import Schedule
from rorqual_engine.plan import Reason, Stall
from rorqual_engine.scaling.schedules import active_schedule, last_begin


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def active(now: str, *schedules: Schedule) -> int | None:
    """Position of the active schedule."""
    found = active_schedule(schedules, at(now))
    assert not isinstance(found, Stall), found
    return None if found is None else schedules.index(found)


DAY = Schedule(cron="0 8 * * 1-5", min_replicas=4)
NIGHT = Schedule(cron="0 20 * * 1-5", min_replicas=1)


@pytest.mark.parametrize(
    ("now", "position"),
    [
        ("2026-03-04T12:00", 0),
        ("2026-03-04T08:00", 0),
        ("2026-03-04T07:59:59", 1),
        ("2026-03-04T20:00:30", 1),
        ("2026-03-07T12:00", 1),
    ],
)
def test_the_one_that_began_last_is_active(now, position):
    assert active(now, DAY, NIGHT) == position


def test_there_may_be_none():
    assert active("2026-03-04T12:00") is None


def test_of_two_that_began_together_the_later_in_the_list_counts():
    assert active("2026-03-04T12:00", DAY, Schedule(cron="0 8 * * *", min_replicas=2)) == 1


def test_a_time_zone_moves_the_begin():
    berlin = Schedule(cron="0 8 * * *", timezone="Europe/Berlin", min_replicas=4)
    midnight = Schedule(cron="0 0 * * *", min_replicas=1)
    assert active("2026-01-15T06:59", berlin, midnight) == 1
    assert active("2026-01-15T07:00", berlin, midnight) == 0
    assert active("2026-07-15T06:00", berlin, midnight) == 0


@pytest.mark.parametrize(
    ("noon", "begin"), [("2026-03-29T12:00", "2026-03-29T01:00"), ("2026-10-25T12:00", "2026-10-25T00:30")]
)
def test_an_hour_that_is_skipped_or_comes_twice_counts_once(noon, begin):
    """Berlin has no 02:30 on 29 March 2026: it begins when the clock has moved to 03:00; in October at the first."""
    assert last_begin("30 2 * * *", "Europe/Berlin", int(at(noon) // 60)) == at(begin) // 60


def test_a_date_that_never_comes_never_begins():
    assert active("2026-03-04T12:00", DAY, Schedule(cron="0 8 29 2 *", min_replicas=2)) == 0


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        (Schedule(cron="0 25 * * *"), "scaling.schedules[1].cron"),
        (Schedule(cron="every day"), "scaling.schedules[1].cron"),
        (Schedule(cron="0 0 8 * * *"), "scaling.schedules[1].cron"),
        (Schedule(cron="0 8 * * *", timezone="Mars/Olympus"), "scaling.schedules[1].timezone"),
        (Schedule(cron="0 8 * * *", timezone="../etc/passwd"), "scaling.schedules[1].timezone"),
    ],
)
def test_what_cannot_be_read_names_its_field(schedule, field):
    found = active_schedule([DAY, schedule], at("2026-03-04T12:00"))
    assert isinstance(found, Stall)
    assert found.reason is Reason.INVALID_SPEC
    assert found.message.startswith(field)
