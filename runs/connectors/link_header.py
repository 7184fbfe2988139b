"""The `Link` header (RFC 8288)."""

from __future__ import annotations

import re

_TOKEN = r"[!#$%&'*+\-.^_`|~\w]+"  # noqa: S105 - RFC 9110's name for a word of a header
_PARAMETER = re.compile(rf"\s*;\s*({_TOKEN})\s*(?:=\s*(?:\"((?:[^\"\\]|\\.)*)\"|({_TOKEN})))?", re.ASCII)
_TARGET = re.compile(r"[\s,]*<([^>]*)>")


def next_link(value: str) -> str | None:
    """The target of the link whose relation is `next`, as it stands there (it may be relative); None without one."""
    position = 0
    while target := _TARGET.match(value, position):
        parameters, position = _parameters(value, target.end())
        relations = parameters.get("rel", "").lower().split()
        if "next" in relations and "anchor" not in parameters:  # an anchor: a link of another page (section 3.2)
            return target[1].strip()
        position = value.find(",", position)
        if position < 0:
            return None
    return None


def _parameters(value: str, position: int) -> tuple[dict[str, str], int]:
    """The parameters from the position on, and where they end. Of a repeated one the first counts (section 3.3)."""
    found: dict[str, str] = {}
    while parameter := _PARAMETER.match(value, position):
        quoted, plain = parameter[2], parameter[3]
        text = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain or ""
        found.setdefault(parameter[1].lower(), text)
        position = parameter.end()
    return found, position
