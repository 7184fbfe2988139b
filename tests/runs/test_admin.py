"""The admin: what it shows to whom, what it writes, and what it never tells."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from runs.admin.common import BoundedPaginator
from runs.models import (
    ApiToken,
    Environment,
    IntegratedAccount,
    Integration,
    Record,
    RunStatus,
    SyncJob,
    SyncJobRun,
    User,
    Webhook,
)
from tests import factories
from tests.runs import rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(client: Client, superuser: User) -> Client:
    """A superuser's browser."""
    client.force_login(superuser)
    return client


def staff(*codenames: str, environments: tuple[Environment, ...] = (), **over: Any) -> Client:
    """The browser of somebody with these permissions, who is a member of these environments."""
    person = factories.user("staff", **over)
    person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    person.environments.set(environments)
    browser = Client()
    browser.force_login(person)
    return browser


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:runs_{name}", args=args)


def told(response: Any) -> list[str]:
    """The messages on the page."""
    return [str(message) for message in response.context["messages"]]


def act(browser: Client, action: str, *runs: SyncJobRun) -> Any:
    data = {"action": action, "_selected_action": [str(run.id) for run in runs]}
    return browser.post(page("syncjobrun_changelist"), data, follow=True)


def end(run: SyncJobRun) -> None:
    SyncJobRun.objects.filter(id=run.id).update(status=RunStatus.COMPLETED, finished_at=timezone.now())


OURS = [model for model in admin.site._registry if model._meta.app_label == "runs"]


class TestEveryModel:
    def test_every_model_is_there(self) -> None:
        from django.apps import apps

        assert set(OURS) == set(apps.get_app_config("runs").get_models())

    @pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
    def test_its_list_opens_and_can_be_searched(self, office: Client, run: SyncJobRun, model: Any) -> None:
        path = page(f"{model._meta.model_name}_changelist")
        assert office.get(path).status_code == 200
        assert office.get(f"{path}?q=a-b%27c").status_code == 200

    @pytest.mark.parametrize(
        "name", ["syncjobrun", "record", "runevent", "recorderror", "runstep", "delivery", "daemon"]
    )
    def test_what_the_system_writes_cannot_be_written_by_hand(self, office: Client, name: str) -> None:
        assert office.get(page(f"{name}_add")).status_code == 403

    def test_no_list_counts_without_a_bound(
        self, office: Client, run: SyncJobRun, django_assert_max_num_queries: Any
    ) -> None:
        with django_assert_max_num_queries(30) as queries:
            office.get(page("syncjobrun_changelist"))
            office.get(page("record_changelist"))
        counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
        assert counts
        assert all("LIMIT 5001" in sql for sql in counts)

    def test_a_count_that_was_broken_off_says_so(self) -> None:
        class Short(BoundedPaginator):
            at_most = 3

        rows.runs(5)
        assert str(Short(SyncJobRun.objects.all(), 2).count) == "3+"

    def test_a_list_of_runs_takes_the_same_queries_whatever_its_length(
        self, office: Client, django_assert_max_num_queries: Any
    ) -> None:
        rows.runs(40)
        with django_assert_max_num_queries(10):
            assert office.get(page("syncjobrun_changelist")).status_code == 200


