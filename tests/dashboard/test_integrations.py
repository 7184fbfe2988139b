"""The integrations, and the catalogue that they are loaded from."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from runs.models import Environment, Integration, SyncJob, SyncJobRun
from runs.services import catalog_entry, load_entry
from tests import factories
from tests.dashboard.conftest import logged_in, member

CIRCLECI = "/integrations/catalog/circleci/"


@pytest.fixture
def admin(environment: Environment) -> Client:
    """May see the environment, and load integrations into it."""
    person = member("ada", environment)
    names = ("add_integration", "change_integration")
    person.user_permissions.set(Permission.objects.filter(codename__in=names))
    return logged_in(person)


def load(client: Client, environment: Environment, **values: Any) -> Any:
    return client.post(CIRCLECI, {"environment": str(environment.pk), **values}, follow=True)


class TestTheList:
    def test_shows_integrations_with_their_resources_and_accounts(self, viewer: Client, run: SyncJobRun) -> None:
        row = viewer.get("/integrations/").context["rows"][0]
        assert (row.name, row.account_count, row.mapping_count) == ("geo", 1, 0)
        assert "countries" in viewer.get("/integrations/").content.decode()

    def test_leads_to_the_accounts_of_each(self, viewer: Client, run: SyncJobRun) -> None:
        factories.account(integration=factories.integration(name="other"), tenant_id="not of it")
        page = viewer.get("/integrations/").content.decode()
        assert 'href="/accounts/?integration=geo"' in page
        lines = viewer.get("/accounts/?integration=geo").context["lines"]
        assert [line.account for line in lines] == [run.integrated_account]

    def test_does_not_count_accounts_that_were_deleted(self, viewer: Client, run: SyncJobRun) -> None:
        account = factories.account(integration=run.sync_job.integration, tenant_id="gone")
        account.deleted_at = account.created_at
        account.save()
        assert viewer.get("/integrations/").context["rows"][0].account_count == 1

    def test_says_what_an_integration_is_where_there_is_none(self, viewer: Client) -> None:
        page = viewer.get("/integrations/").content.decode()
        assert "No integrations yet" in page
        assert "Zendesk" in page

    def test_keeps_those_of_other_environments_to_itself(self, outsider: Client, run: SyncJobRun) -> None:
        assert "No integrations yet" in outsider.get("/integrations/").content.decode()

    def test_tells_how_each_entry_stands(self, admin: Client, environment: Environment) -> None:
        load_entry(environment, catalog_entry("circleci"))
        load_entry(environment, catalog_entry("github"))
        Integration.objects.filter(name="github").update(label="Our GitHub")
        words = {line.entry.name: line.mark and line.mark.word for line in self.lines(admin)}
        assert (words["circleci"], words["github"], words["zendesk"]) == ("Loaded", "Changed by hand", None)

    def test_tells_of_several_environments_where_an_entry_is_loaded(
        self, superuser: Any, environment: Environment
    ) -> None:
        for into in (environment, factories.environment("Staging")):
            load_entry(into, catalog_entry("circleci"))
        found = {line.entry.name: line.environments for line in self.lines(logged_in(superuser))}
        assert (found["circleci"], found["zendesk"]) == (["Staging", "Test"], [])

    def lines(self, client: Client) -> list[Any]:
        return client.get("/integrations/").context["catalog_lines"]


class TestAnEntry:
    def test_tells_what_it_brings_and_what_an_account_needs(self, viewer: Client) -> None:
        page = viewer.get("/integrations/catalog/zendesk/").content.decode()
        for text in ("ticket_comments", "ticketing/tickets", "response_mapping", "api_token", "developer.zendesk.com"):
            assert text in page

    def test_that_is_not_there_is_a_404(self, viewer: Client) -> None:
        assert viewer.get("/integrations/catalog/salesforce/").status_code == 404

    def test_can_not_be_loaded_by_those_who_may_only_look(
        self, viewer: Client, operator: Client, environment: Environment
    ) -> None:
        assert '<button class="button primary">Load' not in viewer.get(CIRCLECI).content.decode()
        for client in (viewer, operator):
            assert load(client, environment).status_code == 403
        assert not Integration.objects.exists()

    def test_is_loaded_with_a_word_of_what_was_made(self, admin: Client, environment: Environment) -> None:
        page = load(admin, environment)
        assert page.redirect_chain == [("/integrations/", 302)]
        assert "CircleCI is loaded into Test: 1 part created." in page.content.decode()
        assert "up to date in Test: nothing was changed" in load(admin, environment).content.decode()
        assert not SyncJob.objects.exists()

    def test_makes_its_jobs_if_asked_to(self, admin: Client, environment: Environment) -> None:
        load(admin, environment, with_jobs="on")
        assert SyncJob.objects.get().label == "CircleCI pipelines of a project"

    def test_is_not_loaded_into_an_environment_of_others(self, admin: Client) -> None:
        answer = load(admin, factories.environment("Elsewhere"))
        assert answer.status_code == 400
        assert not Integration.objects.exists()

    def test_that_was_changed_by_hand_is_kept_until_somebody_says_so(
        self, admin: Client, environment: Environment
    ) -> None:
        load(admin, environment)
        Integration.objects.update(label="Ours")
        assert 'name="force"' not in admin.get(CIRCLECI).content.decode()
        refused = load(admin, environment)
        assert refused.status_code == 409
        assert 'name="force"' in refused.content.decode()
        assert Integration.objects.get().label == "Ours"
        load(admin, environment, force="on")
        assert Integration.objects.get().label == "CircleCI"

    def test_needs_a_token_against_forged_requests(self, admin: Client, environment: Environment) -> None:
        client = Client(enforce_csrf_checks=True)
        client.cookies = admin.cookies
        assert client.post(CIRCLECI, {"environment": str(environment.pk)}).status_code == 403
        assert not Integration.objects.exists()

    def test_lets_one_choose_the_environment_where_there_are_several(self, superuser: Any) -> None:
        factories.environment("Production"), factories.environment("Staging")
        page = logged_in(superuser).get(CIRCLECI).content.decode()
        assert "<select" in page
        assert "Staging</option>" in page
