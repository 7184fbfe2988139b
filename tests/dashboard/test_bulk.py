"""Bulk actions on their pages: from the ticked boxes to one outcome per run."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from dashboard.durations import UNKNOWN
from runs.models import AuditEntry, BulkAction, BulkOutcome, SyncJobRun
from runs.services import MOST_RUNS, carry_out
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX
from tests.runs import rows

NEW = "/bulk/new/"
LONG = "unbroken" * 25


@pytest.fixture
def three(run: SyncJobRun) -> list[SyncJobRun]:
    """A created run, and a failed one of each of two other accounts, newest last."""
    accounts = [factories.account(integration=run.sync_job.integration, tenant_id=name) for name in ("Globex", LONG)]
    made = [factories.run(account=account, job=run.sync_job) for account in accounts]
    return [run, *[states.failed(each) for each in made]]


def matching(kind: str = "stop", **filters: str) -> dict[str, str]:
    return {"kind": kind, "scope": "matching", "filter": urlencode(filters)}


def selected(runs: list[SyncJobRun], kind: str = "stop") -> dict[str, Any]:
    return {"kind": kind, "scope": "selected", "run": [str(run.pk) for run in runs]}


def hidden(page: str) -> dict[str, Any]:
    """What the question's form would send."""
    form = page[page.index('class="order"') :]
    fields: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form):
        fields.setdefault(name, []).append(value.replace("&amp;", "&"))
    fields.pop("csrfmiddlewaretoken", None)
    return fields


def asked(client: Client, wish: dict[str, Any], **options: Any) -> str:
    answer = client.get(NEW, wish, **options)
    assert answer.status_code == 200
    return answer.content.decode()


def ordered(client: Client, wish: dict[str, Any], **more: str) -> BulkAction:
    answer = client.post(NEW, hidden(asked(client, wish)) | more)
    assert answer.status_code == 302, answer.content.decode()
    return BulkAction.objects.get(pk=answer.url.split("/")[2])


class TestTheQuestion:
    def test_counts_what_the_filter_matches_and_shows_the_first(self, operator: Client, three: Any) -> None:
        page = asked(operator, matching(q="", status="failed,created"), headers=HTMX)
        assert "<html" not in page
        assert "Stop 1 run?" in page
        assert "3 runs match" in page
        assert "2 have ended already" in page
        assert "Globex" in page
        assert "data-close autofocus>Cancel" in page
        assert "Stop 1 run</button>" in page

    def test_tells_the_filter_in_words(self, operator: Client, three: list[SyncJobRun]) -> None:
        account = three[1].integrated_account
        page = asked(operator, matching(account=str(account.pk), status="failed"))
        assert re.search(r"account\s*<b>Globex</b>", page)
        assert re.search(r"status\s*<b>Failed</b>", page)

    def test_tells_no_names_of_other_environments(self, outsider: Client, three: list[SyncJobRun]) -> None:
        of = {"account": str(three[1].integrated_account_id), "job": str(three[1].sync_job_id)}
        page = asked(outsider, matching(**of))
        assert "Globex" not in page
        assert three[1].sync_job.label not in page

    def test_of_a_selection_takes_the_ticked_ones_alone(self, operator: Client, three: list[SyncJobRun]) -> None:
        page = asked(operator, selected(three[1:2], "rerun"))
        assert "Rerun 1 run?" in page
        assert "1 run selected" in page

    def test_is_a_page_of_its_own_without_scripts(self, operator: Client, three: Any) -> None:
        assert "<html" in asked(operator, matching("rerun_ignoring"))

    def test_says_when_there_is_nothing_to_do(self, operator: Client, three: Any) -> None:
        page = asked(operator, matching("rerun", status="created"))
        assert "Nothing to rerun" in page
        assert "<button" not in page[page.index("dialog-title") : page.index("</div>", page.index("dialog-title"))]

    @pytest.mark.parametrize(
        ("wish", "says"),
        [
            ({}, "which kind"),
            ({"kind": "delete", "scope": "matching"}, "which kind"),
            ({"kind": "stop"}, "which scope"),
            ({"kind": "stop", "scope": "selected"}, "No run is selected"),
            ({"kind": "stop", "scope": "selected", "run": "x'--"}, "no valid id"),
            ({"kind": "stop", "scope": "matching", "filter": "since=nonsense"}, "can&#x27;t be read"),
            ({"kind": "stop", "scope": "matching", "filter": "status=%00"}, "can&#x27;t be read"),
            ({"kind": "stop", "scope": "matching", "filter": "q=" + "x" * 5000}, "too long"),
        ],
    )
    def test_refuses_what_it_cannot_read_instead_of_meaning_every_run(
        self, operator: Client, three: Any, wish: dict[str, str], says: str
    ) -> None:
        for answer in (operator.get(NEW, wish), operator.post(NEW, wish)):
            assert (answer.status_code, says in answer.content.decode()) == (400, True)

    def test_a_selection_without_end_is_refused(self, operator: Client, run: SyncJobRun) -> None:
        assert operator.get(NEW, selected([run] * 501)).status_code == 400

    def test_more_than_one_action_takes_are_refused_in_words(self, operator: Client, run: SyncJobRun) -> None:
        rows.runs(MOST_RUNS, integrated_account=run.integrated_account, sync_job=run.sync_job)
        answer = operator.get(NEW, matching())
        assert answer.status_code == 400
        assert "More than 10,000 runs match" in answer.content.decode()


