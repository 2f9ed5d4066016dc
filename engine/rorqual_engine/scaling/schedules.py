"""Bounds that begin at given times."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from rorqual_engine.api.spec import Schedule
from rorqual_engine.plan import Reason, Stall


def active_schedule(schedules: Sequence[Schedule], now: float) -> Schedule | Stall | None:
    """The schedule that began last; among those that began together the later in the list.

    None without schedules. A Stall of InvalidSpec names the first field that cannot be read.
    """
    begun: list[tuple[int, int]] = []
    for index, schedule in enumerate(schedules):
        began = last_begin(schedule.cron, schedule.timezone, int(now // 60))
        if isinstance(began, str):
            return Stall(Reason.INVALID_SPEC, f"scaling.schedules[{index}].{began}")
        if began is not None:
            begun.append((began, index))
    return schedules[max(begun)[1]] if begun else None


@lru_cache(maxsize=4096)
def last_begin(cron: str, timezone: str, minute: int) -> int | str | None:
    """The minute since the epoch, not after `minute`, at which `cron` last began; None when it never did.

    What is wrong, as text that begins with the field's name, when cron or time zone cannot be read. A pure function:
    the cache only saves time.
    """
    if len(cron.split()) != 5:
        return f"cron: {cron!r} has {len(cron.split())} fields, five were expected: minute hour day month weekday"
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        return f"timezone: {timezone!r} is no IANA time zone, such as Europe/Berlin or UTC"
    after = datetime.fromtimestamp((minute + 1) * 60, UTC).astimezone(zone)
    try:
        found = next(CronSim(cron, after, reverse=True), None)
    except CronSimError as error:
        return f"cron: {cron!r} cannot be read ({error}); expected minute hour day month weekday, such as 0 8 * * 1-5"
    return None if found is None else int(found.timestamp() // 60)
