"""Cells of files that somebody opens in a spreadsheet, which runs what looks like a formula."""

from __future__ import annotations

# Also in full width, which some take for the same.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def harmless(text: str) -> str:
    """With an apostrophe before what would be calculated (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text
