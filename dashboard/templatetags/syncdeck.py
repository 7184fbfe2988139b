"""How times, durations, numbers and states are written, everywhere the same."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import dateformat, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from dashboard.durations import UNKNOWN, about, duration, span
from dashboard.marks import Mark
from runs.comparison import Change
from runs.connectors import masked_value
from runs.differences import ABSENT
from runs.models import RunTrigger
from runs.quarantine import QuarantineFilter
from runs.record_filter import RecordFilter
from runs.wire import known_time

register = template.Library()

MINUS = "\u2212"
THIN_SPACE = "\u202f"
_DAY = timedelta(days=1)

register.filter(duration)
register.filter(about)
register.simple_tag(span)


@register.filter
def number(value: int | None) -> str:
    """12 345, grouped by thin spaces that do not break; a dash when it is not known."""
    return UNKNOWN if value is None else f"{value:,}".replace(",", THIN_SPACE)


@register.filter
def change(value: Change[Any]) -> str:
    """`+312 (+4 %)`, or with a minus; `±0` where nothing has changed, a dash where it is not known."""
    if value.by is None:
        return UNKNOWN
    if not value.by:
        return "±0"
    size = duration(abs(value.by)) if isinstance(value.by, timedelta) else number(abs(value.by))
    share = f" ({_signed(value.percent, number(abs(value.percent)))}{THIN_SPACE}%)" if value.percent else ""
    return f"{_signed(value.by, size)}{share}"


@register.filter
def started_by(trigger: str) -> str:
    """What started a run, in the middle of a sentence."""
    return str(_TRIGGERS.get(RunTrigger(trigger), trigger))


_TRIGGERS = {
    RunTrigger.API: gettext_lazy("API"),
    RunTrigger.DASHBOARD: gettext_lazy("dashboard"),
    RunTrigger.ADMIN: gettext_lazy("admin"),
    RunTrigger.SCHEDULE: gettext_lazy("schedule"),
    RunTrigger.RERUN: gettext_lazy("rerun"),
    RunTrigger.CLI: gettext_lazy("CLI"),
}


@register.filter
def full_stop(text: str) -> str:
    """The text as a sentence that another one can follow."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


@register.filter
def wrappable(address: str) -> SafeString:
    """An address that may go on in the next line after each of its slashes."""
    return format_html_join("", "{}<wbr>", ([part] for part in re.findall(r"[^/]*/|[^/]+$", address)))


@register.simple_tag
def when(value: datetime | None) -> str:
    """A moment as people say it: `4 min ago` within a day, else its date. The whole of it on hover."""
    if value is None:
        return UNKNOWN
    return _time(value, relative(value, timezone.now()), "when")


@register.simple_tag
def clock(value: datetime | None, beside: datetime | None = None) -> str:
    """A moment to the second, as a log writes it. The date is left out on the day of `beside`."""
    if value is None:
        return UNKNOWN
    same_day = beside is not None and timezone.localtime(value).date() == timezone.localtime(beside).date()
    time = f"{timezone.localtime(value):%H:%M:%S}"
    return _time(value, time if same_day else f"{_date(value)} {time}", "clock")


@register.simple_tag
def minute(value: datetime) -> str:
    """A moment to the minute, where seconds would say nothing: the date that a run fetches from."""
    return _time(value, moment(value), "minute")


@register.simple_tag
def slot(value: datetime) -> str:
    """A slot of a schedule in the reader's time zone, with its day of the week; in UTC, as schedules are written, on
    hover."""
    utc = value.astimezone(UTC)
    title = f"{_whole(value)}, {day(utc)} {utc:%H:%M} UTC"
    return format_html(
        '<time datetime="{}" title="{}" class="slot">{}</time>',
        known_time(value),
        title,
        f"{dateformat.format(timezone.localtime(value), 'D')} {moment(value)}",
    )


@register.simple_tag
def ticking(since: datetime | None) -> str:
    """The time since a moment, counted on in the browser."""
    if since is None:
        return UNKNOWN
    return format_html('<span data-since="{}">{}</span>', known_time(since), duration(timezone.now() - since))


