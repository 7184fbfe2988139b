"""What makes two errors the same trouble: everything but the ids, numbers, dates and addresses in them."""

from __future__ import annotations

import hashlib
import re

# In this order: an address holds quotes and numbers, a date holds numbers. Bounded, for messages quote a source.
_VARIABLE = re.compile(
    r"""
      https?://[^\s"'<>]*[^\s"'<>.,;:!?)]                     # addresses, without what ends the sentence
    | "[^"]*" | `[^`]*` | “[^”]*” | (?<!\w)'[^']*'(?!\w)      # quoted values
    | \b[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\b       # UUIDs, with hyphens or without
    | \b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?   # dates and times, ISO 8601
    | \b[0-9a-f]{8,}\b                                        # hexadecimal
    | (?<!\w)[+-]?(?=[\w-]*\d)[\w-]+                         # anything with a digit: numbers, ids such as cus_9f3
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NUMBERS_JOINED = re.compile(r"\#(?:[\s.,:/+-]*\#)+")
_LONGEST = 2_000
LONGEST_TITLE = 300


def fingerprint(resource: str, method: str, code: str, message: str, status_code: int | None = None) -> str:
    """The same for errors of one kind: a hash of 32 hexadecimal digits."""
    shape = "\n".join((resource, method, code, str(status_code or ""), message_shape(message)))
    return hashlib.blake2b(shape.encode("utf-8", "replace"), digest_size=16).hexdigest()


def message_shape(message: str) -> str:
    """The message with `#` for whatever differs from one record or request to the next."""
    return _shape(message).lower()


def title(message: str, status_code: int | None = None) -> str:
    """The same for people: one line, in the message's own letters, with `…` for what differs.

    The status is the same in all errors of a kind, so it stays.
    """
    text = _shape(message, kept=str(status_code)).replace("#", "…")
    return text if len(text) <= LONGEST_TITLE else f"{text[:LONGEST_TITLE]}…"


def _shape(message: str, kept: str = "") -> str:
    def blank(found: re.Match[str]) -> str:
        return kept if found[0] == kept else "#"

    return " ".join(_NUMBERS_JOINED.sub("#", _VARIABLE.sub(blank, message[:_LONGEST])).split())
