"""How a duration is said."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext as _

UNKNOWN = "–"  # noqa: RUF001 - an en dash is meant
DASH = "\u2013"


def duration(value: timedelta | None) -> str:
    """Two units at most: `42s`, `4m 12s`, `3h 5m`, `2d 4h`. `static/js/clock.js` writes the same."""
    if value is None:
        return UNKNOWN
    days, hours, minutes, seconds = _units(value)
    if days:
        return _("{days}d {hours}h").format(days=days, hours=hours)
    if hours:
        return _("{hours}h {minutes}m").format(hours=hours, minutes=minutes)
    if minutes:
        return _("{minutes}m {seconds}s").format(minutes=minutes, seconds=seconds)
    return _("{seconds}s").format(seconds=seconds)


def brief_duration(value: timedelta) -> str:
    """As `duration`, without a second unit of which there is none: `5m` instead of `5m 0s`."""
    days, hours, minutes, seconds = _units(value)
    if days and not hours:
        return _("{days}d").format(days=days)
    if hours and not (days or minutes):
        return _("{hours}h").format(hours=hours)
    if minutes and not (days or hours or seconds):
        return _("{minutes}m").format(minutes=minutes)
    return duration(value)


def _units(value: timedelta) -> tuple[int, int, int, int]:
    """Whole days, hours, minutes and seconds."""
    minutes, seconds = divmod(max(0, int(value.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return days, hours, minutes, seconds


def about(value: timedelta) -> str:
    """A duration as one says it of something that is not known exactly: `40 s`, `4 min`, `3 h`, `2 d`."""
    count, words = _rounded(value)
    return words.format(count=count)


def span(shortest: timedelta, longest: timedelta) -> str:
    """From one duration to another: `4–6 min`, `50 s – 2 min`; one alone where both read the same."""  # noqa: RUF002
    (low, words), (high, words_of_high) = _rounded(shortest), _rounded(longest)
    if words != words_of_high:
        return f"{about(shortest)} {DASH} {about(longest)}"
    return words.format(count=low if low == high else f"{low}{DASH}{high}")


def _rounded(value: timedelta) -> tuple[int, str]:
    """How many of which unit."""
    seconds = value.total_seconds()
    if seconds < 60:
        return max(1, round(seconds)), _("{count} s")
    if seconds < 90 * 60:
        return round(seconds / 60), _("{count} min")
    return (round(seconds / 3600), _("{count} h")) if seconds < 36 * 3600 else (round(seconds / 86400), _("{count} d"))