@register.inclusion_tag("_mark.html")
def mark(of: Mark, bare: bool = False) -> dict[str, Any]:
    """The state's shape and word; `bare` leaves the word to screen readers."""
    return {"mark": of, "bare": bare}


@register.simple_tag
@cache  # a list has some hundred, and where a file is does not change under a process
def icon(name: str) -> SafeString:
    """A drawing of the sprite, silent for screen readers: the words beside it say what it means."""
    address = static("vendor/lucide-1.62.0/sprite.svg")
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', address, name)


@register.inclusion_tag("_copy.html")
def copyable(text: object, shown: object = None) -> dict[str, object]:
    """A text in monospace with a button that copies it."""
    return {"text": text, "shown": shown or text}


@register.filter
def short_id(value: object) -> str:
    """The two ends of an id: its middle says least."""
    text = str(value)
    return f"{text[:8]}…{text[-4:]}"


@register.filter
def said_as_json(value: Any) -> str:
    """A plain value in one line; a dash for one that is not there."""
    return UNKNOWN if value is ABSENT else json.dumps(value, ensure_ascii=False)


@register.filter
def percent(value: float) -> str:
    """A place in a drawing, whatever the reader's language writes for a point."""
    return f"{value:g}%"


@register.filter
def wire_time(value: datetime | None) -> str:
    """A moment as the wire has it; empty when it is not known."""
    return "" if value is None else known_time(value)


@register.filter
def pretty_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def without_secrets(value: Any) -> Any:
    """The JSON value with what is named or looks like a credential masked: arguments are a program's own."""
    return masked_value(value)


@register.filter
def with_code(text: str) -> SafeString:
    """A sentence whose commands stand between backticks."""
    parts = text.split("`")
    return format_html_join(
        "", "<{0}>{1}</{0}>", (("code" if index % 2 else "span", part) for index, part in enumerate(parts) if part)
    )


@register.filter
def as_time(text: str) -> datetime:
    """A time that is kept as the wire writes it."""
    return datetime.fromisoformat(text)


@register.simple_tag
def record_query(filters: RecordFilter | QuarantineFilter, **changes: str | None) -> str:
    """The query of a list of records with these filters changed."""
    return filters.query_string(**changes)


@register.filter
def moment(value: datetime) -> str:
    """A date and its minute, in plain text: `12 Nov 04:00`."""
    return f"{_date(value)} {_minute(value)}"


def relative(value: datetime, now: datetime) -> str:
    """The words for a moment seen from `now`; the date beyond a day."""
    age = now - value
    if abs(age) >= _DAY:
        return moment(value)
    if abs(age) < timedelta(seconds=5):
        return _("just now")
    return _in_units(int(abs(age).total_seconds()), is_past=age > timedelta(0))


def _signed(value: Any, size: str) -> str:
    return f"{'+' if value > type(value)(0) else MINUS}{size}"


def _in_units(seconds: int, *, is_past: bool) -> str:
    if seconds < 60:
        words, count = _("{count} s ago") if is_past else _("in {count} s"), seconds
    elif seconds < 3600:
        words, count = _("{count} min ago") if is_past else _("in {count} min"), seconds // 60
    else:
        words, count = _("{count} h ago") if is_past else _("in {count} h"), seconds // 3600
    return words.format(count=count)


def _date(value: datetime) -> str:
    local = timezone.localtime(value)
    return day(local) if local.year == timezone.localtime().year else _day_and_year(local)


@register.filter
def day(value: date) -> str:
    """A day of this year in plain text: `12 Nov`."""
    # Translators: a day without its year, in the letters of Django's filter `date`.
    return dateformat.format(value, pgettext("date format", "j M"))


def _day_and_year(value: datetime) -> str:
    # Translators: a day with its year, in the letters of Django's filter `date`.
    return dateformat.format(value, pgettext("date format", "j M Y"))


def _minute(value: datetime) -> str:
    return f"{timezone.localtime(value):%H:%M}"


def _whole(value: datetime) -> str:
    local = timezone.localtime(value)
    return f"{_day_and_year(local)} {local:%H:%M:%S} {timezone.get_current_timezone_name()}"


def _time(value: datetime, text: str, kind: str) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{}" class="{}">{}</time>', known_time(value), _whole(value), kind, text
    )
