"""Integrations, accounts and jobs are checked before they are stored, and removed so that history stays."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from runs.engine.claim import claim
from runs.errors import ChangedMeanwhile, InvalidInput
from runs.models import AccountStatus, IntegratedAccount, Integration, Record, RunStatus, SyncJob, SyncJobRun
from runs.services import (
    delete_account,
    delete_integration,
    delete_job,
    job_failures,
    job_labelled,
    save_account,
    save_integration,
    save_job,
)
from tests import factories

pytestmark = pytest.mark.django_db


def paths(save: Any, *args: Any) -> set[str]:
    with pytest.raises(InvalidInput) as caught:
        save(*args)
    return {failure.path for failure in caught.value.failures}


def test_every_fault_of_an_integration_is_told_at_its_path() -> None:
    config = {"base_url": "ftp://x", "pagination": {"format": "guess"}, "resources": {"a": {"list": {}}}}
    found = paths(save_integration, factories.environment(), {"name": "", "config": config})
    assert {"name", "config.base_url", "config.pagination.format", "config.resources.a.list.path"} <= found
    assert not Integration.objects.exists()


def test_a_name_is_used_once_per_environment_and_free_again_after_deletion() -> None:
    first = factories.integration()
    values = {"name": "geo", "config": first.config}
    assert paths(save_integration, first.environment, values) == {"name"}
    assert save_integration(factories.environment("Other"), values).name == "geo"
    delete_integration(first)
    assert save_integration(first.environment, values).name == "geo"


def test_every_fault_of_a_job_is_told_at_its_path() -> None:
    integration = factories.integration()
    values = {
        "integration": integration,
        "args_schema": {"type": "object", "properties": {"a": {"type": "colour"}}},
        "resources": [{"resource": "planets", "method": "list"}],
        "default_runtime_version": 7,
    }
    found = paths(save_job, integration.environment, values)
    assert found == {"args_schema.properties.a.type", "resources.0.resource", "default_runtime_version"}
    assert not SyncJob.objects.exists()


@pytest.mark.parametrize("schema", [{}, {"slug": {"type": "string", "required": True}}, {"type": "object"}])
def test_a_job_takes_a_schema_in_either_shape(schema: dict[str, Any]) -> None:
    integration = factories.integration()
    values = {"integration": integration, "resources": factories.COUNTRIES_AND_CITIES, "args_schema": schema}
    assert save_job(integration.environment, values).args_schema == schema


@pytest.mark.parametrize("label", ["x" * 201, 7, None, ["x"]])
def test_a_label_is_a_text_that_fits(label: Any) -> None:
    job = factories.job()
    assert paths(save_job, job.environment, {"label": label}, job) == {"label"}


def test_a_job_that_somebody_else_has_changed_is_not_changed() -> None:
    job = factories.job()
    seen = job.updated_at
    assert save_job(job.environment, {"label": "Theirs"}, job, unchanged_since=seen).label == "Theirs"
    with pytest.raises(ChangedMeanwhile):
        save_job(job.environment, {"label": "Mine"}, job, unchanged_since=seen)
    job.refresh_from_db()
    assert job.label == "Theirs"


def test_checking_a_job_says_what_saving_would_and_changes_nothing() -> None:
    job = factories.job()
    values = {"label": "x" * 201, "resources": [{"resource": "planets", "method": "list"}]}
    assert {failure.path for failure in job_failures(job.environment, values, job)} == {"label", "resources.0.resource"}
    assert (job.label, job_failures(job.environment, {}, job)) == ("Countries and cities", [])
    assert [failure.path for failure in job_failures(job.environment, {"label": "\0"})] == ["label"]


def test_of_jobs_with_the_same_label_the_first_is_meant() -> None:
    first = factories.job(label="Twice")
    factories.job(label="Twice", integration=first.integration)
    assert job_labelled(first.integration, "Twice") == first
    delete_job(first)
    assert job_labelled(first.integration, "Never") is None
    assert job_labelled(first.integration, "Twice") != first


def test_a_context_is_merged_and_encrypted_at_rest() -> None:
    account = save_account(factories.environment(), {"context": {"token": "new"}}, factories.account(context={"a": 1}))
    account.refresh_from_db()
    assert account.context == {"a": 1, "token": "new"}
    stored = IntegratedAccount.objects.raw("SELECT id, context AS plain FROM runs_integratedaccount")[0].plain
    assert "new" not in stored


def test_new_credentials_make_an_account_active_again() -> None:
    account = factories.account(status=AccountStatus.NEEDS_REAUTH)
    assert save_account(account.environment, {"tenant_id": "x"}, account).status == AccountStatus.NEEDS_REAUTH
    assert save_account(account.environment, {"context": {"token": "n"}}, account).status == AccountStatus.ACTIVE


def test_a_job_or_integration_that_a_live_run_uses_is_not_deleted(run: SyncJobRun) -> None:
    for delete, row in ((delete_job, run.sync_job), (delete_integration, run.integrated_account.integration)):
        with pytest.raises(InvalidInput, match=str(run.id)):
            delete(row)
        row.refresh_from_db()
        assert row.deleted_at is None


def test_deleting_an_account_stops_its_runs_and_erases_credentials_and_records(run: SyncJobRun) -> None:
    claim(run.id, "d1")
    account = run.integrated_account
    Record.objects.create(
        integrated_account=account,
        resource="x",
        record_id="1",
        data={},
        content_hash=b"",
        first_run=run,
        last_run=run,
        created_at=run.created_at,
        updated_at=run.created_at,
    )
    delete_account(account, actor="someone")
    account.refresh_from_db()
    run.refresh_from_db()
    assert (account.context, Record.objects.count(), run.stop_requested_by) == ({}, 0, "someone")
    assert (account.deleted_at is not None, run.status) == (True, RunStatus.RUNNING)


def test_what_is_deleted_starts_nothing_new(run: SyncJobRun) -> None:
    delete_account(run.integrated_account)
    run.integrated_account.refresh_from_db()
    with pytest.raises(InvalidInput, match="has been deleted"):
        factories.run(account=run.integrated_account, job=run.sync_job)


@pytest.mark.django_db(transaction=True)
def test_of_changes_at_the_same_time_none_is_lost() -> None:
    account = factories.account(context={})
    start = threading.Barrier(8)

    def work(number: int) -> None:
        mine = IntegratedAccount.objects.get(id=account.id)
        start.wait()
        try:
            save_account(mine.environment, {"context": {f"key {number}": number}}, mine)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    account.refresh_from_db()
    assert account.context == {f"key {number}": number for number in range(8)}


def test_a_change_does_not_bring_back_what_was_deleted() -> None:
    account = factories.account()
    delete_account(IntegratedAccount.objects.get(id=account.id))
    with pytest.raises(InvalidInput, match="has been deleted"):
        save_account(account.environment, {"context": {"token": "t"}}, account)
    assert IntegratedAccount.objects.get(id=account.id).context == {}
