"""The page of one account: its jobs, its connection, its credentials, and its timeline."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from werkzeug import Response

from runs.acting import Actor, acting
from runs.models import AuditEntry, Environment, IntegratedAccount, RunStatus, SyncJobRun, User
from runs.services import note, request_stop, rerun, save_account
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX, logged_in, member
from tests.runs.engine.test_freshness import end
from tests.sources import Source, countries_and_cities, serving


@pytest.fixture
def account(run: SyncJobRun) -> IntegratedAccount:
    return run.integrated_account


@pytest.fixture
def address(account: IntegratedAccount) -> str:
    return f"/accounts/{account.pk}/"


@pytest.fixture
def keeper(environment: Environment) -> Client:
    """May see the environment, and change its accounts."""
    person = member("karl", environment)
    person.user_permissions.add(Permission.objects.get(codename="change_integratedaccount"))
    return logged_in(person)


class TestThePage:
    def test_tells_per_job_how_fresh_it_is_and_when_it_runs_next(
        self, operator: Client, run: SyncJobRun, address: str
    ) -> None:
        end(run, RunStatus.COMPLETED)
        factories.trigger(account=run.integrated_account, job=run.sync_job, cron_expression="30 6 * * *")
        factories.job(integration=run.sync_job.integration, label="Never used")
        page = operator.get(address)
        [line] = page.context["page"].jobs
        assert (line.job, line.mark.word, line.last_mark.word) == (run.sync_job, "On time", "Completed")
        assert len(line.schedules[0].slots) == 3
        assert [label for _, label in page.context["page"].other_jobs] == ["Never used"]

    def test_leads_to_all_runs_of_a_job_however_old(self, viewer: Client, run: SyncJobRun, address: str) -> None:
        end(run, RunStatus.COMPLETED)
        runs = f"/runs/?account={run.integrated_account_id}&amp;job={run.sync_job_id}&amp;since=all"
        assert f'href="{runs}"' in viewer.get(address).content.decode()

    def test_shows_what_is_under_way(self, viewer: Client, run: SyncJobRun, address: str) -> None:
        states.running(run)
        page = viewer.get(address).content.decode()
        assert "Under way" in page
        assert f'href="/runs/{run.pk}/"' in page

    def test_keeps_the_credentials_to_itself(self, keeper: Client, address: str) -> None:
        for path in (address, f"{address}credentials/"):
            assert "t0k3n" not in keeper.get(path).content.decode()

    def test_of_another_environment_is_not_there(self, outsider: Client, keeper: Client, address: str) -> None:
        for path in (address, f"{address}run/"):
            assert outsider.get(path).status_code == 404
        assert outsider.post(f"{address}test/").status_code == 404
        User.objects.get(username="karl").environments.clear()
        assert keeper.get(f"{address}credentials/").status_code == 404
        assert keeper.post(f"{address}credentials/", {"token": "x"}).status_code == 404

    def test_of_a_deleted_account_is_history(self, operator: Client, account: IntegratedAccount, address: str) -> None:
        IntegratedAccount.objects.update(deleted_at=timezone.now())
        page = operator.get(address).content.decode()
        assert "was deleted" in page
        assert "Test connection" not in page
        assert operator.post(f"{address}test/").status_code == 404

    def test_shows_a_viewer_no_buttons(self, viewer: Client, run: SyncJobRun, address: str) -> None:
        end(run, RunStatus.COMPLETED)
        page = viewer.get(address).content.decode()
        for words in ("Test connection", "Give credentials", f"/jobs/{run.sync_job_id}/run/", "Run this job"):
            assert words not in page

    def test_renders_for_an_integration_that_is_not_valid(
        self, operator: Client, account: IntegratedAccount, address: str
    ) -> None:
        account.integration.config = {"base_url": 3}
        account.integration.save()
        assert operator.get(address).status_code == 200

    def test_takes_the_same_queries_whatever_there_is(
        self, superuser: User, run: SyncJobRun, address: str, django_assert_max_num_queries: Any
    ) -> None:
        client = logged_in(superuser)
        for number in range(12):
            job = factories.job(integration=run.sync_job.integration, label=f"Job {number}")
            factories.trigger(account=run.integrated_account, job=job)
            end(factories.run(account=run.integrated_account, job=job), RunStatus.COMPLETED)
            factories.run(account=run.integrated_account, job=job)
        with django_assert_max_num_queries(18):
            assert len(client.get(address).context["page"].jobs) == 12


class TestRunningAJob:
    def test_leads_to_its_form_with_this_account_alone(
        self, operator: Client, run: SyncJobRun, account: IntegratedAccount, address: str
    ) -> None:
        factories.account(integration=account.integration, tenant_id="another")
        form = operator.get(f"{address}run/?job={run.sync_job_id}")
        assert form.url == f"/jobs/{run.sync_job_id}/run/?account={account.pk}"
        page = operator.get(form.url).content.decode()
        assert "acme" in page
        assert "another" not in page

    def test_starts_it_for_this_account(
        self, operator: Client, run: SyncJobRun, account: IntegratedAccount, address: str
    ) -> None:
        request_stop(run)
        values = {"account": str(account.pk), "args": "", "error_handling": "ignore", "daemon_group_key": ""}
        started = operator.post(f"/jobs/{run.sync_job_id}/run/?account={account.pk}", values)
        assert started.status_code == 302
        assert SyncJobRun.objects.live().get().integrated_account_id == account.pk

    @pytest.mark.parametrize("query", ["", "?job=odd", "?job="])
    def test_without_a_job_leads_back(self, operator: Client, address: str, query: str) -> None:
        assert operator.get(f"{address}run/{query}").url == address

    @pytest.mark.parametrize("text", ["odd", "%00", "0192f0c1-2b3c-7d4e-8f50-112233445566"])
    def test_for_an_account_that_is_none_offers_all(self, operator: Client, run: SyncJobRun, text: str) -> None:
        assert "acme" in operator.get(f"/jobs/{run.sync_job_id}/run/?account={text}").content.decode()


class TestTestingTheConnection:
    @pytest.fixture
    def source(self, account: IntegratedAccount) -> Iterator[Source]:
        with serving(countries_and_cities(1, 3)) as source:
            account.integration.config = factories.integration_config(source.url)
            account.integration.save()
            yield source

    def test_tells_what_came_of_it(self, operator: Client, source: Source, address: str) -> None:
        for headers in ({}, HTMX):
            page = operator.post(f"{address}test/", headers=headers).content.decode()
            assert "It works" in page
            assert "3 records" in page
            assert ("<html" in page) == (not headers)

    def test_tells_what_is_wrong_and_what_to_do(self, operator: Client, source: Source, address: str) -> None:
        source.before = lambda request: Response("", 401)
        page = operator.post(f"{address}test/").content.decode()
        assert "It does not work" in page
        assert "give the account new ones" in page
        assert "t0k3n" not in page

    def test_is_audited_with_the_person(self, operator: Client, source: Source, address: str) -> None:
        operator.post(f"{address}test/")
        line = AuditEntry.objects.get(action="account.test")
        assert (line.actor, line.ip, line.details["outcome"]) == ("olga", "127.0.0.1", "works")

    def test_is_for_operators(self, viewer: Client, source: Source, address: str) -> None:
        assert viewer.post(f"{address}test/").status_code == 403
        assert source.served == []


class TestCredentials:
    def test_are_given_without_being_shown(self, keeper: Client, account: IntegratedAccount, address: str) -> None:
        IntegratedAccount.objects.update(status="needs_reauth")
        done = keeper.post(f"{address}credentials/", {"token": " n3w-t0k3n\n"}, follow=True)
        assert done.redirect_chain[-1][0] == address
        account.refresh_from_db()
        assert (account.context, account.status) == ({"token": "n3w-t0k3n"}, "active")
        assert "n3w-t0k3n" not in done.content.decode()
        assert "n3w-t0k3n" not in str(list(AuditEntry.objects.values()))

    def test_that_are_refused_are_not_shown_either(
        self, keeper: Client, account: IntegratedAccount, address: str
    ) -> None:
        too_long = "s3cret" * 2000
        answer = keeper.post(f"{address}credentials/", {"token": too_long})
        assert answer.status_code == 400
        assert "at most" in answer.content.decode()
        assert "s3cret" not in answer.content.decode()

    @pytest.mark.parametrize("values", [{"token": ""}, {"token": "  "}, {"other": "x"}])
    def test_of_which_none_is_given_change_nothing(
        self, keeper: Client, account: IntegratedAccount, address: str, values: dict[str, str]
    ) -> None:
        answer = keeper.post(f"{address}credentials/", values)
        assert answer.status_code == 400
        assert "nothing was changed" in answer.content.decode()
        account.refresh_from_db()
        assert account.context == {"token": "t0k3n"}

    def test_are_given_by_people_who_may_change_accounts(self, operator: Client, viewer: Client, address: str) -> None:
        for client in (operator, viewer):
            assert client.get(f"{address}credentials/").status_code == 403
            assert client.post(f"{address}credentials/", {"token": "x"}).status_code == 403
        assert not AuditEntry.objects.filter(action="account.credentials").exists()

    def test_that_nobody_asks_for_are_told_as_such(
        self, keeper: Client, account: IntegratedAccount, address: str
    ) -> None:
        account.integration.config = {"base_url": "https://example.org", "resources": {}}
        account.integration.save()
        page = keeper.get(f"{address}credentials/").content.decode()
        assert "There is nothing to give" in page
        assert "{{context.…}}" in page


class TestTheTimeline:
    @pytest.fixture
    def history(self, run: SyncJobRun) -> IntegratedAccount:
        """A run, stopped and run again, a renaming, a test, and a schedule."""
        account = run.integrated_account
        with acting(Actor("olga")):
            request_stop(run, actor="olga")
            run.refresh_from_db()
            rerun(run, actor="olga")
            save_account(account.environment, {"tenant_id": "acme ltd"}, account)
            note("account.test", account, outcome="works")
            factories.trigger(account=account, job=run.sync_job)
        return account

    def lines(self, client: Client, address: str, query: str = "") -> list[str]:
        happenings = client.get(f"{address}{query}").context["page"].happenings
        return [one.run.mark.word if one.run else one.audit.words for one in happenings]

    def test_is_one_stream_of_runs_and_deeds_the_latest_first(
        self, viewer: Client, history: IntegratedAccount, address: str
    ) -> None:
        assert self.lines(viewer, address) == [
            "Created schedule",
            "Tested the connection of account",
            "Changed account",
            "Waiting",
            "Stopped run",
            "Stopped",
        ]
        page = viewer.get(address).content.decode()
        assert "run again" in page
        assert "acme → acme ltd" in page

    @pytest.mark.parametrize(
        ("kind", "lines"),
        [
            ("runs", ["Waiting", "Stopped"]),
            ("reruns", ["Waiting"]),
            ("stops", ["Stopped run"]),
            ("connection", ["Tested the connection of account"]),
            ("settings", ["Changed account"]),
            ("schedules", ["Created schedule"]),
        ],
    )
    def test_can_be_narrowed_to_a_kind(
        self, viewer: Client, history: IntegratedAccount, address: str, kind: str, lines: list[str]
    ) -> None:
        assert self.lines(viewer, address, f"?kind={kind}") == lines

    @pytest.mark.parametrize("query", ["?kind=odd", "?cursor=odd", "?kind=%00&cursor=%00"])
    def test_takes_what_it_cannot_read_for_nothing(
        self, viewer: Client, history: IntegratedAccount, address: str, query: str
    ) -> None:
        assert len(self.lines(viewer, address, query)) == 6

    def test_leads_through_all_pages_of_both_kinds_and_back(
        self, viewer: Client, account: IntegratedAccount, run: SyncJobRun, address: str
    ) -> None:
        at = timezone.now() - timedelta(hours=1)
        for number in range(70):
            factories.run(account=account, job=run.sync_job, args={"n": number})
            with time_machine.travel(at, tick=False):  # all at the same moment: the ids decide
                note("account.test", account, outcome="works")
        SyncJobRun.objects.update(created_at=at)
        seen, query, first = [], "", None
        while query is not None:
            context = viewer.get(f"{address}{query}").context
            rows = [row.pk for row in context["page"].timeline.rows]
            first, seen = first or rows, seen + rows
            back, query = context["newer"], f"?{context['older']}" if context["older"] else None
            note("account.test", account, outcome="works")  # what arrives meanwhile neither repeats nor hides a line
        assert len(seen) == len(set(seen)) == 141
        again: list[Any] = []
        while back:
            context = viewer.get(f"{address}?{back}").context
            back, again = context["newer"], again + [row.pk for row in context["page"].timeline.rows]
        assert set(first or ()) < set(again)

    def test_escapes_what_others_have_written(self, viewer: Client, account: IntegratedAccount, address: str) -> None:
        save_account(account.environment, {"tenant_id": "<script>alert(1)</script>"}, account)
        assert "<script>alert" not in viewer.get(address).content.decode()
