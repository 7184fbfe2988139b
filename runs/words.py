"""How a run is told of on a command line, whichever door the command goes through. Knows neither Django nor the API."""

from __future__ import annotations

from datetime import datetime

EXIT_CODES = {"completed": 0, "failed": 1, "stopped": 3}
LONGEST_ERROR = 500  # characters of its message
INTERRUPTED = 130  # what a shell answers for Ctrl-C
_JOINERS = "\u200c\u200d"  # which letters of some scripts, and some emoji, are put together with


def harmless(text: str) -> str:
    """The text with nothing that a terminal would obey or that turns its order round: such characters are written out,
    as in `\\x1b`; the ends of lines become spaces."""
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    return " " if character.isspace() else character.encode("unicode_escape").decode()


def counted(count: int, one: str, many: str = "") -> str:
    """Such as "1 record" and "2 records"; `many` where that is no `s`."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def counts_in_words(fetched: int, persisted: int, error_count: int) -> str:
    return f"{fetched:,} fetched, {persisted:,} persisted, {counted(error_count, 'error')}"


def end_in_words(status: str, counts: str, seconds: float | None, error: str) -> str:
    """How a run ended, in one line."""
    took = "" if seconds is None else f" in {seconds:.1f} s"
    return f"{status}: {counts}{took}" + (f". {harmless(error)}" if error else "")


def error_in_words(resource: str, message: str, code: str) -> str:
    """An error that a run went on from, in one line. Its message may be of any length."""
    cut = message if len(message) <= LONGEST_ERROR else f"{message[: LONGEST_ERROR - 1]}…"
    return harmless(f"{resource}: {cut} ({code})")


def event_in_words(at: datetime, kind: str, message: str) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z  {kind:<14} {harmless(message)}"


def stop_in_words(*, had_ended: bool, status: str) -> str:
    """What came of asking a run to stop that is in this state now."""
    if had_ended:
        return f"had already ended ({status}); nothing was changed"
    is_live = status not in EXIT_CODES
    return "stop asked for; it ends at its next page, request or wait" if is_live else "stopped"
