"""The Link header of RFC 8288, as sources really send it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.connectors.link_header import next_link


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ('<https://a.example/?page=2>; rel="next"', "https://a.example/?page=2"),
        ("<https://a.example/?page=2>; rel=next", "https://a.example/?page=2"),
        ('<https://a.example/?p=1>; rel="prev", <https://a.example/?p=3>; rel="next"', "https://a.example/?p=3"),
        ('<https://a.example/?ids=1,2>; rel="next"', "https://a.example/?ids=1,2"),
        ('</things?page=2>;rel="next"', "/things?page=2"),
        ('<x>; title="a, b; rel=next", <y>; rel="NEXT"', "y"),
        ('<x>; rel="last next"', "x"),
        ('<x>; title="say \\"hi\\""; rel="next"', "x"),
        ("<x>; rel=next; rel=prev", "x"),
        ("<x> ; REL = next", "x"),
        ('<x>; rel="nextish"', None),
        ("<x>; rel=prev; rel=next", None),
        ('<x>; rel="next"; anchor="#other"', None),
        ('<x>; rel="last"', None),
        ("", None),
        ("nonsense", None),
        ("<x", None),
    ],
)
def test_the_next_link_is_found(value: str, target: str | None) -> None:
    assert next_link(value) == target


@given(st.text(alphabet='<>;,="\\ relnxt'))
def test_no_header_breaks_the_parser(value: str) -> None:
    assert next_link(value) is None or "<" in value


@given(st.text(alphabet="abc/?&=,;:%", min_size=1), st.text(alphabet='abc,;<>"\\ '))
def test_what_was_written_is_read(target: str, title: str) -> None:
    quoted = title.replace("\\", "\\\\").replace('"', '\\"')

    assert next_link(f'<other>; rel="prev", <{target}>; title="{quoted}"; rel="next"') == target
