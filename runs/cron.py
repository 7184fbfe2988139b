"""Cron expressions: five fields, in UTC, as `crontab(5)` and Debian's cron read them.

Names (`MON`, `JAN`), lists, ranges and steps; also `L` (last), `LW` (last weekday) and `MON#1` (the first Monday).
UTC has no daylight saving, so no slot is skipped and none comes twice.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

from cronsim import CronSim, CronSimError

FIELDS = "minute, hour, day of the month, month, day of the week"
LONGEST = 100
SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class BadExpression(ValueError):
    """The text is no cron expression, or one without a slot. The message goes on after the name of the field."""


def normalised(text: str) -> str:
    """The expression with single spaces. Raises BadExpression unless it is one that has a slot in 50 years."""
    if len(text) > LONGEST:
        raise BadExpression(f"must have at most {LONGEST} characters.")
    fields = text.split()
    if text.strip().lower() in SHORTHANDS:
        raise BadExpression(f"must have five fields: write {SHORTHANDS[text.strip().lower()]} for {text.strip()}.")
    if len(fields) != 5:
        raise BadExpression(f"must have five fields ({FIELDS}, in UTC), such as 30 6 * * 1-5; it has {len(fields)}.")
    expression = " ".join(fields)
    if not next_slots(expression, datetime.now(UTC)):
        raise BadExpression(f"has no slot: {expression} never comes.")
    return expression


def next_slots(expression: str, after: datetime, count: int = 1) -> list[datetime]:
    """The first slots later than a moment; fewer where the next 50 years have no more. Raises BadExpression."""
    return list(islice(_parsed(expression, after), count))


def in_words(expression: str) -> str:
    """Such as "At 06:30 on Monday through Friday". Raises BadExpression."""
    return str(_parsed(expression, datetime.now(UTC)).explain())


def _parsed(expression: str, after: datetime) -> CronSim:
    try:
        return CronSim(expression, after.astimezone(UTC))
    except CronSimError as error:
        raise BadExpression(_sentence(expression, str(error))) from error


def _sentence(expression: str, fault: str) -> str:
    """cronsim says "Bad hour": of an expression whose fields are each sound, the day must be one of no month."""
    field = fault.removeprefix("Bad ").replace("-", " ").replace("day of", "day of the")
    if field == "day of the month" and _day_is_sound(expression):
        return f"has no slot: {expression} never comes."
    return f"has no valid {field}: {expression}. The five fields are {FIELDS}."


def _day_is_sound(expression: str) -> bool:
    """Whether the day's field can be read apart from the month's."""
    fields = expression.split()
    try:
        CronSim(f"0 0 {fields[2]} * *", datetime.now(UTC))
    except CronSimError:
        return False
    return True