class TestTheOrder:
    def test_leads_to_its_page_and_is_audited_with_the_filter(self, operator: Client, three: Any) -> None:
        action = ordered(operator, matching(status="created"), reason="wrong token")
        assert (action.actor, action.reason, action.query) == ("olga", "wrong token", "status=created")
        entry = AuditEntry.objects.get(action="bulk.stop")
        assert (entry.actor, entry.ip, entry.details["filter"]) == ("olga", "127.0.0.1", "status=created")

    def test_htmx_is_led_there_too(self, operator: Client, three: Any) -> None:
        answer = operator.post(NEW, hidden(asked(operator, matching())), headers=HTMX)
        assert answer.headers["HX-Redirect"] == f"/bulk/{BulkAction.objects.get().pk}/"

    def test_sent_twice_is_one(self, operator: Client, three: Any) -> None:
        form = hidden(asked(operator, matching()))
        assert operator.post(NEW, form).url == operator.post(NEW, form).url
        assert BulkAction.objects.count() == 1

    def test_other_runs_than_were_counted_are_asked_about_again(self, operator: Client, three: Any) -> None:
        form = hidden(asked(operator, matching("rerun", status="failed")))
        states.failed(three[0])
        answer = operator.post(NEW, form, headers=HTMX)
        page = answer.content.decode()
        assert answer.status_code == 409
        assert "3 runs match now" in page
        assert "<html" not in page
        assert not BulkAction.objects.exists()
        assert operator.post(NEW, hidden(page)).status_code == 302

    @pytest.mark.parametrize(
        "broken", [{"id": "x"}, {"count": "many"}, {"set_hash": "\0"}, {"set_hash": ""}, {"reason": "x" * 501}]
    )
    def test_a_broken_confirmation_does_nothing(self, operator: Client, three: Any, broken: dict[str, str]) -> None:
        assert operator.post(NEW, hidden(asked(operator, matching())) | broken).status_code == 400
        assert not BulkAction.objects.exists()

    def test_a_count_that_is_not_the_sets_does_nothing(self, operator: Client, three: Any) -> None:
        assert operator.post(NEW, hidden(asked(operator, matching())) | {"count": "2"}).status_code == 409
        assert not BulkAction.objects.exists()

    def test_never_reaches_other_environments(self, operator: Client, three: list[SyncJobRun]) -> None:
        elsewhere = factories.account(integration=factories.integration(environment=factories.environment("Else")))
        foreign = factories.run(account=elsewhere)
        action = ordered(operator, selected([three[0], foreign]))
        assert list(action.items.values_list("run", flat=True)) == [three[0].pk]
        assert set(ordered(operator, matching()).items.values_list("run", flat=True)) == {run.pk for run in three}

    def test_a_viewer_neither_asks_nor_orders(self, viewer: Client, three: Any) -> None:
        assert viewer.get(NEW, matching()).status_code == 403
        assert viewer.post(NEW, matching()).status_code == 403


