"""What differs between two JSON values."""

from __future__ import annotations

from typing import Any

import pytest

from runs.differences import ABSENT, differences


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", 1, 2)]),
        ({"a": 1}, {}, [("a", 1, ABSENT)]),
        ({}, {"a": None}, [("a", ABSENT, None)]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, [("a.b.1", 2, 3)]),
        ({"a": [1]}, {"a": [1, 2]}, [("a.1", ABSENT, 2)]),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),  # 1 == True, and JSON tells them apart
        ({"a": {}}, {"a": []}, [("a", {}, [])]),
        (1, 2, [("", 1, 2)]),
    ],
)
def test_is_told_place_by_place(before: Any, after: Any, found: list[tuple[str, Any, Any]]) -> None:
    assert [(one.path, one.before, one.after) for one in differences(before, after)] == found


def test_is_told_as_a_whole_below_a_great_depth() -> None:
    deep: Any = 1
    other: Any = 2
    for _ in range(500):
        deep, other = {"a": deep}, {"a": other}
    assert len(list(differences(deep, other))) == 1
