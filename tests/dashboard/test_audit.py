"""The audit list: who sees which lines, how they are found, and how they leave as files."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from dashboard.audit_export import csv_lines
from dashboard.audit_lines import in_words
from runs.acting import Actor, acting
from runs.models import AuditEntry, Environment, SyncJobRun, User
from runs.services import delete_webhook, issue_token, note
from tests import factories
from tests.dashboard.conftest import logged_in

Noted = Callable[..., AuditEntry]


@pytest.fixture
def office(superuser: User) -> Client:
    return logged_in(superuser)


@pytest.fixture
def noted(environment: Environment) -> Noted:
    """A line about the environment by olga, unless told otherwise; `age` in days."""

    def write(action: str = "job.change", *, age: float = 0, target: Any = environment, **over: Any) -> AuditEntry:
        then = timezone.now() - timedelta(days=age)
        with acting(Actor(over.pop("actor", "olga"), over.pop("ip", "203.0.113.7"))), time_machine.travel(then):
            return note(action, target, **over)

    return write


def found(client: Client, query: str = "") -> list[str]:
    return [line.entry.action for line in client.get(f"/audit/{query}").context["lines"]]


def exported(client: Client, path: str) -> str:
    answer: Any = client.get(path)
    return b"".join(answer.streaming_content).decode()


class TestWhoSeesWhat:
    def test_people_see_the_lines_of_their_environments(self, viewer: Client, outsider: Client, noted: Noted) -> None:
        noted()
        assert found(viewer) == ["job.change"]
        assert found(outsider) == []

    def test_what_concerns_no_environment_is_for_superusers(self, viewer: Client, office: Client, noted: Noted) -> None:
        noted("person.change", target=None)
        assert found(viewer) == []
        assert found(office) == ["person.change"]

    def test_so_it_is_in_the_files(self, outsider: Client, noted: Noted) -> None:
        noted(reason="for our eyes")
        for name in ("export.csv", "export.jsonl"):
            assert "for our eyes" not in exported(outsider, f"/audit/{name}")


class TestALine:
    def test_tells_who_did_what_to_what_why_and_from_where(self, viewer: Client, run: SyncJobRun, noted: Noted) -> None:
        noted("run.stop", target=run, reason="wrong customer")
        page = viewer.get("/audit/").content.decode()
        for words in ("olga", "Stopped run", "acme, Countries and cities", "“wrong customer”", "203.0.113.7"):
            assert words in page
        assert f'href="/runs/{run.pk}/"' in page

    def test_tells_changes_with_both_values_and_hides_what_is_hidden(self, viewer: Client, noted: Noted) -> None:
        noted(changes={"label": ["Old", "New"], "resources": "changed", "limit": [None, 3]})
        page = viewer.get("/audit/").content.decode()
        for words in ("label: Old → New", "resources: changed", "limit: – → 3"):  # noqa: RUF001
            assert words in page

    def test_tells_the_filter_of_a_bulk_action(self, viewer: Client, noted: Noted) -> None:
        noted("bulk.stop", filter="status=running&job=x", matched=212)
        page = viewer.get("/audit/").content.decode()
        assert "filter: status=running&amp;job=x" in page
        assert "matched: 212" in page

    def test_by_nobody_is_syncdecks_own(self, viewer: Client, noted: Noted) -> None:
        noted(actor="", ip=None)
        [line] = viewer.get("/audit/").context["lines"]
        assert line.actor == "Syncdeck"

    def test_links_to_nothing_that_is_gone_or_not_the_readers(
        self, viewer: Client, operator: Client, run: SyncJobRun, noted: Noted
    ) -> None:
        hook = factories.webhook()
        noted("webhook.change", target=hook)
        assert f'href="/webhooks/{hook.pk}/"' in viewer.get("/audit/").content.decode()
        delete_webhook(hook)
        assert f'href="/webhooks/{hook.pk}/"' not in viewer.get("/audit/").content.decode()
        trigger = factories.trigger(account=run.integrated_account, job=run.sync_job)
        noted("schedule.change", target=trigger)
        form = f'href="/schedules/{trigger.pk}/edit/"'
        assert form in operator.get("/audit/").content.decode()
        assert form not in viewer.get("/audit/").content.decode()

    def test_escapes_what_others_have_written(self, viewer: Client, noted: Noted) -> None:
        hostile = "<script>alert(1)</script>"
        noted("job.change", actor=hostile, reason=hostile, changes={"label": [hostile, hostile]}, other=hostile)
        assert "<script>alert" not in viewer.get("/audit/").content.decode()

    @pytest.mark.parametrize(
        ("action", "words"),
        [
            ("job.change", "Changed job"),
            ("token.issue", "Issued API token"),
            ("person.login_failed", "Failed to log in"),
            ("records.export", "Exported records"),
            ("run.force_stop", "Forced to stop run"),
            ("error_group.note", "Noted the cause of error"),
            ("bulk.rerun_ignoring", "Ordered bulk action"),
            ("error_group.re_open", "Re open error group"),
            ("odd", "odd"),
        ],
    )
    def test_has_words_for_every_action(self, action: str, words: str) -> None:
        assert in_words(action).strip() == words

    def test_takes_as_many_queries_for_fifty_as_for_one(
        self, office: Client, run: SyncJobRun, noted: Noted, django_assert_max_num_queries: Any
    ) -> None:
        hook, trigger = factories.webhook(), factories.trigger(account=run.integrated_account, job=run.sync_job)
        targets = [run, run.sync_job, run.integrated_account, hook, trigger, run.sync_job.integration]
        for number in range(50):
            noted(target=targets[number % 6])
        with django_assert_max_num_queries(8):
            assert len(found(office)) == 50


class TestSearching:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("?kind=run", ["run.stop"]),
            ("?action=job.change", ["job.change"]),
            ("?actor=otto", ["run.stop"]),
            ("?actor=ott", []),
            ("?q=CUSTOMER", ["run.stop"]),
            ("?q=olg", ["job.change"]),
            ("?q=run.st", ["run.stop"]),
            ("?kind=run&actor=olga", []),
        ],
    )
    def test_by_kind_action_actor_and_text(self, viewer: Client, noted: Noted, query: str, expected: list[str]) -> None:
        noted("job.change")
        noted("run.stop", actor="otto", reason="wrong customer")
        assert found(viewer, query) == expected

    def test_by_the_id_of_what_it_was_done_to(self, viewer: Client, run: SyncJobRun, noted: Noted) -> None:
        noted("run.stop", target=run)
        noted("job.change", target=run.sync_job)
        for name in ("target", "q"):
            assert found(viewer, f"?{name}={run.pk}") == ["run.stop"]

    def test_by_time_of_which_the_last_ninety_days_are_usual(self, viewer: Client, noted: Noted) -> None:
        for age in (1, 10, 89, 91, 400):
            noted(f"job.age{age}", age=age)
        day = (timezone.now() - timedelta(days=10)).date()
        assert found(viewer) == ["job.age1", "job.age10", "job.age89"]
        assert found(viewer, "?since=2020-01-01")[-1] == "job.age400"
        assert found(viewer, f"?since={day}&until={day}") == ["job.age10"]

    @pytest.mark.parametrize("query", ["?since=odd", "?until=2026-13-01", "?q=%00", "?kind=%00", "?cursor=odd"])
    def test_what_cannot_be_read_says_so_and_filters_nothing(self, viewer: Client, noted: Noted, query: str) -> None:
        noted()
        answer = viewer.get(f"/audit/{query}")
        assert (answer.status_code, len(answer.context["lines"])) == (200, 1)
        assert 'role="alert"' in answer.content.decode()

    def test_what_matches_nothing_names_the_filters(self, viewer: Client, noted: Noted) -> None:
        noted()
        assert "No line matches" in viewer.get("/audit/?q=nothing").content.decode()
        assert "Only the last 90 days" in viewer.get("/audit/?q=nothing").content.decode()

    def test_pages_lead_on_and_back_without_gap_or_repeat(self, viewer: Client, noted: Noted) -> None:
        for number in range(120):
            noted(f"job.n{number}")
        seen, query = [], ""
        while query is not None:
            context = viewer.get(f"/audit/{query}").context
            seen += [line.entry.action for line in context["lines"]]
            back, query = context["newer"], f"?{context['older']}" if context["older"] else None
            noted("job.later")
        assert [action for action in seen if action != "job.later"] == [f"job.n{n}" for n in reversed(range(120))]
        assert len(seen) == 120
        assert "job.n100" in found(viewer, f"?{viewer.get(f'/audit/?{back}').context['newer']}")


class TestExport:
    def test_as_csv_has_a_line_for_each(self, viewer: Client, noted: Noted) -> None:
        noted("run.stop", reason="one, two\n“three”", changes={"label": ["a", "b"]})
        answer = viewer.get("/audit/export.csv")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert "attachment" in answer.headers["Content-Disposition"]
        rows = list(csv.DictReader(io.StringIO(exported(viewer, "/audit/export.csv?kind=run"))))
        assert [(row["action"], row["actor"], row["environment"]) for row in rows] == [("run.stop", "olga", "Test")]
        assert rows[0]["reason"] == "one, two\n“three”"
        assert json.loads(rows[0]["details"]) == {"changes": {"label": ["a", "b"]}}

    def test_as_json_lines_has_an_object_for_each(self, viewer: Client, noted: Noted) -> None:
        noted("run.stop", reason="why")
        lines = exported(viewer, "/audit/export.jsonl?kind=run").splitlines()
        assert len(lines) == 1
        row = json.loads(lines[0])
        assert (row["action"], row["reason"], row["ip"]) == ("run.stop", "why", "203.0.113.7")
        assert row["created_at"].endswith("Z")

    @pytest.mark.parametrize("begin", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
    def test_no_cell_of_the_csv_is_a_formula(self, viewer: Client, noted: Noted, begin: str) -> None:
        noted("run.stop", actor=f"{begin}x", reason=f"{begin}y")
        [row] = csv.DictReader(io.StringIO(exported(viewer, "/audit/export.csv?kind=run"), newline=""))
        assert (row["actor"], row["reason"]) == (f"'{begin}x", f"'{begin}y")

    def test_has_every_line_beyond_a_page_and_stands_in_the_list(self, viewer: Client, noted: Noted) -> None:
        for number in range(5):
            noted(f"job.n{number}")
        environment_id = AuditEntry.objects.latest("id").environment_id
        many = range(2500)
        rows = [AuditEntry(environment_id=environment_id, action="job.many", reason=str(number)) for number in many]
        AuditEntry.objects.bulk_create(rows)
        lines = exported(viewer, "/audit/export.jsonl?kind=job").splitlines()
        assert len(lines) == len(set(lines)) == 2505
        line = AuditEntry.objects.get(action="audit.export")
        assert (line.actor, line.details) == ("victor", {"format": "jsonl", "filter": "kind=job"})

    def test_holds_few_lines_in_memory(self, superuser: User) -> None:
        """As many lines as wished: what is kept of them does not grow."""

        def lines(count: int) -> int:
            entries = (AuditEntry(action="x", reason="y" * 1000, created_at=timezone.now()) for _ in range(count))
            tracemalloc.start()
            for _ in csv_lines(entries):
                pass
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return peak

        lines(10)
        assert lines(20_000) < lines(200) + 200_000

    def test_tells_no_secret_of_a_token(self, office: Client, environment: Environment) -> None:
        _, secret = issue_token(environment, name="ci", actor="olga")
        assert secret not in exported(office, "/audit/export.jsonl")
