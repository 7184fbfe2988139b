"""Whoever gets in sees what belongs to their environments; `test_roles` has each role at each page."""

from __future__ import annotations

import pytest
from django.test import Client

from runs.models import SyncJobRun
from tests.dashboard.conftest import HTMX, logged_in


def test_htmx_is_sent_to_the_login_instead_of_getting_it_as_a_fragment(client: Client, db: None) -> None:
    assert client.get("/runs/live/", headers=HTMX).headers["HX-Redirect"] == "/login/?next=/"


def test_after_the_login_htmx_leads_back_to_the_page_that_asked(client: Client, db: None) -> None:
    page = {"HX-Current-URL": "http://testserver/runs/?status=failed"}
    answer = client.get("/runs/live/", headers=HTMX | page)
    assert answer.headers["HX-Redirect"] == "/login/?next=/runs/%3Fstatus%3Dfailed"


def test_htmx_leads_back_to_our_own_pages_only(client: Client, db: None) -> None:
    answer = client.get("/runs/live/", headers=HTMX | {"HX-Current-URL": "https://elsewhere.example.org/runs/"})
    assert answer.headers["HX-Redirect"] == "/login/?next=/"


@pytest.mark.parametrize(
    "part",
    [
        "",
        "live/",
        "log/",
        "log.txt",
        "log.jsonl",
        "matrix/",
        "entries/",
        "compare/",
        "incident.md",
        "stop/",
        "force-stop/",
        "rerun/",
    ],
)
def test_a_run_of_another_environment_is_not_there(outsider: Client, run_url: str, part: str) -> None:
    assert outsider.get(run_url + part, headers=HTMX).status_code == 404


@pytest.mark.parametrize("action", ["stop/", "force-stop/", "rerun/"])
def test_a_run_of_another_environment_cannot_be_acted_on(outsider: Client, run_url: str, action: str) -> None:
    assert outsider.post(run_url + action).status_code == 404


def test_a_job_of_another_environment_is_not_there(outsider: Client, run: SyncJobRun) -> None:
    assert outsider.get(f"/jobs/{run.sync_job_id}/run/").status_code == 404


PATHS = ["/", "/runs/", "/jobs/", "/schedules/", "/accounts/", "/errors/", "/records/", "/audit/"]


@pytest.mark.parametrize("path", PATHS)
def test_lists_leave_out_what_belongs_to_other_environments(outsider: Client, run: SyncJobRun, path: str) -> None:
    page = outsider.get(path).content.decode()
    assert "acme" not in page
    assert "Countries and cities" not in page


def test_polling_answers_nothing_about_runs_of_other_environments(outsider: Client, run: SyncJobRun) -> None:
    answer = outsider.get(f"/runs/live/?ids={run.pk}&v=", headers=HTMX)
    assert str(run.pk) not in answer.content.decode()


def test_a_superuser_sees_every_environment(superuser: object, run_url: str) -> None:
    assert logged_in(superuser).get(run_url).status_code == 200


class TestViewer:
    """Staff without the right to operate runs."""

    def test_sees_no_buttons(self, viewer: Client, run: SyncJobRun, run_url: str) -> None:
        for path in (run_url, "/runs/", "/jobs/", "/"):
            page = viewer.get(path).content.decode()
            assert f"{run_url}stop/" not in page
            assert f"{run_url}rerun/" not in page
            assert f"/jobs/{run.sync_job_id}/run/" not in page

    @pytest.mark.parametrize("action", ["stop/", "force-stop/", "rerun/"])
    def test_may_not_act(self, viewer: Client, run: SyncJobRun, run_url: str, action: str) -> None:
        assert viewer.post(run_url + action).status_code == 403
        run.refresh_from_db()
        assert run.stop_requested_at is None
        assert SyncJobRun.objects.count() == 1

    def test_may_not_start_a_run(self, viewer: Client, run: SyncJobRun) -> None:
        assert viewer.post(f"/jobs/{run.sync_job_id}/run/").status_code == 403

    def test_is_refused_within_the_dialog_when_htmx_asks(self, viewer: Client, run_url: str) -> None:
        page = viewer.get(run_url + "stop/", headers=HTMX).content.decode()
        assert "Not for you" in page
        assert "<html" not in page


def test_actions_need_the_token_against_forgery(operator: Client, run: SyncJobRun, run_url: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies
    assert strict.post(run_url + "stop/").status_code == 403
    run.refresh_from_db()
    assert run.stop_requested_at is None
