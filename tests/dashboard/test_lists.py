"""Records and daemons."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import IntegratedAccount, Record, RunStatus, SyncJobRun
from tests.dashboard import states


def record(account: IntegratedAccount, run: SyncJobRun, record_id: str, resource: str = "cities") -> Record:
    now = timezone.now()
    return Record.objects.create(
        integrated_account=account, resource=resource, record_id=record_id, data={"name": f"<City {record_id}>"},
        content_hash=bytes(16), first_run=run, last_run=run, created_at=now, updated_at=now,
    )  # fmt: skip


class TestRecords:
    @pytest.fixture(autouse=True)
    def records(self, run: SyncJobRun) -> None:
        for number in range(3):
            record(run.integrated_account, run, f"c{number}")
        record(run.integrated_account, run, "DE", "countries")

    def test_are_those_of_one_account(self, viewer: Client, run: SyncJobRun) -> None:
        page = viewer.get(f"/records/?account={run.integrated_account_id}").content.decode()
        assert "&lt;City c0&gt;" in page
        assert "<City" not in page

    def test_are_found_by_resource_and_id(self, viewer: Client, run: SyncJobRun) -> None:
        found = viewer.get("/records/?resource=cities&record_id=c1").context["rows"]
        assert [row.record_id for row in found] == ["c1"]

    def test_that_are_gone_at_the_source_say_so(self, viewer: Client, run: SyncJobRun) -> None:
        assert "Gone at the source" not in viewer.get("/records/").content.decode()
        Record.objects.filter(record_id="c1").update(deleted_at=timezone.now())
        page = viewer.get("/records/").content.decode()
        assert page.count("Gone at the source") == 1

    def test_that_match_nothing_say_so(self, viewer: Client) -> None:
        assert "No record matches" in viewer.get("/records/?record_id=%00odd").content.decode()

    def test_of_another_environment_are_not_there(self, outsider: Client, run: SyncJobRun) -> None:
        page = outsider.get(f"/records/?account={run.integrated_account_id}").content.decode()
        assert "City" not in page

    @pytest.mark.parametrize("account", ["odd", "%00", "0192f0c1-2b3c-7d4e-8f50-112233445566"])
    def test_of_an_account_that_is_none_are_not_there(self, viewer: Client, account: str) -> None:
        answer = viewer.get(f"/records/?account={account}")
        assert "This account is not here" in answer.content.decode()


class TestDaemons:
    def test_show_what_they_are_at(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run, daemon_id=states.daemon().daemon_id)
        page = viewer.get("/daemons/").content.decode()
        assert "d-default" in page
        assert "Active" in page
        assert f'href="/runs/{run.pk}/"' in page

    def test_do_not_show_runs_of_other_environments(self, outsider: Client, run: SyncJobRun) -> None:
        states.running(run, daemon_id=states.daemon().daemon_id)
        page = outsider.get("/daemons/").content.decode()
        assert "d-default" in page
        assert str(run.pk) not in page

    def test_that_fell_silent_are_marked(self, viewer: Client, environment: object) -> None:
        states.daemon(silent_for=60)
        assert "No sign of life" in viewer.get("/daemons/").content.decode()

    def test_that_never_were_say_how_to_start_one(self, viewer: Client) -> None:
        assert "No daemon has ever started" in viewer.get("/daemons/").content.decode()


@pytest.mark.parametrize("path", ["/jobs/", "/accounts/", "/audit/", "/records/", "/daemons/"])
def test_a_cursor_that_is_not_ours_gives_the_first_page(viewer: Client, run: SyncJobRun, path: str) -> None:
    states.ended(run, RunStatus.COMPLETED)
    assert viewer.get(f"{path}?cursor=odd").status_code == 200
