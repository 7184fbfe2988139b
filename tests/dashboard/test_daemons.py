"""Daemons."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import Daemon, RunStatus, SyncJobRun
from tests.dashboard import states
from tests.dashboard.conftest import HTMX


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

    def test_do_say_how_many_runs_of_others_they_are_at(self, outsider: Client, run: SyncJobRun) -> None:
        states.running(run, daemon_id=states.daemon(metadata={"concurrency": 4}).daemon_id)
        page = outsider.get("/daemons/").content.decode()
        assert "1 run you do not see" in page
        assert "acme" not in page

    def test_that_fell_silent_say_what_to_do(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run, daemon_id=states.daemon(silent_for=60).daemon_id)
        assert "takes its runs over" in viewer.get("/daemons/").content.decode()

    def test_tell_their_version_and_host(self, viewer: Client, environment: object) -> None:
        states.daemon(metadata={"version": "9.9.9", "host": "eu1.example.org", "pid": 7})
        page = viewer.get("/daemons/").content.decode()
        assert "9.9.9" in page
        assert "eu1.example.org, process 7" in page

    def test_that_a_group_lacks_are_asked_for(self, viewer: Client, run: SyncJobRun) -> None:
        states.change(run, daemon_group_key="eu-west")
        assert "manage.py daemon --group eu-west" in viewer.get("/daemons/").content.decode()
        states.daemon("eu-west")
        assert "manage.py daemon" not in viewer.get("/daemons/").content.decode()

    def test_are_polled_and_sent_again_once_they_read_otherwise(self, viewer: Client, environment: object) -> None:
        daemon = states.daemon()
        version = viewer.get("/daemons/").context["version"]
        address = f"/daemons/live/?v={version}"
        Daemon.objects.update(last_active_at=timezone.now())
        assert viewer.get(address, headers=HTMX).status_code == 204
        Daemon.objects.filter(pk=daemon.pk).update(status="stopping")
        answer = viewer.get(address, headers=HTMX)
        assert 'id="daemons" hx-swap-oob="true"' in answer.content.decode()
        assert viewer.get(address).headers["Location"] == "/daemons/"

    def test_that_never_were_say_how_to_start_one(self, viewer: Client) -> None:
        assert "No daemon has ever started" in viewer.get("/daemons/").content.decode()


@pytest.mark.parametrize("path", ["/jobs/", "/accounts/", "/audit/", "/records/", "/daemons/"])
def test_a_cursor_that_is_not_ours_gives_the_first_page(viewer: Client, run: SyncJobRun, path: str) -> None:
    states.ended(run, RunStatus.COMPLETED)
    assert viewer.get(f"{path}?cursor=odd").status_code == 200
