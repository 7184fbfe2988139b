"""What a command tells cannot command the terminal."""

from __future__ import annotations

import pytest

from runs.words import LONGEST_ERROR, counts_in_words, end_in_words, error_in_words, harmless, stop_in_words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada [red] Lovelace", "Ada [red] Lovelace"),
        ("Zoë 東京 👩\u200d💻", "Zoë 東京 👩\u200d💻"),
        ("two\r\nlines\tand more", "two  lines and more"),
        ("\x1b[2J\x07\x00\x7f\x9b", r"\x1b[2J\x07\x00\x7f\x9b"),
        ("\u202eabc\u2066", r"\u202eabc\u2066"),
        ("\ud800", r"\ud800"),
        ("", ""),
    ],
)
def test_a_text_is_made_harmless(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_an_end_is_one_line() -> None:
    counts = counts_in_words(1200, 1000, 1)
    assert end_in_words("failed", counts, 3.14, "It\nsaid \x1b") == (
        r"failed: 1,200 fetched, 1,000 persisted, 1 error in 3.1 s. It said \x1b"
    )
    assert end_in_words("stopped", counts_in_words(0, 0, 0), None, "") == "stopped: 0 fetched, 0 persisted, 0 errors"


def test_an_error_is_one_line_of_bounded_length() -> None:
    assert error_in_words("cities", "Refused.\n\x1b", "timeout") == r"cities: Refused. \x1b (timeout)"
    assert len(error_in_words("cities", "x" * 10_000, "timeout")) == LONGEST_ERROR + len("cities:  (timeout)")


def test_a_stop_tells_what_came_of_it() -> None:
    assert stop_in_words(had_ended=True, status="failed") == "had already ended (failed); nothing was changed"
    assert stop_in_words(had_ended=False, status="stopped") == "stopped"
    assert stop_in_words(had_ended=False, status="running").startswith("stop asked for")
