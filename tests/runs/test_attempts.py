"""What each attempt of a run had come to."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from runs.attempts import attempts_of
from runs.engine.claim import claim
from runs.models import RunEvent, RunStatus, SyncJobRun


def taken(run: SyncJobRun, daemon: str, fetched: int = 0) -> None:
    """By this daemon, which then fetches, and is lost."""
    found = claim(run.id, daemon)
    assert found is not None
    found.hold(fetched=fetched, persisted=fetched, error_count=0)
    SyncJobRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    run.refresh_from_db()


def test_a_run_that_nobody_has_taken_has_none(run: SyncJobRun) -> None:
    assert attempts_of(run) == []


def test_the_only_attempt_has_all_that_the_run_has(run: SyncJobRun) -> None:
    taken(run, "d1", 7)
    (only,) = attempts_of(run)
    assert (only.number, only.daemon_id, only.fetched, only.is_lost, only.ended_at) == (1, "d1", 7, False, None)


def test_each_has_what_it_fetched_itself_and_all_of_them_the_total(run: SyncJobRun) -> None:
    for daemon, fetched in (("d1", 100), ("d2", 250), ("d3", 251)):
        taken(run, daemon, fetched)
    attempts = attempts_of(run)
    assert [(one.number, one.daemon_id, one.fetched, one.is_lost) for one in attempts] == [
        (1, "d1", 100, True), (2, "d2", 150, True), (3, "d3", 1, False),
    ]  # fmt: skip
    assert sum(one.fetched or 0 for one in attempts) == run.fetched
    assert all(one.silent_since and one.silent_since < one.ended_at for one in attempts[:2])


def test_the_last_one_ends_with_the_run(run: SyncJobRun) -> None:
    taken(run, "d1")
    taken(run, "d2")
    found = claim(run.id, "d3")
    assert found is not None
    assert found.finish(RunStatus.COMPLETED, "Completed.")
    run.refresh_from_db()
    assert attempts_of(run)[-1].ended_at == run.finished_at


def test_counts_that_nobody_noted_are_unknown_rather_than_nought(run: SyncJobRun) -> None:
    taken(run, "d1", 5)
    taken(run, "d2", 9)
    RunEvent.objects.filter(kind="worker_lost").update(details=None)
    assert [one.fetched for one in attempts_of(run)] == [None, None]
