"""The record store's pages: the list of an account, one record, and the files."""

from __future__ import annotations

import json
import random
import time

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.json_view import MOST_LINES, json_tree
from dashboard.record_lines import LARGE
from runs.models import AuditEntry, IntegratedAccount, Record, SyncJobRun
from tests import factories
from tests.runs.records import store

pytestmark = pytest.mark.django_db


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


class TestList:
    @pytest.fixture(autouse=True)
    def records(self, run: SyncJobRun) -> None:
        for number in range(3):
            store(run, f"c{number}", {"id": f"c{number}", "name": f"<City {number}>", "at": {"deep": 1}})
        store(run, "DE", {"name": "Germany"}, resource="countries")

    def test_is_of_one_account_with_its_plain_keys_as_columns(self, viewer: Client, run: SyncJobRun) -> None:
        answer = viewer.get(f"/records/?account={run.integrated_account_id}&resource=cities")
        assert answer.context["table"].columns == ["name"]
        assert "&lt;City 0&gt;" in answer.content.decode()
        assert "<City" not in answer.content.decode()

    def test_offers_the_resources_that_are_there(self, viewer: Client) -> None:
        assert viewer.get("/records/").context["resources"] == ["cities", "countries"]

    def test_finds_by_resource_and_the_beginning_of_an_id(self, viewer: Client) -> None:
        lines = viewer.get("/records/?resource=cities&record_id=c1").context["table"].lines
        assert [line.record.record_id for line in lines] == ["c1"]

    def test_marks_what_is_gone_at_the_source(self, viewer: Client) -> None:
        assert "Gone at the source" not in text_of(viewer, "/records/")
        Record.objects.filter(record_id="c1").update(deleted_at=timezone.now())
        assert text_of(viewer, "/records/").count("Gone at the source") == 1

    def test_says_when_nothing_matches(self, viewer: Client) -> None:
        assert "No record matches" in text_of(viewer, "/records/?record_id=nothing")

    @pytest.mark.parametrize("query", ["since=soon", "record_id=%00odd", "resource=%00", "cursor=odd"])
    def test_tells_what_it_cannot_read_and_shows_the_rest(self, viewer: Client, query: str) -> None:
        page = text_of(viewer, f"/records/?{query}")
        assert 'role="alert"' in page
        assert "c1" in page

    def test_keeps_the_filters_on_the_way_to_the_next_page_and_the_file(self, viewer: Client, run: SyncJobRun) -> None:
        for number in range(60):
            store(run, f"m{number}", {})
        page = text_of(viewer, "/records/?resource=cities&since=2020-01-01")
        assert page.count("resource=cities&amp;since=2020-01-01") >= 3  # older, CSV, JSON Lines

    def test_does_not_read_the_data_of_large_records(self, viewer: Client, run: SyncJobRun) -> None:
        noise = random.Random(7).randbytes(2 * LARGE).hex()  # which no database makes small
        store(run, "huge", {"text": noise})
        with CaptureQueriesContext(connection) as queries:
            page = text_of(viewer, "/records/?record_id=huge")
        assert noise[:50] not in page
        assert "huge" in page
        assert len(queries) <= 12

    def test_costs_as_many_queries_for_fifty_as_for_one(self, viewer: Client, run: SyncJobRun) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as counted:
                viewer.get("/records/")
            return len(counted)

        few = queries()
        for number in range(50):
            store(run, f"m{number}", {"name": "x"})
        assert queries() == few

    def test_of_another_environment_is_not_there(self, outsider: Client, run: SyncJobRun) -> None:
        assert "City" not in text_of(outsider, f"/records/?account={run.integrated_account_id}")

    @pytest.mark.parametrize("account", ["odd", "%00", "0192f0c1-2b3c-7d4e-8f50-112233445566"])
    def test_of_an_account_that_is_none_says_so(self, viewer: Client, account: str) -> None:
        assert "This account is not here" in text_of(viewer, f"/records/?account={account}")

    def test_finds_an_account_by_a_part_of_its_name(self, viewer: Client, run: SyncJobRun) -> None:
        factories.account(tenant_id="Globex", integration=run.sync_job.integration)
        assert str(viewer.get("/records/?find=LOB").context["account"]) == "Globex"
        assert "No account matches" in text_of(viewer, "/records/?find=nobody")


