"""What only the list of runs writes."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from dashboard.histogram import Bar
from dashboard.templatetags.syncdeck import icon
from runs.filters import RunFilter
from runs.models import RunTrigger

register = template.Library()

_TRIGGER_ICONS = {
    RunTrigger.API: "braces",
    RunTrigger.DASHBOARD: "mouse-pointer-click",
    RunTrigger.ADMIN: "wrench",
    RunTrigger.SCHEDULE: "calendar-clock",
    RunTrigger.RERUN: "rotate-cw",
    RunTrigger.CLI: "terminal",
}


@register.simple_tag
def trigger_icon(trigger: str) -> SafeString:
    """The drawing of what started a run; the word stands beside it for screen readers."""
    return icon(_TRIGGER_ICONS[RunTrigger(trigger)])


@register.simple_tag
def also(filters: RunFilter, name: str, value: object) -> str:
    """The address's query with one more value of this filter."""
    before = [text for text in filters.params.getlist(name) if text != str(value)]
    return filters.query_string(**{name: [*before, str(value)]})


@register.simple_tag
def bar_query(filters: RunFilter, bar: Bar) -> str:
    """The address's query with the time of this bar."""
    return filters.query_string(since=bar.since, until=bar.until)
