"""Cron expressions: what is taken, what is refused in a sentence, and when the slots are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from runs.cron import BadExpression, in_words, next_slots, normalised


def at(*fields: int) -> datetime:
    return datetime(*fields, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("expression", "slots"),
    [
        ("*/15 * * * *", [at(2026, 11, 25, 12, 15), at(2026, 11, 25, 12, 30)]),
        ("0 6 * jan mon-fri", [at(2027, 1, 1, 6), at(2027, 1, 4, 6)]),
        ("0 0 29 2 *", [at(2028, 2, 29), at(2032, 2, 29)]),
        ("0 9 * * MON#1", [at(2026, 12, 7, 9), at(2027, 1, 4, 9)]),
        ("0 0 L * *", [at(2026, 11, 30), at(2026, 12, 31)]),
        ("0 0 1,15 * 3", [at(2026, 12, 1), at(2026, 12, 2)]),  # either day, as cron has it
    ],
)
def test_the_slots_are_later_than_the_moment(expression: str, slots: list[datetime]) -> None:
    assert next_slots(expression, at(2026, 11, 25, 12), 2) == slots


def test_the_slots_are_in_utc_wherever_the_moment_was_told() -> None:
    evening_in_india = datetime(2026, 11, 25, 23, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert next_slots("0 18 * * *", evening_in_india) == [at(2026, 11, 25, 18)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it has 0"),
        ("* * * * * *", "it has 6"),
        ("@daily", r"write 0 0 \* \* \* for @daily"),
        ("60 * * * *", "no valid minute"),
        ("0 24 * * *", "no valid hour"),
        ("0 0 32 * *", "no valid day of the month"),
        ("0 0 * 13 *", "no valid month"),
        ("0 0 * * fri-sun", "no valid day of the week"),
        ("*/0 * * * *", "no valid minute"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6 *", "never comes"),
        ("0 0 */31 * 1#3", "never comes"),  # the first and the third Monday at once
        ("1," * 60 + "1 * * * *", "at most 100 characters"),
    ],
)
def test_what_is_no_expression_or_has_no_slot_is_refused_in_a_sentence(text: str, message: str) -> None:
    with pytest.raises(BadExpression, match=message):
        normalised(text)


def test_white_space_is_brought_to_one_form() -> None:
    assert normalised("\t0  6 * *\nmon ") == "0 6 * * mon"


@pytest.mark.parametrize(
    ("expression", "words"),
    [("*/5 * * * *", "Every fifth minute of every hour"), ("30 6 * * 1-5", "At 06:30 on Monday through Friday")],
)
def test_it_is_said_in_words(expression: str, words: str) -> None:
    assert in_words(expression) == words
