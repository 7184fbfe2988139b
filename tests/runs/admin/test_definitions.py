"""Integrations, accounts and jobs, written and removed through the services."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from runs.models import (
    AccountToken,
    CronTrigger,
    Environment,
    IntegratedAccount,
    Integration,
    RunStatus,
    SyncJob,
    SyncJobRun,
    UnifiedMapping,
)
from tests import factories
from tests.runs.admin.browsing import page, told

pytestmark = pytest.mark.django_db


class TestIntegrations:
    def test_it_is_checked_by_the_service(self, office: Client, environment: Environment) -> None:
        form = {"environment": str(environment.pk), "name": "geo", "label": "", "category": "", "config": "{}"}
        response = office.post(page("integration_add"), form)
        assert "config" in response.context["adminform"].form.errors
        sound = {**form, "config": json.dumps(factories.integration_config())}
        office.post(page("integration_add"), sound)
        assert Integration.objects.get().name == "geo"
        again = office.post(page("integration_add"), sound)
        assert "taken" in str(again.context["adminform"].form.errors["name"])


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("integration", "config"),
        ("integratedaccount", "credentials"),
        ("integratedaccount", "unified_model_override"),
        ("syncjob", "resources"),
        ("syncjob", "args_schema"),
        ("crontrigger", "args"),
        ("unifiedmapping", "config"),
        ("webhook", "event_types"),
    ],
)
def test_json_that_is_nested_without_end_is_refused_at_its_field(office: Client, name: str, field: str) -> None:
    answer = office.post(page(f"{name}_add"), {field: "[" * 5000})
    assert answer.context["adminform"].form.errors[field] == ["This is nested too deeply."]


class TestAccounts:
    def form(self, integration: Integration, **over: Any) -> dict[str, Any]:
        values = {"integration": integration.pk, "tenant_id": "acme", "status": "active"}
        return {**values, "unified_model_override": "", "credentials": "", **over}

    def test_credentials_go_in_and_are_never_shown(self, office: Client) -> None:
        integration = factories.integration()
        response = office.post(
            page("integratedaccount_add"), self.form(integration, credentials='{"token": "c4nary"}'), follow=True
        )
        account = IntegratedAccount.objects.get()
        assert account.context == {"token": "c4nary"}
        assert account.environment == integration.environment
        shown = [response, office.get(page("integratedaccount_change", account.pk))]
        shown.append(office.get(page("integratedaccount_history", account.pk)))
        assert all("c4nary" not in one.content.decode() for one in shown)

    def test_an_access_token_is_never_shown(self, office: Client) -> None:
        account = factories.account()
        AccountToken.objects.create(account=account, value={"value": "c4nary"})
        shown = [
            office.get(page(name, *ids))
            for name in ("accounttoken", "integratedaccount")
            for name, ids in ((f"{name}_changelist", ()), (f"{name}_change", (account.pk,)))
        ]
        assert [one.status_code for one in shown] == [200] * 4
        assert all("c4nary" not in one.content.decode() for one in shown)

    def test_an_empty_field_keeps_them_and_a_given_one_is_merged(self, office: Client) -> None:
        account = factories.account(context={"token": "c4nary"})
        path = page("integratedaccount_change", account.pk)
        office.post(path, self.form(account.integration, tenant_id="globex"))
        account.refresh_from_db()
        assert (account.tenant_id, account.context) == ("globex", {"token": "c4nary"})
        office.post(path, self.form(account.integration, credentials='{"region": "eu"}'))
        account.refresh_from_db()
        assert account.context == {"token": "c4nary", "region": "eu"}

    @pytest.mark.parametrize("text", ['["c4nary"]', '{"token": "c4nary"', '{"token": "c4nary\\u0000"}'])
    def test_what_is_refused_is_not_shown_again(self, office: Client, text: str) -> None:
        integration = factories.integration()
        response = office.post(page("integratedaccount_add"), self.form(integration, credentials=text))
        assert response.status_code == 200
        assert response.context["adminform"].form.errors["credentials"]
        assert "c4nary" not in response.content.decode()
        assert not IntegratedAccount.objects.exists()

    def test_deleting_goes_through_the_service(self, office: Client, run: SyncJobRun) -> None:
        account = run.integrated_account
        path = page("integratedaccount_delete", account.pk)
        assert office.get(path).status_code == 200
        office.post(path, {"post": "yes"})
        account.refresh_from_db()
        run.refresh_from_db()
        assert account.deleted_at is not None
        assert account.context == {}
        assert run.status == RunStatus.STOPPED
        assert office.get(page("integratedaccount_change", account.pk)).status_code == 302


class TestMappings:
    def test_it_is_checked_saved_and_removed_by_the_service(self, office: Client) -> None:
        integration = factories.integration()
        names = {"model": "geo", "resource": "places", "method": "list"}
        form = {"integration": integration.pk, **names, "override": "", "config": '{"response_mapping": "{"}'}
        response = office.post(page("unifiedmapping_add"), form)
        assert "response_mapping" in str(response.context["adminform"].form.errors["config"])
        sound = {"resource": "countries", "response_mapping": "{'id': response.iso}"}
        office.post(page("unifiedmapping_add"), {**form, "config": json.dumps(sound)})
        mapping = UnifiedMapping.objects.get()
        assert (mapping.environment, mapping.config, mapping.override) == (integration.environment, sound, {})
        own = '{"response_mapping": "{}"}'
        office.post(page("unifiedmapping_change", mapping.pk), {**names, "config": json.dumps(sound), "override": own})
        mapping.refresh_from_db()
        assert mapping.override == {"response_mapping": "{}"}
        office.post(page("unifiedmapping_delete", mapping.pk), {"post": "yes"})
        assert not UnifiedMapping.objects.exists()


class TestJobs:
    def test_the_services_faults_stand_at_their_fields(self, office: Client) -> None:
        integration = factories.integration()
        form = {
            "integration": integration.pk,
            "label": "Planets",
            "args_schema": "{}",
            "resources": json.dumps([{"resource": "planets", "method": "list"}]),
            "default_runtime_version": "3",
        }
        response = office.post(page("syncjob_add"), form)
        assert {"resources", "default_runtime_version"} <= set(response.context["adminform"].form.errors)
        assert not SyncJob.objects.exists()

    def test_a_sound_job_is_stored(self, office: Client) -> None:
        integration = factories.integration()
        form = {
            "integration": integration.pk,
            "label": "Geo",
            "args_schema": "",
            "resources": json.dumps(factories.COUNTRIES_AND_CITIES),
        }
        office.post(page("syncjob_add"), form)
        job = SyncJob.objects.get()
        assert (job.label, job.environment) == ("Geo", integration.environment)
        office.post(page("syncjob_change", job.pk), {**form, "label": "Geography"})
        job.refresh_from_db()
        assert job.label == "Geography"

    def test_one_that_a_live_run_uses_stays(self, office: Client, run: SyncJobRun) -> None:
        response = office.post(page("syncjob_delete", run.sync_job_id), {"post": "yes"}, follow=True)
        assert f"is in use by the live run {run.id}" in told(response)[0]
        data = {"action": "delete_selected", "_selected_action": [str(run.sync_job_id)], "post": "yes"}
        assert "Nothing was deleted" in told(office.post(page("syncjob_changelist"), data, follow=True))[0]
        run.sync_job.refresh_from_db()
        assert run.sync_job.deleted_at is None


class TestCronTriggers:
    def form(self, **over: Any) -> dict[str, Any]:
        values = {"cron_expression": "30 6 * * 1-5", "args": "", "webhook": "", "daemon_group_key": ""}
        return {**values, "error_handling": "ignore", "is_active": "on", **over}

    def test_it_is_checked_armed_and_changed_by_the_service(self, office: Client) -> None:
        account = factories.account()
        job = factories.job(integration=account.integration)
        form = self.form(sync_job=job.pk, integrated_account=account.pk)
        refused = office.post(page("crontrigger_add"), {**form, "cron_expression": "0 0 30 2 *", "args": "[1]"})
        assert set(refused.context["adminform"].form.errors) == {"cron_expression", "args"}
        stranger = factories.account(integration=factories.integration(name="other"))
        refused = office.post(page("crontrigger_add"), {**form, "integrated_account": stranger.pk})
        assert "integrated_account" in refused.context["adminform"].form.errors
        assert not CronTrigger.objects.exists()

        office.post(page("crontrigger_add"), form)
        trigger = CronTrigger.objects.get()
        assert (trigger.environment, trigger.daemon_group_key) == (job.environment, "default")
        assert trigger.next_run_at is not None
        changes = self.form(daemon_group_key="east", is_active="")
        office.post(page("crontrigger_change", trigger.pk), changes)
        trigger.refresh_from_db()
        assert (trigger.daemon_group_key, trigger.is_active, trigger.next_run_at) == ("east", False, None)

    def test_deleting_goes_through_the_service(self, office: Client) -> None:
        trigger = factories.trigger()
        office.post(page("crontrigger_delete", trigger.pk), {"post": "yes"})
        trigger.refresh_from_db()
        assert (trigger.deleted_at is None, trigger.is_active) == (False, False)
        assert office.get(page("crontrigger_changelist")).context["cl"].result_count == 0
