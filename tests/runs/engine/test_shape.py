"""Which numbers of records are out of the usual, and which are not."""

from __future__ import annotations

from typing import Any

import pytest

from runs.engine.shape import LONGEST_REASON, MOST_WARNINGS, data_warnings, entry_key, sample_of, usual_fetched
from runs.models import RunStep, StepStatus
from runs.models.warning import gravest

KEY = "a" * 64


def step(fetched: int, persisted: int | None = None, **over: Any) -> RunStep:
    counts = {"fetched": fetched, "persisted": fetched if persisted is None else persisted}
    return RunStep(**{"name": "countries", "incremental_key": KEY, **counts, **over})


def history(*fetched: int, odd: tuple[int, ...] = ()) -> list[dict[str, Any]]:
    """Samples of runs that have fetched this; those at the places `odd` were out of the usual then."""
    key = entry_key(step(0))
    return [{"entries": {key: count}, "odd": [key] if place in odd else []} for place, count in enumerate(fetched)]


def codes(of: RunStep, samples: list[dict[str, Any]]) -> list[str]:
    return [warning.code for warning in data_warnings([of], samples)]


@pytest.mark.parametrize(
    ("fetched", "samples", "expected"),
    [
        (0, history(100, 100, 100, 100, 100), ["zero"]),
        (0, history(1, 1, 1, 1, 1), ["zero"]),
        (19, history(100, 100, 100, 100, 100), ["fall"]),
        (20, history(100, 100, 100, 100, 100), []),
        (100, history(100, 100, 100, 100, 100), []),
        (900, history(100, 100, 100, 100, 100), []),
        (0, history(100, 100, 100, 100), []),
        (0, history(), []),
        (0, history(0, 0, 0, 0, 0), []),
        (0, history(0, 0, 0, 5, 5), []),
        (0, history(4, 0, 3, 5, 2), []),
        (3, history(*[100] * 10, 2, 3, *[100] * 8), []),
        (0, history(*[100] * 19, 0), ["zero"]),
    ],
    ids=[
        *("nothing", "nothing of one", "far fewer", "a fifth", "the usual", "many more", "too few samples"),
        *("no samples", "none is usual", "none is the median", "none is common", "few is common", "rare zero"),
    ],
)
def test_a_number_is_compared_with_what_is_usual(
    fetched: int, samples: list[dict[str, Any]], expected: list[str]
) -> None:
    assert codes(step(fetched), samples) == expected


def test_what_was_warned_of_is_warned_of_again_until_it_is_the_usual() -> None:
    good = [100] * 9
    for zeros in range(9):
        places = tuple(range(9, 9 + zeros))
        assert codes(step(0), history(*good, *[0] * zeros, odd=places)) == ["zero"]
    assert codes(step(0), history(*good, *[0] * 11, odd=tuple(range(9, 20)))) == []


def test_an_entry_of_another_definition_or_other_arguments_begins_anew() -> None:
    samples = history(100, 100, 100, 100, 100)
    assert codes(step(0, incremental_key="b" * 64), samples) == []
    assert usual_fetched(step(0, incremental_key="b" * 64), samples) is None
    assert usual_fetched(step(0), samples) == 100


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (step(10, 9, error_count=1), ["unpersisted"]),
        (step(10, 10, error_count=1), []),
        (step(10, 0, persists=False, error_count=1), []),
        (step(10, 0), []),
    ],
    ids=["some are lost", "all are there", "none is to be", "answers of writes have no id"],
)
def test_records_that_were_not_persisted_are_told(of: RunStep, expected: list[str]) -> None:
    assert codes(of, []) == expected


def test_children_of_an_entry_without_records_are_not_told_as_well() -> None:
    parent, child = step(0), step(0, name="cities", incremental_key="c" * 64)
    child.parent = parent
    both = [{"entries": {entry_key(parent): 5, entry_key(child): 50}, "odd": []} for _ in range(5)]
    assert [warning.name for warning in data_warnings([parent, child], both)] == ["countries"]
    parent.fetched = 5
    assert [warning.name for warning in data_warnings([parent, child], both)] == ["cities"]


def test_the_sentence_says_how_many_instead_of_how_many() -> None:
    samples = history(1200, 1200, 1200, 1200, 1200)
    found = [*data_warnings([step(0)], samples), *data_warnings([step(12, 2, error_count=1)], samples)]
    assert [warning.sentence for warning in found] == [
        "countries: nothing fetched instead of usually 1,200",
        "countries: 12 fetched instead of usually 1,200",
        "countries: 10 of 12 fetched records not persisted",
    ]
    assert gravest(found[1:]) == "fall"
    assert gravest([]) == ""


def test_an_entry_that_failed_is_told_first_with_what_it_met_and_its_children_are_not_told() -> None:
    parent, child = step(0, status=StepStatus.FAILED), step(0, name="cities", incremental_key="c" * 64)
    child.parent = parent
    samples = [{"entries": {entry_key(parent): 5, entry_key(child): 50}, "odd": []} for _ in range(5)]
    lossy = step(10, 9, name="brands", incremental_key="d" * 64, error_count=1)
    found = data_warnings([lossy, parent, child], samples, {parent.pk: "Refused:\n  try later. " + "x" * 500})
    assert [(warning.code, warning.name) for warning in found] == [("failed", "countries"), ("unpersisted", "brands")]
    assert found[0].sentence == f"countries: failed (Refused: try later. {'x' * (LONGEST_REASON - 21)}…)"
    assert gravest(found) == "failed"


def test_of_many_warnings_no_failed_entry_is_left_out() -> None:
    lossy = [step(10, 9, error_count=1, name=f"e{n}", incremental_key=f"{n:064}"[::-1]) for n in range(50)]
    found = data_warnings([*lossy, step(0, status=StepStatus.FAILED)], [])
    assert (len(found), gravest(found), found[0].sentence) == (MOST_WARNINGS, "failed", "countries: failed")


def test_a_run_of_many_entries_keeps_its_warnings_and_samples_bounded() -> None:
    steps = [step(10, 0, error_count=1, name=f"e{n}", incremental_key=f"{n:064}"[::-1]) for n in range(5000)]
    assert len(data_warnings(steps, [])) == MOST_WARNINGS
    assert len(sample_of(steps, [])["entries"]) == 200
