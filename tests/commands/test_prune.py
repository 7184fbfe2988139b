"""`manage.py prune`."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from runs.management.typist import who_types
from runs.models import AuditEntry, SyncJobRun
from tests.runs import rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three_old_runs(db: None, settings: Any) -> None:
    settings.RUNS_KEPT = 1
    rows.runs(3, start=timezone.now() - timedelta(days=100))


def told(*arguments: str) -> str:
    output = StringIO()
    call_command("prune", *arguments, stdout=output)
    return output.getvalue()


def test_it_tells_what_it_removed_and_the_audit_list_who_did_it() -> None:
    lines = told("--older-than", "30").splitlines()
    assert lines[0] == "Removed, of what is older than 30 days:"
    assert "           2  runs" in lines
    assert (SyncJobRun.objects.count(), AuditEntry.objects.get().actor) == (1, who_types())


def test_a_dry_run_only_counts() -> None:
    assert "Would be removed, of what is older than 30 days:" in told("--older-than", "30", "--dry-run")
    assert json.loads(told("--older-than", "30", "--dry-run", "--json"))["runs"] == 2
    assert SyncJobRun.objects.count() == 3


def test_programs_get_one_object(settings: Any) -> None:
    settings.RUN_DAYS = 60
    found = json.loads(told("--json"))
    assert (found["dry_run"], found["older_than_days"], found["runs"], found["bulk_actions"]) == (False, 60, 2, 0)


def test_where_runs_are_kept_for_ever_it_wants_to_be_told_which_are_to_go() -> None:
    with pytest.raises(CommandError, match="RUN_DAYS is 0, so runs are kept for ever"):
        told()
    assert SyncJobRun.objects.count() == 3


@pytest.mark.parametrize("days", ["0", "-1", "soon", "1.5", "36501", "\u0663"])
def test_no_number_of_days_is_refused(days: str) -> None:
    with pytest.raises(CommandError, match="must be a whole number of days from 1 to 36,500"):
        told("--older-than", days)
