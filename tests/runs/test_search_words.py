"""Filters typed into the search are told from the text that is searched for."""

from __future__ import annotations

import pytest

from runs.search_words import read_words


@pytest.mark.parametrize(
    ("text", "rest", "words"),
    [
        ("timeout", "timeout", []),
        ("job:nightly", "", [("job", "nightly")]),
        ("-job:nightly", "", [("not_job", "nightly")]),
        ("a job:x  b", "a b", [("job", "x")]),
        ('account:"Acme Corp" 500', "500", [("account", "Acme Corp")]),
        ("status:failed -status:stopped", "", [("status", "failed"), ("not_status", "stopped")]),
        ("resource:crm/contacts trigger:api", "", [("resource", "crm/contacts"), ("trigger", "api")]),
        ("over:15m since:24h", "", [("over", "15m"), ("since", "24h")]),
    ],
)
def test_a_word_is_a_filter(text: str, rest: str, words: list[tuple[str, str]]) -> None:
    assert read_words(text) == (rest, words)


@pytest.mark.parametrize(
    "text",
    ["", "job:", "job: x", "jobs:x", "xjob:y", "https://example.org/a:b", "-over:5m", 'job:"x', "status", "a  b"],
)
def test_anything_else_is_text_and_stays_as_it_is(text: str) -> None:
    assert read_words(text) == (text, [])
