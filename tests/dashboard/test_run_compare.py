"""The page of two runs beside each other."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.test import Client
from django.utils.html import strip_tags

from runs.models import RecordError, RunStatus, SyncJobRun
from tests import factories
from tests.dashboard import states


@pytest.fixture
def good(run: SyncJobRun) -> SyncJobRun:
    states.ended(run, RunStatus.COMPLETED, fetched=100, persisted=100)
    run.steps.filter(index=0).update(fetched=100, persisted=100, status="completed", started_at=run.started_at)
    return run


@pytest.fixture
def bad(good: SyncJobRun) -> SyncJobRun:
    run = factories.run(job=good.sync_job, account=good.integrated_account, args={"region": "eu"})
    states.failed(run, fetched=130, persisted=120, error_count=1)
    run.steps.filter(index=0).update(fetched=130, persisted=120, status="failed", started_at=run.started_at)
    RecordError.objects.create(
        run=run, step=run.steps.first(), resource="cities", method="list", code="http_error", message="It broke."
    )
    return run


def words(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", strip_tags(answer.content.decode()))


def test_begins_with_the_last_good_run(viewer: Client, good: SyncJobRun, bad: SyncJobRun) -> None:
    told = words(viewer, f"/runs/{bad.pk}/compare/")
    assert "+30 (+30 %)" in told
    assert "+20 (+20 %)" in told
    assert "Newcities" in told
    assert "arguments.region" in told
    assert '"eu"' in told.replace("&quot;", '"')


def test_can_be_with_any_other_run(viewer: Client, good: SyncJobRun, bad: SyncJobRun) -> None:
    told = words(viewer, f"/runs/{good.pk}/compare/{bad.pk}/")
    assert "−30 (−23 %)" in told  # noqa: RUF001 - minus signs
    assert "Gonecities" in told


def test_the_selector_leads_to_the_comparisons_own_address(viewer: Client, good: SyncJobRun, bad: SyncJobRun) -> None:
    assert f'<option value="{good.pk}" selected>' in viewer.get(f"/runs/{bad.pk}/compare/").content.decode()
    chosen = viewer.get(f"/runs/{bad.pk}/compare/?with={good.pk}")
    assert (chosen.status_code, chosen.url) == (302, f"/runs/{bad.pk}/compare/{good.pk}/")
    odd = viewer.get(f"/runs/{bad.pk}/compare/?with=odd")
    assert (odd.status_code, odd.url) == (302, f"/runs/{bad.pk}/compare/")


def test_of_a_first_run_says_that_there_is_nothing_before_it(viewer: Client, good: SyncJobRun) -> None:
    assert "No run of this account and job completed before this one." in words(viewer, f"/runs/{good.pk}/compare/")


def test_with_itself_says_so(viewer: Client, good: SyncJobRun) -> None:
    assert "This is the same run" in words(viewer, f"/runs/{good.pk}/compare/{good.pk}/")


def test_of_different_accounts_says_so(viewer: Client, good: SyncJobRun) -> None:
    elsewhere = factories.account(integration=good.integrated_account.integration, tenant_id="Globex")
    other = factories.run(job=good.sync_job, account=elsewhere)
    assert "They are runs of different accounts" in words(viewer, f"/runs/{good.pk}/compare/{other.pk}/")


def test_with_a_run_of_another_environment_does_not_exist(viewer: Client, good: SyncJobRun) -> None:
    hidden = factories.environment("Hidden")
    integration = factories.integration(environment=hidden)
    other = factories.run(account=factories.account(integration=integration))
    assert viewer.get(f"/runs/{good.pk}/compare/{other.pk}/").status_code == 404
    assert viewer.get(f"/runs/{other.pk}/compare/{good.pk}/").status_code == 404
    assert viewer.get(f"/runs/{good.pk}/compare/{uuid4()}/").status_code == 404


def test_of_live_runs_knows_no_duration_yet(viewer: Client, good: SyncJobRun) -> None:
    live = states.running(factories.run(job=good.sync_job, account=good.integrated_account), fetched=7)
    assert "Change−93 (−93 %)" in words(viewer, f"/runs/{live.pk}/compare/")  # noqa: RUF001 - minus signs