class TestRuns:
    def test_a_run_is_shown_with_its_entries_and_nothing_to_edit(self, office: Client, run: SyncJobRun) -> None:
        response = office.get(page("syncjobrun_change", run.id))
        text = response.content.decode()
        assert "countries" in text
        assert f"run__id__exact={run.id}" in text
        assert 'name="_save"' not in text

    def test_the_links_to_its_events_and_errors_open(self, office: Client, run: SyncJobRun) -> None:
        for name in ("runevent", "recorderror"):
            assert office.get(page(f"{name}_changelist") + f"?run__id__exact={run.id}").status_code == 200

    def test_a_post_changes_nothing(self, office: Client, run: SyncJobRun) -> None:
        assert office.post(page("syncjobrun_change", run.id), {"status": "completed"}).status_code == 403
        assert office.post(page("syncjobrun_delete", run.id), {"post": "yes"}).status_code == 403
        run.refresh_from_db()
        assert run.status == RunStatus.CREATED

    def test_it_is_found_by_the_start_of_its_id(self, office: Client, run: SyncJobRun) -> None:
        assert str(run.id) in office.get(page("syncjobrun_changelist") + f"?q={str(run.id)[:18]}").content.decode()

    def test_stop_tells_of_each_run_what_became_of_it(self, office: Client, run: SyncJobRun) -> None:
        [ended] = rows.runs(1, integrated_account=run.integrated_account, sync_job=run.sync_job)
        messages = told(act(office, "stop_runs", run, ended))
        assert sorted(messages) == sorted(
            [f"Run {run.id} is stopped.", f"Run {ended.id} is completed: stop is not possible."]
        )
        run.refresh_from_db()
        assert (run.status, run.stop_requested_by) == (RunStatus.STOPPED, "admin")

    @pytest.mark.parametrize(("action", "ignores"), [("rerun_runs", False), ("rerun_runs_from_the_beginning", True)])
    def test_rerun_makes_a_run_that_names_who_and_which(
        self, office: Client, run: SyncJobRun, action: str, ignores: bool
    ) -> None:
        end(run)
        [message] = told(act(office, action, run))
        new = SyncJobRun.objects.get(rerun_of=run)
        assert str(new.id) in message
        assert (new.created_by, new.trigger, new.ignore_previous_run) == ("admin", "admin", ignores)

    def test_rerun_of_a_live_run_is_refused(self, office: Client, run: SyncJobRun) -> None:
        assert told(act(office, "rerun_runs", run)) == [f"Run {run.id} is created: rerun is not possible."]
        assert SyncJobRun.objects.count() == 1

    def test_rerun_is_refused_while_another_like_it_is_live(self, office: Client, run: SyncJobRun) -> None:
        end(run)
        act(office, "rerun_runs", run)
        [message] = told(act(office, "rerun_runs", run))
        assert "still live" in message
        assert SyncJobRun.objects.count() == 2

    def test_too_many_at_once_are_refused(self, office: Client) -> None:
        many = rows.runs(101)
        data = {
            "action": "rerun_runs",
            "_selected_action": [str(run.id) for run in many[:50]],
            "select_across": "1",
        }
        response = office.post(page("syncjobrun_changelist"), data, follow=True)
        assert "at most 100" in told(response)[0]
        assert SyncJobRun.objects.count() == 101

    def test_who_may_only_look_sees_no_actions(self, run: SyncJobRun) -> None:
        onlooker = staff("view_syncjobrun", environments=(run.environment,))
        assert "stop_runs" not in onlooker.get(page("syncjobrun_changelist")).content.decode()
        act(onlooker, "stop_runs", run)
        run.refresh_from_db()
        assert run.stop_requested_at is None

    def test_an_operator_of_another_environment_cannot_reach_the_run(self, run: SyncJobRun) -> None:
        operator = staff("view_syncjobrun", "operate_runs", environments=(factories.environment("Elsewhere"),))
        act(operator, "stop_runs", run)
        run.refresh_from_db()
        assert run.stop_requested_at is None
        assert operator.get(page("syncjobrun_change", run.id)).status_code == 302


