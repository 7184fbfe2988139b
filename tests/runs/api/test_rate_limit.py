"""A token that asks more often than the installation allows is told when to come back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from runs.models import SyncJobRun
from tests import factories
from tests.runs.api.program import Program

pytestmark = pytest.mark.django_db

START = datetime(2026, 11, 25, 12, 0, 3, 500_000, tzinfo=UTC)  # 6.5 s before a window ends


@pytest.fixture(autouse=True)
def limit(settings: Any) -> int:
    settings.API_RATE_LIMIT = 5
    return 5


def test_beyond_the_limit_it_waits_for_the_end_of_the_window(program: Program) -> None:
    with time_machine.travel(START, tick=False) as clock:
        assert [program.get("/sync-job").status_code for _ in range(5)] == [200] * 5
        refused = program.get("/sync-job")
        assert (refused.status_code, refused["Retry-After"]) == (429, "7")
        assert (refused.json()["statusCode"], refused.json()["error"]) == (429, "Too Many Requests")
        assert program.post("/sync-job", {}, headers={"Idempotency-Key": "k"}).status_code == 429
        clock.shift(7)
        assert program.get("/sync-job").status_code == 200


def test_each_token_is_counted_by_itself_and_ping_not_at_all(program: Program) -> None:
    with time_machine.travel(START, tick=False):
        assert [program.get("/sync-job").status_code for _ in range(6)][-1] == 429
        assert Program(factories.token()).get("/sync-job").status_code == 200
        assert [program.get("/ping").status_code for _ in range(9)] == [200] * 9


def test_a_request_with_a_key_counts_once(program: Program, run: SyncJobRun) -> None:
    with time_machine.travel(START, tick=False):
        path = f"/sync-job-run/{run.id}/stop"
        codes = [program.post(path, headers={"Idempotency-Key": str(number)}).status_code for number in range(6)]
        assert codes == [200] * 5 + [429]


def test_without_a_limit_nobody_is_counted(program: Program, settings: Any) -> None:
    settings.API_RATE_LIMIT = 0
    with time_machine.travel(START, tick=False):
        assert [program.get("/sync-job").status_code for _ in range(20)] == [200] * 20
