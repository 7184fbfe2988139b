"""Stored records in the API: which of them a query finds, and in which order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from runs.models import SyncJobRun
from runs.models.base import first_uuid7
from tests.runs.api.program import Program
from tests.runs.records import store

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOURS = range(9, 16)


def stored_at(run: SyncJobRun, created: datetime, drawn: datetime | None = None) -> None:
    """A record that is called by its hour."""
    row_id = UUID(int=first_uuid7(drawn or created).int + 7)
    store(run, f"{created:%H}", {}, id=row_id, created_at=created, updated_at=NOON)


def found(program: Program, query: str = "") -> list[Any]:
    return [record["record_id"] for record in program.all_of(f"/record?limit=2&order=asc{query}")]


@pytest.fixture
def hourly(run: SyncJobRun) -> None:
    for hour in reversed(HOURS):
        stored_at(run, NOON.replace(hour=hour))


@pytest.mark.usefixtures("hourly")
class TestByCreation:
    def test_they_are_listed_from_either_end(self, program: Program) -> None:
        names = [f"{hour:02}" for hour in HOURS]
        assert found(program) == names
        assert [record["record_id"] for record in program.all_of("/record?limit=2")] == names[::-1]

    @pytest.mark.parametrize(
        ("query", "hours"),
        [
            ("created_at[gt]=2026-03-01T12:00:00Z", range(13, 16)),
            ("created_at[gte]=2026-03-01T12:00:00Z", range(12, 16)),
            ("created_at[lt]=2026-03-01T12:00:00Z", range(9, 12)),
            ("created_at[lte]=2026-03-01T12:00:00Z", range(9, 13)),
            ("created_at=2026-03-01T12:00:00Z", [12]),
            ("created_at[ne]=2026-03-01T12:00:00Z", [9, 10, 11, 13, 14, 15]),
            ("created_at[in]=2026-03-01T09:00:00Z,2026-03-01T15:00:00Z", [9, 15]),
            ("created_at[gt]=2026-03-01T10:00:00Z&created_at[lt]=2026-03-01T12:00:00Z", [11]),
            ("created_at[gt]=1900-01-01", HOURS),
            ("created_at[lt]=1900-01-01", []),
            ("created_at[lt]=9000-12-31", HOURS),
            ("created_at[gt]=9000-12-31", []),
        ],
    )
    def test_they_are_found(self, program: Program, query: str, hours: Any) -> None:
        assert found(program, f"&{query}") == [f"{hour:02}" for hour in hours]


@pytest.mark.parametrize("away", [timedelta(milliseconds=-900), timedelta(milliseconds=900)])
def test_one_whose_id_was_drawn_a_little_earlier_or_later_is_found_by_its_creation(
    program: Program, run: SyncJobRun, away: timedelta
) -> None:
    stored_at(run, NOON, drawn=NOON + away)
    assert found(program, "&created_at=2026-03-01T12:00:00Z") == ["12"]
