"""A JSON value as a tree that a person can open and close, however large the value is."""

from __future__ import annotations

import json
from typing import Any

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

MOST_LINES = 1500
MOST_DEPTH = 20
LONGEST_TEXT = 2000
OPEN_LEVELS = 2
OPEN_CHILDREN = 50


def json_tree(value: Any) -> SafeString:
    """The value as nested lists, of which the first levels are open; what is beyond the bounds is counted instead."""
    return mark_safe(_Tree().drawn(value))  # noqa: S308 - every text within has been escaped


class _Tree:
    """Draws one value and keeps count of its lines."""

    def __init__(self) -> None:
        self._left = MOST_LINES

    def drawn(self, value: Any, level: int = 0) -> str:
        pairs = _pairs(value)
        if pairs is None:
            return _scalar(value)
        if not pairs:
            return '<span class="none">{}</span>' if isinstance(value, dict) else '<span class="none">[]</span>'
        if level == MOST_DEPTH:
            hidden = _("{count}, not shown at this depth").format(count=_count(value))
            return f'<span class="none">{hidden}</span>'
        return self._list(pairs, level)

    def _list(self, pairs: list[tuple[str, Any]], level: int) -> str:
        shown = pairs[: max(0, self._left)]
        self._left -= len(shown)
        lines = "".join(self._line(key, item, level) for key, item in shown)
        missing = len(pairs) - len(shown)
        if missing:
            more = ngettext("{count:,} more, not shown", "{count:,} more, not shown", missing).format(count=missing)
            lines += f'<li class="none">{more}</li>'
        return f'<ul class="tree">{lines}</ul>'

    def _line(self, key: str, item: Any, level: int) -> str:
        name = f'<span class="key">{escape(key)}</span>'
        if not _pairs(item):
            return f"<li>{name} {self.drawn(item, level + 1)}</li>"
        is_open = " open" if level + 1 < OPEN_LEVELS and len(item) <= OPEN_CHILDREN else ""
        summary = f'<summary>{name} <span class="none">{_count(item)}</span></summary>'
        return f"<li><details{is_open}>{summary}{self.drawn(item, level + 1)}</details></li>"


def _pairs(value: Any) -> list[tuple[str, Any]] | None:
    if isinstance(value, dict):
        return list(value.items())
    return [(str(index), item) for index, item in enumerate(value)] if isinstance(value, list) else None


def _count(value: Any) -> str:
    count = len(value)
    if isinstance(value, dict):
        return ngettext("{count:,} key", "{count:,} keys", count).format(count=count)
    return ngettext("{count:,} item", "{count:,} items", count).format(count=count)


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return f'<span class="plain">{escape(json.dumps(value))}</span>'
    text = format_html('<span class="text">{}</span>', value[:LONGEST_TEXT])
    left = len(value) - LONGEST_TEXT
    if left <= 0:
        return text
    more = ngettext("and {count:,} character more", "and {count:,} characters more", left).format(count=left)
    return f'{text}<span class="none"> {more}</span>'
