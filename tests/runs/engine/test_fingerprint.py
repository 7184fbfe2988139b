"""Errors of one kind have one fingerprint, whatever ids, numbers, dates and addresses their messages hold."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.engine.fingerprint import LONGEST_TITLE, fingerprint, message_shape, title

ALNUM = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
QUOTED = st.text(st.characters(codec="utf-8", exclude_characters="\"'`\n"), max_size=20)
VARIABLE = st.one_of(
    st.uuids().map(str),
    st.uuids().map(lambda value: value.hex),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(str),
    st.dates().map(str),
    st.datetimes(timezones=st.just(UTC)).map(lambda value: value.isoformat()),
    ALNUM.map("https://api.example.com/things/{}?page=2".format),
    ALNUM.map("cus_1{}".format),
    st.integers(min_value=2**32, max_value=2**64).map("{:x}".format),
    QUOTED.map('"{}"'.format),
    QUOTED.map("'{}'".format),
)
WORDS = st.lists(st.sampled_from(["the", "source", "refused", "record", "of", "page", "isn't"]), max_size=4)


@given(WORDS, VARIABLE, VARIABLE, WORDS, st.sampled_from(["", ".", ", then"]))
def test_messages_that_differ_in_a_value_agree(
    before: list[str], one: str, other: str, after: list[str], end: str
) -> None:
    def shape(value: str) -> str:
        return message_shape(" ".join([*before, value + end, *after]))

    assert shape(one) == shape(other)


@given(st.text(max_size=300))
def test_any_text_has_a_fingerprint(text: str) -> None:
    assert fingerprint("r", "list", "c", text) == fingerprint("r", "list", "c", text)


@pytest.mark.parametrize(
    ("message", "shape"),
    [
        ("The record 17 of page 3 is too long.", "the record # of page # is too long."),
        ("No value at 2024-01-02T03:04:05.678Z", "no value at #"),
        ("Ids 1, 2 and 3 are gone", "ids # and # are gone"),
        ("Ids 1, 2, 5 and 3 are gone", "ids # and # are gone"),
        ("The user's name 'Ada' isn't unique", "the user's name # isn't unique"),
        ("deadbeef is no id; cafe is one", "# is no id; cafe is one"),
    ],
)
def test_what_stays_of_a_message(message: str, shape: str) -> None:
    assert message_shape(message) == shape


def test_other_resources_methods_codes_and_words_have_others() -> None:
    kinds = [("a", "list", "x", "m"), ("b", "list", "x", "m"), ("a", "get", "x", "m"), ("a", "list", "y", "m")]
    assert len({fingerprint(*kind) for kind in [*kinds, ("a", "list", "x", "n")]}) == 5


def test_another_status_is_another_kind() -> None:
    assert fingerprint("a", "list", "x", "m", 404) != fingerprint("a", "list", "x", "m", 410)


@pytest.mark.parametrize(
    ("message", "status", "shown"),
    [
        ("The source answered 502 Bad Gateway\n 4 times.", 502, "The source answered 502 Bad Gateway … times."),
        ("Record cus_9f3 is 'odd'", None, "Record … is …"),
        ("x" * 400, None, "x" * LONGEST_TITLE + "…"),
        ("", None, ""),
    ],
)
def test_a_title_is_for_people(message: str, status: int | None, shown: str) -> None:
    assert title(message, status) == shown
