"""Prepared statements say what the queries say that they are made of, with other values each time."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection
from django.db.models import CharField, Count, F, IntegerField, QuerySet, UUIDField
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs.models import IntegratedAccount, RunEvent, RunStep, SyncJobRun
from runs.models.base import Now, uuid7
from runs.prepared import Given, PreparedInsert, PreparedModels, PreparedRead, PreparedTogether, PreparedUpdate
from tests import factories

pytestmark = pytest.mark.django_db

RUN = Given("run", UUIDField())


@pytest.fixture
def runs() -> list[SyncJobRun]:
    account = factories.account()
    job = factories.job(integration=account.integration)
    return [factories.run(account=account, job=job, args={"page": page}, dispatch=False) for page in range(2)]


def of_run() -> QuerySet[SyncJobRun]:
    return SyncJobRun.objects.filter(id=RUN).order_by()


def test_a_read_gives_values_as_their_fields_have_them(runs: list[SyncJobRun]) -> None:
    read = PreparedRead(lambda: of_run().values_list("id", "args", "created_at", "started_at"))
    for run in runs:
        assert [tuple(row) for row in read.rows(run=run.id)] == [(run.id, run.args, run.created_at, None)]
    assert read.first(run=uuid4()) is None


def test_the_query_is_built_once(runs: list[SyncJobRun]) -> None:
    built = []

    def build() -> QuerySet[Any]:
        built.append(1)
        return of_run().values_list("id")

    read = PreparedRead(build)
    with CaptureQueriesContext(connection) as asked:
        assert [read.first(run=run.id)[0] for run in runs] == [run.id for run in runs]  # type: ignore[index]
    assert (len(built), len(asked)) == (1, 2)


def test_whole_rows_have_their_related_rows_and_what_was_annotated(runs: list[SyncJobRun]) -> None:
    related = of_run().select_related("integrated_account__integration").annotate(steps_made=Count("steps"))
    prepared = PreparedModels(lambda: related)
    for run in runs:
        found = prepared.first(run=run.id)
        with CaptureQueriesContext(connection) as asked:
            assert found == run
            assert found.integrated_account.context == run.integrated_account.context
            assert found.integrated_account.integration.config == run.integrated_account.integration.config
            assert (found.args, found.steps_made) == (run.args, 2)
        assert not asked.captured_queries


def test_columns_that_are_left_out_are_read_when_they_are_asked_for() -> None:
    account = factories.account()
    rows = PreparedModels(lambda: IntegratedAccount.objects.defer("context").filter(id=Given("row", UUIDField())))
    found = rows.first(row=account.id)
    assert found.get_deferred_fields() == {"context"}
    assert (found.tenant_id, found.context) == (account.tenant_id, account.context)


def test_an_update_changes_the_rows_that_the_query_finds_and_tells_how_many(runs: list[SyncJobRun]) -> None:
    first, second = runs
    more, since = Given("more", IntegerField()), Given("daemon", CharField())
    update = PreparedUpdate(of_run, fetched=F("fetched") + more, daemon_id=since, started_at=Now())
    assert update(run=first.id, more=3, daemon="d1") == 1
    assert update(run=first.id, more=4, daemon=None) == 1
    assert update(run=uuid4(), more=5, daemon="d3") == 0
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.fetched, first.daemon_id, second.fetched) == (7, None, 0)
    assert first.started_at is not None


def test_a_json_column_that_is_given_nothing_is_null(runs: list[SyncJobRun]) -> None:
    update = PreparedUpdate(of_run, error=Given("error", SyncJobRun._meta.get_field("error")))
    for value in ({"code": "it's", "at": [1, None]}, None):
        update(run=runs[0].id, error=value)
        runs[0].refresh_from_db()
        assert runs[0].error == value
    assert SyncJobRun.objects.filter(id=runs[0].id, error__isnull=True).exists()


def test_a_row_is_inserted_as_it_is_given(runs: list[SyncJobRun]) -> None:
    insert = PreparedInsert(RunEvent)
    for details in (None, {"attempt": 1}):
        given = {"id": uuid7(), "run_id": runs[0].id, "kind": "started", "message": "100 % \\ '", "actor": ""}
        insert(**given, details=details, created_at=timezone.now())
        found = RunEvent.objects.get(id=given["id"])
        assert (found.run_id, found.message, found.details) == (runs[0].id, given["message"], details)


def test_what_the_database_refuses_is_raised_as_django_does(runs: list[SyncJobRun]) -> None:
    update = PreparedUpdate(of_run, status=Given("status", CharField()))
    with pytest.raises(IntegrityError):
        update(run=runs[0].id, status="lost")


class TestTogether:
    together = PreparedTogether(
        PreparedUpdate(lambda: of_run().filter(fetched=Given("before", IntegerField())), fetched=F("fetched") + 1),
        PreparedUpdate(lambda: RunStep.objects.filter(run=RUN, index=0), persisted=Given("persisted", IntegerField())),
        PreparedInsert(RunEvent),
    )

    def written(self, run: SyncJobRun, **given: Any) -> int:
        event = {"id": uuid7(), "run_id": run.id, "kind": "started", "message": "it's 100 %", "actor": "d"}
        return self.together(run=run.id, **event, details=None, created_at=timezone.now(), **given)

    def test_all_is_written_if_the_first_changes_a_row(self, runs: list[SyncJobRun]) -> None:
        run, other = runs
        assert self.written(run, before=0, persisted=7) == 1
        for each in runs:
            each.refresh_from_db()
        assert [(each.fetched, each.steps.get(index=0).persisted) for each in (run, other)] == [(1, 7), (0, 0)]
        events = RunEvent.objects.filter(kind="started").values_list("run", "message", "details")
        assert list(events) == [(run.id, "it's 100 %", None)]

    def test_nothing_is_written_if_it_does_not(self, runs: list[SyncJobRun]) -> None:
        run, _ = runs
        assert self.written(run, before=1, persisted=7) == 0
        run.refresh_from_db()
        assert (run.fetched, run.steps.get(index=0).persisted) == (0, 0)
        assert not RunEvent.objects.filter(kind="started").exists()
