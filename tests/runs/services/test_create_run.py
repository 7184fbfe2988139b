"""A run is checked whole before there is a row."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from runs.errors import InvalidInput, LiveRunExists, NotAllowed
from runs.models import EventKind, RunStatus, RunTrigger, SyncJobRun, Webhook
from runs.services import Origin, RunRequest, create_run, request_stop, rerun
from tests import factories

ORIGIN = Origin(RunTrigger.API, "a test")
SCHEMA = {
    "type": "object",
    "properties": {"slug": {"type": "string", "required": True}, "n": {"type": "integer", "default": 3}},
}


def failures(**over: Any) -> dict[str, str]:
    account = over.pop("account", None) or factories.account()
    job = over.pop("job", None) or factories.job(integration=account.integration)
    with pytest.raises(InvalidInput) as caught:
        create_run(RunRequest(job, account, **over), ORIGIN)
    assert not SyncJobRun.objects.exists()
    return {failure.path: failure.message for failure in reversed(caught.value.failures)}


def test_a_run_starts_as_created_with_zeros_for_each_entry(run: SyncJobRun) -> None:
    zeros = {"list": {"fetched": 0, "persisted": 0}}
    assert run.resource_stats() == {"countries": zeros, "cities": zeros}
    assert (run.status, run.daemon_group_key, run.version, run.error_handling) == ("created", "default", 1, "ignore")
    assert [event.kind for event in run.events.all()] == [EventKind.CREATED]


def test_a_run_copies_the_entries_of_its_job(run: SyncJobRun) -> None:
    assert run.resources == run.sync_job.resources
    assert [(step.name, step.index, step.parent and step.parent.name) for step in run.steps.all()] == [
        ("countries", 0, None),
        ("cities", 1, "countries"),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"args": []}, "args"),
        ({"resources": [{"resource": "planets", "method": "list"}]}, "resources.0.resource"),
        ({"error_handling": "panic"}, "error_handling"),
        ({"error_handling": ""}, "error_handling"),
        ({"error_handling": "batch", "version": 1}, "error_handling"),
        ({"version": 3}, "version"),
        ({"daemon_group_key": "no spaces please"}, "daemon_group_key"),
        ({"daemon_group_key": ""}, "daemon_group_key"),
        ({"resources": [{"resource": "cities", "method": "list", "loop_on": "ids"}]}, "args.ids"),
    ],
)
def test_a_wrong_wish_is_refused_at_its_path(given: dict[str, Any], path: str) -> None:
    assert path in failures(**given)


@pytest.mark.django_db
def test_both_destinations_at_once_are_refused() -> None:
    webhook = Webhook.objects.create(environment=factories.environment(), target_url="https://example.com/")
    assert "exclude each other" in failures(webhook_id=webhook.id, daemon_group_key="default")["webhook_id"]


@pytest.mark.django_db
def test_a_webhook_of_another_environment_is_unknown() -> None:
    webhook = Webhook.objects.create(environment=factories.environment("Other"), target_url="https://example.com/")
    assert "is not the id of a webhook" in failures(webhook_id=webhook.id)["webhook_id"]


@pytest.mark.django_db
def test_args_that_no_database_can_hold_are_refused_at_their_path() -> None:
    assert set(failures(args={"a": ["x", "\0"]})) == {"args.a.1"}


@pytest.mark.django_db
def test_args_are_checked_against_the_schema_in_the_seeds_shape() -> None:
    account = factories.account()
    job = factories.job(integration=account.integration, args_schema=SCHEMA)
    found = failures(account=account, job=job, args={"n": "many"})
    assert found == {"args.slug": "is required.", "args.n": "'many' is not of type 'integer'"}


@pytest.mark.django_db
def test_args_are_checked_against_the_flat_shape_and_take_its_defaults() -> None:
    account = factories.account()
    flat = {"slug": {"type": "string", "required": True}, "n": {"type": "integer", "default": 3}}
    job = factories.job(integration=account.integration, args_schema=flat)
    assert failures(account=account, job=job) == {"args.slug": "is required."}
    run = create_run(RunRequest(job, account, args={"slug": "a/b", "extra": 1}), ORIGIN)
    assert run.args == {"slug": "a/b", "extra": 1, "n": 3}


@pytest.mark.django_db
def test_an_account_of_another_integration_is_refused() -> None:
    other = factories.account(integration=factories.integration(name="other"))
    assert "geo" in failures(account=other, job=factories.job())["integrated_account_id"]


@pytest.mark.django_db
def test_an_account_of_another_environment_is_refused() -> None:
    other = factories.account(integration=factories.integration(environment=factories.environment("Other")))
    assert "environment" in failures(account=other, job=factories.job())["integrated_account_id"]


def test_a_second_live_run_of_the_same_kind_is_refused_by_name(run: SyncJobRun) -> None:
    with pytest.raises(LiveRunExists) as caught:
        create_run(RunRequest(run.sync_job, run.integrated_account, daemon_group_key="elsewhere"), ORIGIN)
    assert caught.value.live_run_id == run.id


def test_force_and_other_args_are_let_through(run: SyncJobRun) -> None:
    create_run(RunRequest(run.sync_job, run.integrated_account, force=True), ORIGIN)
    create_run(RunRequest(run.sync_job, run.integrated_account, args={"a": 1}), ORIGIN)
    assert SyncJobRun.objects.live().count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_eight_creations_at_once_one_is_made() -> None:
    account = factories.account()
    job = factories.job(integration=account.integration)
    made: list[UUID] = []
    refused: list[UUID] = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        try:
            made.append(create_run(RunRequest(job, account), ORIGIN).id)
        except LiveRunExists as error:
            refused.append(error.live_run_id)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused), set(refused)) == (1, 7, set(made))


def test_a_rerun_repeats_the_run_and_names_it(run: SyncJobRun) -> None:
    request_stop(run)
    run.refresh_from_db()
    again = rerun(run, actor="someone", ignore_previous_run=True)
    assert (again.rerun_of_id, again.trigger, again.created_by) == (run.id, RunTrigger.RERUN, "someone")
    assert (again.args, again.destination, again.error_handling) == (run.args, run.destination, run.error_handling)
    assert (again.ignore_previous_run, again.status) == (True, RunStatus.CREATED)


def test_a_live_run_is_not_run_again(run: SyncJobRun) -> None:
    with pytest.raises(NotAllowed):
        rerun(run)


def test_a_rerun_of_a_run_that_has_a_live_twin_is_refused(run: SyncJobRun) -> None:
    request_stop(run)
    run.refresh_from_db()
    twin = rerun(run)
    with pytest.raises(LiveRunExists) as caught:
        rerun(run)
    assert caught.value.live_run_id == twin.id


def test_a_rerun_keeps_entries_of_its_own_and_takes_the_jobs_as_they_are_now(run: SyncJobRun) -> None:
    wish = RunRequest(run.sync_job, run.integrated_account, force=True, resources=run.resources[:1])
    own = create_run(wish, ORIGIN)
    for each in (run, own):
        request_stop(each)
        each.refresh_from_db()
    run.sync_job.resources = list(reversed(run.sync_job.resources))
    run.sync_job.save()
    run.refresh_from_db()
    assert [entry["resource"] for entry in rerun(own).resources] == ["countries"]
    assert [entry["resource"] for entry in rerun(run, force=True).resources] == ["cities", "countries"]


@pytest.mark.django_db
def test_each_missing_argument_is_told() -> None:
    account = factories.account()
    schema = {"type": "object", "required": ["a", "b"]}
    job = factories.job(integration=account.integration, args_schema=schema)
    assert set(failures(account=account, job=job)) == {"args.a", "args.b"}