class TestRecord:
    def test_shows_its_data_escaped_and_the_run_that_changed_it(self, viewer: Client, run: SyncJobRun) -> None:
        record = store(run, "<b>", {"<key>": ["<item>", None, True, {"deep": 1}]})
        page = text_of(viewer, f"/records/{record.pk}/")
        assert "&lt;key&gt;" in page
        assert "<item>" not in page
        assert page.count(f'href="/runs/{run.pk}/"') == 2

    def test_whose_runs_are_gone_says_so(self, viewer: Client, run: SyncJobRun) -> None:
        record = store(run, "a", {}, first_run_id=factories.environment().pk)
        page = text_of(viewer, f"/records/{record.pk}/")
        assert page.count("no longer kept") == 1

    def test_of_the_unified_api_shows_the_raw_one_apart(self, viewer: Client, run: SyncJobRun) -> None:
        record = store(run, "a", {"name": "Ada", "remote_data": {"first": "Ada"}}, resource="crm/contacts")
        assert "As the source sent it" in text_of(viewer, f"/records/{record.pk}/")
        plain = store(run, "a", {"name": "Ada", "remote_data": {"first": "Ada"}}, resource="contacts")
        assert "As the source sent it" not in text_of(viewer, f"/records/{plain.pk}/")

    @pytest.mark.parametrize(
        "data",
        [
            {"items": [{"n": n, "text": "x" * 40} for n in range(15_000)]},
            {"text": "<" * 1_000_000},
            [[[[[[[["deep"]]]]]]]],
            "a text",
            {},
        ],
        ids=["many", "long", "deep", "text", "empty"],
    )
    def test_of_any_shape_and_size_is_shown_within_bounds(self, viewer: Client, run: SyncJobRun, data: object) -> None:
        record = store(run, "a", data)
        begun = time.monotonic()
        page = text_of(viewer, f"/records/{record.pk}/")
        assert len(page) < 400_000
        assert time.monotonic() - begun < 5

    def test_is_to_be_had_as_a_file(self, viewer: Client, run: SyncJobRun) -> None:
        record = store(run, "a", {"name": "Ada"})
        answer = viewer.get(f"/records/{record.pk}/raw.json")
        assert json.loads(answer.content)["data"] == {"name": "Ada"}
        assert answer.headers["Content-Disposition"].startswith("attachment")

    @pytest.mark.parametrize("part", ["", "raw.json"])
    def test_of_another_environment_is_not_there(self, outsider: Client, run: SyncJobRun, part: str) -> None:
        record = store(run, "a", {})
        assert outsider.get(f"/records/{record.pk}/{part}").status_code == 404

    def test_of_a_deleted_account_is_not_there(self, viewer: Client, run: SyncJobRun) -> None:
        record = store(run, "a", {})
        IntegratedAccount.objects.update(deleted_at=timezone.now())
        assert viewer.get(f"/records/{record.pk}/").status_code == 404


class TestTree:
    def test_counts_what_it_leaves_out(self) -> None:
        tree = json_tree(list(range(MOST_LINES + 500)))
        assert tree.count("<li>") == MOST_LINES
        assert "500 more, not shown" in tree

    def test_cuts_a_long_text_and_says_by_how_much(self) -> None:
        assert "1,000 characters more" in json_tree({"text": "x" * 3000})

    def test_ends_at_a_depth(self) -> None:
        value: object = 1
        for _ in range(90):
            value = [value]
        assert "not shown at this depth" in json_tree(value)


class TestFile:
    @pytest.mark.parametrize(("form", "kind"), [("csv", "text/csv; charset=utf-8"), ("jsonl", "application/jsonl")])
    def test_has_what_the_filters_let_through(self, viewer: Client, run: SyncJobRun, form: str, kind: str) -> None:
        store(run, "a", {"name": "Ada"})
        store(run, "b", {"name": "Bob"}, resource="countries")
        answer = viewer.get(f"/records/export.{form}?account={run.integrated_account_id}&resource=cities")
        text = b"".join(answer).decode()  # type: ignore[arg-type]
        assert "Ada" in text
        assert "Bob" not in text
        assert answer.headers["Content-Type"] == kind
        assert f".{form}" in answer.headers["Content-Disposition"]

    def test_is_written_down_with_its_filters(self, viewer: Client, run: SyncJobRun) -> None:
        viewer.get(f"/records/export.csv?account={run.integrated_account_id}&resource=cities&since=2026-01-02")
        entry = AuditEntry.objects.get(action="records.export")
        assert (entry.actor, entry.integrated_account_id) == ("victor", run.integrated_account_id)
        assert entry.details == {
            "format": "csv",
            "filter": {"resource": "cities", "since": "2026-01-02T00:00:00+00:00"},
        }

    def test_of_a_filter_that_cannot_be_read_is_refused(self, viewer: Client, run: SyncJobRun) -> None:
        page = text_of(viewer, f"/records/export.csv?account={run.integrated_account_id}&since=soon")
        assert 'role="alert"' in page
        assert not AuditEntry.objects.exists()

    @pytest.mark.parametrize("address", ["export.xml?account={}", "export.csv?account=odd"])
    def test_of_nothing_is_not_there(self, viewer: Client, run: SyncJobRun, address: str) -> None:
        assert viewer.get(f"/records/{address.format(run.integrated_account_id)}").status_code == 404

    def test_of_no_account_leads_to_where_one_is_chosen(self, viewer: Client) -> None:
        assert viewer.get("/records/export.csv").headers["Location"] == "/records/"

    def test_of_another_environment_is_not_there(self, outsider: Client, run: SyncJobRun) -> None:
        store(run, "a", {})
        assert outsider.get(f"/records/export.csv?account={run.integrated_account_id}").status_code == 404
        assert not AuditEntry.objects.exists()
