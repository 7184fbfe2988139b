"""The error groups: what is listed and counted, what a group's page tells, and the note of its cause."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs import error_filters
from runs.engine.ending import end_run
from runs.engine.outbox import note_errors
from runs.errors import ErrorInfo
from runs.models import (
    AuditEntry,
    Environment,
    ErrorGroup,
    ErrorSighting,
    IntegratedAccount,
    RecordError,
    RunStatus,
    SyncJob,
    SyncJobRun,
)
from tests import factories
from tests.dashboard.conftest import logged_in, member
from tests.runs import rows

GONE = "The source answered 404 Not Found."
MALICIOUS = "<script>alert(1)</script> & <b>" + "x" * 200


@pytest.fixture
def account(environment: Environment) -> IntegratedAccount:
    return factories.account(integration=factories.integration(environment=environment))


@pytest.fixture
def job(account: IntegratedAccount) -> SyncJob:
    return factories.job(integration=account.integration)


Meet = Callable[..., SyncJobRun]


@pytest.fixture
def meet(account: IntegratedAccount, job: SyncJob) -> Meet:
    """A run that met errors with this message, so many hours ago."""

    def run_with(message: str = GONE, *, hours: float = 1, times: int = 1, code: str = "http_404", **over: Any) -> Any:
        at = timezone.now() - timedelta(hours=hours)
        of = {"integrated_account": account, "sync_job": job, **over}
        run = rows.runs(1, start=at, status=RunStatus.COMPLETED, **of)[0]
        step = run.steps.create(index=0, name="a", resource="cities", method="list", incremental_key="0" * 64)
        values = {"run": run, "step": step, "resource": "cities", "method": "list", "code": code, "status_code": 404}
        note_errors(run, [RecordError(**values, message=message) for _ in range(times)])
        ErrorSighting.objects.filter(run=run).update(created_at=at, last_at=at)
        return run

    return run_with


def only_group() -> ErrorGroup:
    return ErrorGroup.objects.get()


def shown(client: Client, query: str = "") -> list[tuple[str, int, int, int]]:
    """Title, runs, accounts and occurrences of each line."""
    lines = client.get(f"/errors/{query}").context["lines"]
    return [(line.group.title, line.tally.runs, line.tally.accounts, line.tally.occurrences) for line in lines]


class TestTheList:
    def test_counts_runs_accounts_and_errors(self, viewer: Client, meet: Meet, account: IntegratedAccount) -> None:
        other = factories.account(integration=account.integration, tenant_id="globex")
        meet(hours=3, times=2)
        meet(hours=2, times=5)
        meet(hours=1, integrated_account=other)
        assert shown(viewer) == [(GONE, 3, 2, 8)]

    def test_is_ordered_by_what_was_seen_last_or_most(self, viewer: Client, meet: Meet) -> None:
        meet("Old.", hours=9, times=50)
        meet("New.", hours=1, times=2)
        meet("New.", hours=2, times=2)
        assert [line[0] for line in shown(viewer)] == ["New.", "Old."]
        assert [line[0] for line in shown(viewer, "?sort=count")] == ["Old.", "New."]
        assert [line[0] for line in shown(viewer, "?sort=runs")] == ["New.", "Old."]

    def test_is_of_a_window(self, viewer: Client, meet: Meet) -> None:
        for days in (0.5, 5, 20, 40):
            meet(f"Of days: {'x' * int(days * 2)}.", hours=days * 24)
        assert [len(shown(viewer, f"?window={name}")) for name in ("24h", "7d", "30d")] == [1, 2, 3]
        assert len(shown(viewer)) == 2

    def test_is_narrowed_by_text_code_account_and_job(
        self, viewer: Client, meet: Meet, account: IntegratedAccount, job: SyncJob
    ) -> None:
        other = factories.account(integration=account.integration, tenant_id="globex")
        meet()
        meet("Too slow.", code="timeout", integrated_account=other)
        assert [line[0] for line in shown(viewer, "?q=SLOW")] == ["Too slow."]
        assert [line[0] for line in shown(viewer, "?code=timeout")] == ["Too slow."]
        assert [line[0] for line in shown(viewer, f"?account={account.pk}")] == [GONE]
        assert len(shown(viewer, f"?job={job.pk}")) == 2
        assert len(shown(viewer, f"?job={factories.job(integration=account.integration).pk}")) == 0

    def test_tells_what_narrows_it_when_nothing_matches(self, viewer: Client, meet: Meet) -> None:
        meet()
        page = viewer.get("/errors/?q=nothing&code=x&window=24h").content.decode()
        assert "No error matches" in page
        assert 'href="?q=nothing&amp;window=24h"' in page

    def test_says_so_when_there_is_none(self, viewer: Client, environment: Environment) -> None:
        assert "No errors in 7 days" in viewer.get("/errors/").content.decode()

    @pytest.mark.parametrize(
        "query", ["window=odd", "sort=-x", "account=odd", "job=%00", "q=%00", "code=a%00b", "q=" + "x" * 3000]
    )
    def test_takes_odd_values_for_what_they_are(self, viewer: Client, meet: Meet, query: str) -> None:
        meet()
        answer = viewer.get(f"/errors/?{query}")
        assert answer.status_code == 200
        assert bool(answer.context["filters"].errors) == (len(query) < 1000)

    def test_hides_what_belongs_to_other_environments(self, outsider: Client, meet: Meet) -> None:
        meet()
        assert shown(outsider) == []
        group = only_group()
        assert outsider.get(f"/errors/{group.pk}/").status_code == 404
        assert outsider.post(f"/errors/{group.pk}/note/", {"note": "x"}).status_code == 404
        page = outsider.get("/errors/").content.decode()
        assert "acme" not in page
        assert "http_404" not in page

    def test_escapes_and_bounds_what_a_source_says(self, viewer: Client, meet: Meet) -> None:
        meet(MALICIOUS)
        for address in ("/errors/", f"/errors/{only_group().pk}/"):
            page = viewer.get(address).content.decode()
            assert "<script>alert" not in page
            assert "&lt;script&gt;" in page

    def test_says_how_many_are_left_out(self, viewer: Client, meet: Meet, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("shown", "counted", "beyond"):
            meet(f"Trouble {name}.")
        monkeypatch.setattr(error_filters, "SHOWN_GROUPS", 1)
        monkeypatch.setattr("dashboard.error_lines.SHOWN_GROUPS", 1)
        monkeypatch.setattr("dashboard.pages.errors.SHOWN_GROUPS", 1)
        assert "The first 1 of 3 kinds of error" in viewer.get("/errors/").content.decode()
        monkeypatch.setattr(error_filters, "MOST_GROUPS", 2)
        monkeypatch.setattr("dashboard.pages.errors.MOST_GROUPS", 2)
        assert "The first 1 of 2+ kinds of error" in viewer.get("/errors/").content.decode()

    def test_counts_the_newest_sightings_only_and_says_since_when(
        self, viewer: Client, meet: Meet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for hours in (1, 2, 3, 4):
            meet(hours=hours)
        monkeypatch.setattr(error_filters, "MOST_SIGHTINGS", 2)
        answer = viewer.get("/errors/")
        assert answer.context["lines"][0].tally.runs == 3
        assert "too many in this window to count" in answer.content.decode()

    def test_costs_the_same_for_any_number_of_groups(self, viewer: Client, meet: Meet) -> None:
        meet("One.")
        with CaptureQueriesContext(connection) as few:
            viewer.get("/errors/")
        for letter in "abcdefgh":
            meet(f"Trouble {letter}.")
        with CaptureQueriesContext(connection) as many:
            viewer.get("/errors/")
        assert len(many) == len(few) <= 13

    def test_draws_when_it_was_met(self, viewer: Client, meet: Meet) -> None:
        meet(hours=0, times=3)
        meet(hours=30, times=4)
        line = viewer.get("/errors/").context["lines"][0]
        assert [part.count for part in line.trend.parts if part.count] == [4, 3]
        assert line.trend.last.count == 3
        page = viewer.get("/errors/").content.decode()
        assert 'viewBox="0 0 96 20"' in page
        assert "The trends as a table" in page


class TestWhetherItStillHappens:
    def kind(self, client: Client, query: str = "") -> str:
        return str(client.get(f"/errors/{query}").context["lines"][0].mark.word)

    def test_it_does_until_a_run_ends_without_it(self, viewer: Client, meet: Meet, job: SyncJob) -> None:
        run = meet(hours=2)
        of = {"integrated_account": run.integrated_account, "sync_job": job}
        assert self.kind(viewer) == "Still happening"
        now = timezone.now()
        rows.runs(1, start=now, status=RunStatus.STOPPED, **of)
        rows.runs(1, start=now - timedelta(hours=5), status=RunStatus.COMPLETED, **of)
        rows.runs(1, start=now, status=RunStatus.COMPLETED, integrated_account=run.integrated_account)
        assert self.kind(viewer) == "Still happening"
        rows.runs(1, start=now, status=RunStatus.FAILED, **of)
        assert self.kind(viewer) == "Recovered"

    def test_it_does_while_one_of_the_accounts_meets_it(self, viewer: Client, meet: Meet, job: SyncJob) -> None:
        run = meet(hours=2)
        other = factories.account(integration=job.integration, tenant_id="globex")
        meet(hours=3, integrated_account=other)
        rows.runs(1, start=timezone.now(), integrated_account=run.integrated_account, sync_job=job)
        assert self.kind(viewer) == "Still happening"
        assert self.kind(viewer, f"?account={run.integrated_account_id}") == "Recovered"
        page = viewer.get(f"/errors/{only_group().pk}/").context["page"]
        assert [(str(one.run.integrated_account), one.mark.word) for one in page.touched] == [
            ("globex", "Still happening"),
            ("acme", "Recovered"),
        ]
        assert page.still_touched == 1


class TestTheGroupsPage:
    def test_tells_the_latest_example_to_be_copied(self, viewer: Client, meet: Meet) -> None:
        meet(hours=5)
        run = meet(hours=1)
        RecordError.objects.filter(run=run).update(url="https://a.example/x?key=***", excerpt="<p>gone</p>")
        page = viewer.get(f"/errors/{only_group().pk}/").content.decode()
        assert f"Run: {run.pk}" in page
        assert "Address: https://a.example/x?key=***" in page
        assert 'data-copy="When: ' in page
        assert "&lt;p&gt;gone&lt;/p&gt;" in page

    def test_of_a_failure_without_a_record_error_tells_the_runs(self, viewer: Client, run: SyncJobRun) -> None:
        info = ErrorInfo("timeout", "The run took longer than 60 s.")
        end_run(SyncJobRun.objects.filter(pk=run.pk), run.pk, RunStatus.FAILED, "x", error=info)
        page = viewer.get(f"/errors/{only_group().pk}/").content.decode()
        assert "Message: The run took longer than 60 s." in page
        assert "The run took longer than … s." in page

    def test_lists_its_runs_page_by_page(self, viewer: Client, meet: Meet) -> None:
        for _ in range(52):
            meet()
        address = f"/errors/{only_group().pk}/"
        first = viewer.get(address)
        seen = [sighting.pk for sighting, _ in first.context["lines"]]
        meet(hours=0)
        second = viewer.get(f"{address}?{first.context['older']}")
        seen += [sighting.pk for sighting, _ in second.context["lines"]]
        assert len(seen) == len(set(seen)) == 52
        assert viewer.get(f"{address}?cursor=odd").status_code == 200

    def test_costs_the_same_for_any_number_of_runs(self, viewer: Client, meet: Meet) -> None:
        meet()
        address = f"/errors/{only_group().pk}/"
        with CaptureQueriesContext(connection) as few:
            viewer.get(address)
        for hours in range(8):
            other = factories.account(integration=meet().integrated_account.integration, tenant_id=f"a{hours}")
            meet(hours=hours, integrated_account=other)
        with CaptureQueriesContext(connection) as many:
            viewer.get(address)
        assert len(many) == len(few) <= 15

    def test_leads_to_its_runs_and_those_to_it(self, viewer: Client, meet: Meet) -> None:
        run, other = meet(), meet("Something else.")
        group = ErrorGroup.objects.get(sightings__run=run)
        link = f'href="/runs/?error={group.pk}&amp;since={timezone.localdate()}"'
        assert link in viewer.get(f"/errors/{group.pk}/").content.decode()
        listed = [line.run.pk for line in viewer.get(f"/runs/?error={group.pk}").context["lines"]]
        assert run.pk in listed
        assert other.pk not in listed
        link = f"/runs/{run.pk}/errors/{group.fingerprint}/"
        line = run.record_errors.get(fingerprint=group.fingerprint)
        assert f'href="{link}"' in viewer.get(f"/runs/{run.pk}/log/{line.pk}/").content.decode()
        assert viewer.get(link).url == f"/errors/{group.pk}/"

    def test_a_failed_run_leads_to_the_group_of_its_failure(self, viewer: Client, run: SyncJobRun) -> None:
        info = ErrorInfo("timeout", "Too long.")
        end_run(SyncJobRun.objects.filter(pk=run.pk), run.pk, RunStatus.FAILED, "x", error=info)
        link = f"/runs/{run.pk}/errors/{only_group().fingerprint}/"
        assert f'href="{link}"' in viewer.get(f"/runs/{run.pk}/").content.decode()

    def test_an_error_from_before_there_were_groups_leads_to_the_list(self, viewer: Client, run: SyncJobRun) -> None:
        answer = viewer.get(f"/runs/{run.pk}/errors/5e1f0c9b/", follow=True)
        assert "in no group" in answer.content.decode()

    def test_leads_to_the_runs_that_nothing_has_followed(
        self, operator: Client, viewer: Client, meet: Meet, job: SyncJob, account: IntegratedAccount
    ) -> None:
        other = factories.account(integration=account.integration, tenant_id="globex")
        meet(hours=3)
        open_run = meet(hours=2)
        meet(hours=3, integrated_account=other)
        rows.runs(1, start=timezone.now(), integrated_account=other, sync_job=job)
        group = only_group()
        listed = [line.run.pk for line in viewer.get(f"/runs/?unresolved={group.pk}").context["lines"]]
        assert listed == [open_run.pk]
        query = operator.get(f"/errors/{group.pk}/").context["page"].unresolved_runs
        page = operator.get(f"/errors/{group.pk}/").content.decode()
        assert query.startswith(f"unresolved={group.pk}&since=")
        assert "Rerun this group" in page
        assert not viewer.get(f"/errors/{group.pk}/").context["page"].may_rerun

    def test_a_filter_by_a_group_that_is_none_shows_nothing(self, viewer: Client, run: SyncJobRun) -> None:
        for name in ("error", "unresolved"):
            assert viewer.get(f"/runs/?{name}={run.pk}").context["lines"] == []
        assert "must be a UUID" in viewer.get("/runs/?error=odd").content.decode()

    def test_offers_a_rerun_to_operators_where_it_still_happens(
        self, operator: Client, viewer: Client, meet: Meet, job: SyncJob
    ) -> None:
        run = meet(hours=2)
        address, button = f"/errors/{only_group().pk}/", f'href="/runs/{run.pk}/rerun/"'
        assert button in operator.get(address).content.decode()
        assert button not in viewer.get(address).content.decode()
        rows.runs(1, start=timezone.now(), integrated_account=run.integrated_account, sync_job=job)
        assert button not in operator.get(address).content.decode()


class TestTheNote:
    def address(self) -> str:
        return f"/errors/{only_group().pk}/note/"

    def test_is_kept_with_who_and_when(self, operator: Client, viewer: Client, meet: Meet) -> None:
        meet()
        answer = operator.post(self.address(), {"note": "Their limit. <b>Asked</b>.", "known_since": ""}, follow=True)
        assert "The note is saved" in answer.content.decode()
        group = only_group()
        assert (group.note, group.note_by) == ("Their limit. <b>Asked</b>.", "olga")
        page = viewer.get(f"/errors/{group.pk}/").content.decode()
        assert "Their limit. &lt;b&gt;Asked&lt;/b&gt;." in page
        assert "cause noted by olga" in viewer.get("/errors/").content.decode()
        assert len(shown(viewer, "?q=their+limit")) == 1

    def test_is_written_down_with_what_stood_there(self, operator: Client, meet: Meet) -> None:
        meet()
        operator.post(self.address(), {"note": "First."})
        operator.post(self.address(), {"note": "Second.", "known_since": only_group().note_at.isoformat()})
        entry = AuditEntry.objects.filter(action="error_group.note").first()
        assert (entry.actor, entry.target_id) == ("olga", str(only_group().pk))
        assert entry.details == {"before": "First.", "after": "Second."}
        assert entry.environment_id == only_group().environment_id

    def test_is_removed_by_an_empty_one(self, operator: Client, meet: Meet) -> None:
        meet()
        operator.post(self.address(), {"note": "First."})
        operator.post(self.address(), {"note": " ", "known_since": only_group().note_at.isoformat()})
        assert only_group().note == ""
        assert "The note was removed by olga" in operator.get(f"/errors/{only_group().pk}/").content.decode()

    def test_that_somebody_else_changed_meanwhile_is_not_lost(
        self, operator: Client, environment: Environment, meet: Meet
    ) -> None:
        meet()
        other = logged_in(member("oscar", environment, may_operate=True))
        other.post(self.address(), {"note": "Of Oscar."})
        answer = operator.post(self.address(), {"note": "Of Olga.", "known_since": ""})
        page = answer.content.decode()
        assert answer.status_code == 409
        assert "Of Oscar." in page
        assert "Of Olga." in page
        assert only_group().note == "Of Oscar."

    @pytest.mark.parametrize("body", [{}, {"note": "x" * 4001}, {"note": "x", "known_since": "odd"}, {"note": "a\0b"}])
    def test_takes_nothing_odd(self, operator: Client, meet: Meet, body: dict[str, str]) -> None:
        meet()
        assert operator.post(self.address(), body).status_code == 400
        assert only_group().note == ""

    def test_is_for_operators(self, viewer: Client, meet: Meet) -> None:
        meet()
        assert viewer.post(self.address(), {"note": "x"}).status_code == 403
        assert "Save note" not in viewer.get(f"/errors/{only_group().pk}/").content.decode()
