"""No cell of a file is a formula, and none breaks out of its place."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from runs.spreadsheets import harmless

BEGINNINGS = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001 - some take those of full width for the same
TEXTS = st.text(alphabet=st.sampled_from([*BEGINNINGS, *"'\",; ab1\0"]) | st.characters(codec="utf-8"))


@given(TEXTS)
def test_no_text_begins_a_formula(text: str) -> None:
    assert not harmless(text).startswith(tuple(BEGINNINGS))


@given(TEXTS)
def test_a_text_is_changed_by_an_apostrophe_at_most(text: str) -> None:
    assert harmless(text) in (text, f"'{text}")
    assert harmless(text) == text or text.startswith(tuple(BEGINNINGS))
    assert harmless(harmless(text)) == harmless(text)


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=5))
def test_every_cell_stays_in_its_place(rows: list[list[str]]) -> None:
    cells = [[harmless(text) for text in row] for row in rows]
    written = io.StringIO(newline="")
    csv.writer(written).writerows(cells)

    assert list(csv.reader(io.StringIO(written.getvalue(), newline=""))) == cells