class TestItsPage:
    def test_tells_one_outcome_per_run_with_links(self, operator: Client, three: list[SyncJobRun]) -> None:
        action = ordered(operator, matching("rerun"))
        carry_out(action.pk)
        page = operator.get(f"/bulk/{action.pk}/").content.decode()
        for run in three:
            assert f'href="/runs/{run.pk}/"' in page
        for new in SyncJobRun.objects.filter(rerun_of__isnull=False):
            assert f'href="/runs/{new.pk}/">Open the new run' in page
        assert "2 run again, <b>1 refused</b>" in page
        assert "it can be run again once it has ended" in page
        assert 'hx-trigger="every' not in page

    def test_can_be_narrowed_to_an_outcome(self, operator: Client, three: list[SyncJobRun]) -> None:
        action = ordered(operator, matching("rerun"))
        carry_out(action.pk)
        page = operator.get(f"/bulk/{action.pk}/?outcome=refused").content.decode()
        assert page.count('<tr id="item-') == 1
        assert operator.get(f"/bulk/{action.pk}/?outcome=nonsense&cursor=nonsense").status_code == 200

    def test_polls_while_it_goes_on_and_ends_with_the_last_answer(self, operator: Client, three: Any) -> None:
        action = ordered(operator, matching())
        page = operator.get(f"/bulk/{action.pk}/").content.decode()
        poll = re.search(r'hx-get="(/bulk/[^"]+/live/[^"]+)"', page)
        assert poll is not None
        assert operator.get(poll[1], headers=HTMX).status_code == 204
        carry_out(action.pk)
        answer = operator.get(poll[1], headers=HTMX)
        assert answer.status_code == 286
        assert "Done" in answer.content.decode()
        assert operator.get(f"/bulk/{action.pk}/live/").status_code == 302

    def test_has_pages(self, operator: Client, run: SyncJobRun) -> None:
        rows.runs(60, integrated_account=run.integrated_account, sync_job=run.sync_job)
        action = ordered(operator, matching())
        first = operator.get(f"/bulk/{action.pk}/").content.decode()
        assert first.count('<tr id="item-') == 50
        follow = re.search(r'rel="next" href="([^"]+)"', first)
        assert follow is not None
        second = operator.get(f"/bulk/{action.pk}/{follow[1].replace('&amp;', '&')}").content.decode()
        assert second.count('<tr id="item-') == 11

    def test_takes_the_same_queries_whatever_its_length(
        self, operator: Client, run: SyncJobRun, django_assert_max_num_queries: Any
    ) -> None:
        accounts = [factories.account(integration=run.sync_job.integration, tenant_id=f"C{n}") for n in range(30)]
        for account in accounts:
            states.failed(factories.run(account=account, job=run.sync_job))
        action = ordered(operator, matching("rerun"))
        carry_out(action.pk)
        with django_assert_max_num_queries(10):
            assert operator.get(f"/bulk/{action.pk}/").status_code == 200

    def test_the_list_takes_the_same_queries_whatever_its_length(
        self, operator: Client, three: list[SyncJobRun], django_assert_max_num_queries: Any
    ) -> None:
        for run in three:
            of = {"account": str(run.integrated_account_id), "job": str(run.sync_job_id)}
            ordered(operator, matching("stop" if run.is_live else "rerun", **of))
        with django_assert_max_num_queries(10):
            page = operator.get("/bulk/").content.decode()
        assert "account: Globex" in page
        assert page.count("<tr>") == 4

    def test_is_there_for_viewers_and_not_for_outsiders(
        self, operator: Client, viewer: Client, outsider: Client, three: Any
    ) -> None:
        action = ordered(operator, matching())
        assert str(action.pk) in viewer.get("/bulk/").content.decode()
        assert viewer.get(f"/bulk/{action.pk}/").status_code == 200
        assert str(action.pk) not in outsider.get("/bulk/").content.decode()
        for part in ("", "live/"):
            assert outsider.get(f"/bulk/{action.pk}/{part}", headers=HTMX).status_code == 404

    def test_the_empty_list_says_where_they_come_from(self, operator: Client, db: None) -> None:
        assert "No bulk actions yet" in operator.get("/bulk/").content.decode()