class TestTokens:
    def test_the_secret_is_shown_once_and_opens_the_api(self, office: Client, environment: Environment) -> None:
        form = {"environment": str(environment.pk), "name": "ci", "expires_at_0": "", "expires_at_1": ""}
        made = office.post(page("apitoken_add"), form, follow=True)
        token = ApiToken.objects.get()
        secret = re.findall(r"sd_[\w-]{43}", " ".join(told(made)))[0]
        assert (token.name, token.created_by, token.prefix) == ("ci", "admin", secret[:10])
        assert Client().get("/sync-job", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
        for path in (
            page("apitoken_changelist"),
            page("apitoken_change", token.pk),
            page("apitoken_history", token.pk),
        ):
            response = office.get(path)
            assert response.status_code == 200
            assert secret not in response.content.decode()

    def test_its_name_can_be_changed_and_nothing_else(self, office: Client, environment: Environment) -> None:
        factories.token(environment)
        before = ApiToken.objects.get()
        other = factories.environment("Elsewhere")
        form = {"name": "new", "environment": str(other.pk), "digest": "x", "expires_at_0": "", "expires_at_1": ""}
        office.post(page("apitoken_change", before.pk), form)
        after = ApiToken.objects.get()
        assert (after.name, after.environment, after.digest) == ("new", environment, before.digest)

    def test_a_revoked_token_opens_nothing(self, office: Client, environment: Environment) -> None:
        secret = factories.token(environment)
        data = {"action": "revoke", "_selected_action": [str(ApiToken.objects.get().pk)]}
        assert "revoked" in told(office.post(page("apitoken_changelist"), data, follow=True))[0]
        assert Client().get("/sync-job", headers={"Authorization": f"Bearer {secret}"}).status_code == 401

    def test_it_is_issued_for_visible_environments_only(self, environment: Environment) -> None:
        clerk = staff("add_apitoken", "view_apitoken", environments=(factories.environment("Elsewhere"),))
        assert environment.name not in clerk.get(page("apitoken_add")).content.decode()
        form = {"environment": str(environment.pk), "name": "x", "expires_at_0": "", "expires_at_1": ""}
        assert clerk.post(page("apitoken_add"), form).status_code == 200
        assert not ApiToken.objects.exists()


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


class TestWebhooks:
    def test_the_secret_is_shown_when_it_is_created_and_never_again(
        self, office: Client, environment: Environment
    ) -> None:
        form = {"environment": str(environment.pk), "target_url": "https://example.com/hook", "is_active": "on"}
        made = office.post(page("webhook_add"), {**form, "event_types": ""}, follow=True)
        webhook = Webhook.objects.get()
        assert webhook.secret in " ".join(told(made))
        assert webhook.secret not in office.get(page("webhook_change", webhook.pk)).content.decode()
        assert webhook.event_types is None


class TestPeople:
    def test_a_password_is_reset(self, office: Client) -> None:
        person = factories.user()
        path = reverse("admin:auth_user_password_change", args=[person.pk])
        form = {"password1": "a-new-pass-4711", "password2": "a-new-pass-4711", "usable_password": "true"}
        office.post(path, form)
        person.refresh_from_db()
        assert person.check_password("a-new-pass-4711")

    def test_a_person_gets_environments_and_a_time_zone(self, office: Client, environment: Environment) -> None:
        person = factories.user()
        form = {
            "username": person.username,
            "is_active": "on",
            "environments": [str(environment.pk)],
            "time_zone": "Europe/Berlin",
            "date_joined_0": "2026-11-24",
            "date_joined_1": "12:00:00",
        }
        office.post(page("user_change", person.pk), form)
        person.refresh_from_db()
        assert (person.time_zone, list(person.environments.all())) == ("Europe/Berlin", [environment])
        response = office.post(page("user_change", person.pk), {**form, "time_zone": "Moon/Crater"})
        assert "time_zone" in response.context["adminform"].form.errors

    def test_who_is_no_superuser_cannot_become_one_or_touch_one(self, superuser: User) -> None:
        clerk = staff("view_user", "change_user")
        me = User.objects.get(username="staff")
        form = {"username": "staff", "is_superuser": "on", "is_staff": "on", "is_active": "on", "time_zone": "UTC"}
        clerk.post(page("user_change", me.pk), form)
        me.refresh_from_db()
        assert not me.is_superuser
        assert clerk.get(page("user_change", superuser.pk)).status_code == 302
        reset = reverse("admin:auth_user_password_change", args=[superuser.pk])
        assert clerk.post(reset, {"password1": "a-new-pass-4711", "password2": "a-new-pass-4711"}).status_code == 404


class TestEnvironments:
    def test_one_is_made_and_kept(self, office: Client) -> None:
        office.post(page("environment_add"), {"name": "Production"})
        made = Environment.objects.get(name="Production")
        assert office.post(page("environment_delete", made.pk), {"post": "yes"}).status_code == 403

    @pytest.mark.parametrize(
        "name", ["integration", "integratedaccount", "syncjob", "syncjobrun", "record", "runevent", "runstep"]
    )
    def test_a_member_sees_the_rows_of_their_environments_only(self, run: SyncJobRun, name: str) -> None:
        Record.objects.create(
            integrated_account=run.integrated_account,
            resource="countries",
            record_id="DE",
            data={},
            content_hash=b"0" * 16,
            first_run=run,
            last_run=run,
            created_at=timezone.now(),
            updated_at=timezone.now(),
        )
        browser = staff(f"view_{name}", environments=(factories.environment("Elsewhere"),))
        path = page(f"{name}_changelist")
        assert browser.get(path).context["cl"].result_count == 0
        assert run.environment.name not in browser.get(path).content.decode()
        User.objects.get(username="staff").environments.add(run.environment)
        assert browser.get(path).context["cl"].result_count > 0