class TestCancelling:
    def test_leaves_alone_what_has_not_had_its_turn(self, operator: Client, three: list[SyncJobRun]) -> None:
        action = ordered(operator, matching("rerun"))
        question = operator.get(f"/bulk/{action.pk}/cancel/", headers=HTMX).content.decode()
        assert "3 now, are left alone" in question
        page = operator.post(f"/bulk/{action.pk}/cancel/", follow=True).content.decode()
        assert "3 left alone" in page
        assert "Cancel the rest" not in page
        carry_out(action.pk)
        assert SyncJobRun.objects.count() == 3
        assert AuditEntry.objects.get(action="bulk.cancel").actor == "olga"

    def test_changes_nothing_once_all_is_decided(self, operator: Client, three: list[SyncJobRun]) -> None:
        action = ordered(operator, matching("rerun"))
        carry_out(action.pk)
        before = BulkAction.objects.values().get()
        page = operator.post(f"/bulk/{action.pk}/cancel/", follow=True).content.decode()
        assert "Nothing was left to cancel." in page
        assert BulkAction.objects.values().get() == before
        assert not AuditEntry.objects.filter(action="bulk.cancel").exists()

    def test_is_not_for_viewers(self, operator: Client, viewer: Client, three: list[SyncJobRun]) -> None:
        action = ordered(operator, matching("rerun"))
        assert "Cancel the rest" not in viewer.get(f"/bulk/{action.pk}/").content.decode()
        assert viewer.post(f"/bulk/{action.pk}/cancel/").status_code == 403


class TestSelection:
    def test_each_line_has_a_box_and_the_form_works_without_scripts(self, operator: Client, three: Any) -> None:
        page = operator.get("/runs/?status=failed").content.decode()
        for run in three[1:]:
            assert f'<input type="checkbox" form="selection" name="run" value="{run.pk}"' in page
        form = page[page.index('<form id="selection"') :]
        assert 'name="filter" value="status=failed"' in form
        assert '<button class="button" name="kind" value="rerun">' in form

    def test_a_line_that_is_sent_again_has_its_box_too(self, operator: Client, run: SyncJobRun) -> None:
        answer = operator.get(f"/runs/live/?ids={run.pk.hex}&v=old", headers=HTMX)
        assert f'value="{run.pk}"' in answer.content.decode()

    def test_viewers_have_neither(self, viewer: Client, three: Any) -> None:
        page = viewer.get("/runs/").content.decode()
        assert 'id="pick-' not in page
        assert "selection" not in page.partition("<main")[2]

    def test_counts_all_that_match_within_bounds(self, operator: Client, three: Any) -> None:
        answer = operator.get("/bulk/count/", matching(status="failed"), headers=HTMX)
        assert answer.content.decode().strip() == "2"
        broken = operator.get("/bulk/count/", matching(since="nonsense"), headers=HTMX)
        assert broken.content.decode().strip() == UNKNOWN


def test_outcomes_have_marks_of_their_own(operator: Client, three: Any) -> None:
    page = operator.get(f"/bulk/{ordered(operator, matching()).pk}/").content.decode()
    chips = page[page.index('<div class="chips">') : page.index('id="items"')]
    assert re.findall(r'class="mark (\w+)"', chips) == ["completed", "completed", "failed", "created"]
    assert all(str(outcome.label) in chips for outcome in BulkOutcome if outcome != BulkOutcome.CANCELLED)
