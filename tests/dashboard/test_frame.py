"""What surrounds every page: login, theme, time zone, security headers, and what stands in for a page."""

from __future__ import annotations

import re

import pytest
from django.contrib import auth
from django.test import Client, RequestFactory
from django.views.defaults import server_error

from dashboard.rail import RAIL
from runs.models import SyncJobRun, User
from tests import factories
from tests.dashboard.conftest import HTMX, logged_in

PASSWORD = "pw-for-tests-1"


class TestLogin:
    def test_is_by_username_and_leads_to_where_one_wanted(self, client: Client, run_url: str) -> None:
        factories.user("olga")
        answer = client.post("/login/", {"username": "olga", "password": PASSWORD, "next": run_url})
        assert answer.url == run_url

    def test_with_a_wrong_password_says_so(self, client: Client, db: None) -> None:
        factories.user("olga")
        page = client.post("/login/", {"username": "olga", "password": "wrong"}).content.decode()
        assert 'role="alert"' in page

    def test_leads_nowhere_else(self, client: Client, db: None) -> None:
        factories.user("olga")
        answer = client.post("/login/", {"username": "olga", "password": PASSWORD, "next": "https://evil.example"})
        assert answer.url == "/"

    def test_is_locked_after_ten_wrong_tries(self, client: Client, db: None) -> None:
        factories.user("olga")
        answers = [client.post("/login/", {"username": "olga", "password": "wrong"}) for _ in range(11)]
        assert "Too many tries" in answers[-1].content.decode()


def test_logging_out_is_a_post(viewer: Client) -> None:
    assert viewer.get("/logout/").status_code == 405
    assert viewer.post("/logout/").url == "/login/"
    assert not auth.get_user(viewer).is_authenticated


def test_the_password_can_be_changed(viewer: Client) -> None:
    new = "another-pw-for-tests-2"
    answer = viewer.post(
        "/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new}, follow=True
    )
    assert "Your password is changed." in answer.content.decode()
    assert User.objects.get().check_password(new)


def test_a_weak_password_is_refused_beside_its_field(viewer: Client) -> None:
    page = viewer.post("/password/", {"old_password": PASSWORD, "new_password1": "1", "new_password2": "1"})
    assert "too short" in page.content.decode()


class TestTheme:
    def test_is_remembered_and_read_by_the_server(self, viewer: Client) -> None:
        answer = viewer.post("/look/", {"theme": "dark", "next": "/jobs/"})
        assert answer.url == "/jobs/"
        assert 'data-theme="dark"' in viewer.get("/jobs/").content.decode()

    def test_follows_the_system_by_default(self, viewer: Client) -> None:
        assert "data-theme" not in viewer.get("/jobs/").content.decode()
        viewer.cookies["theme"] = '"><script>'
        assert "data-theme" not in viewer.get("/jobs/").content.decode()

    @pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
    def test_leads_back_to_our_own_pages_only(self, viewer: Client, elsewhere: str) -> None:
        assert viewer.post("/look/", {"theme": "odd", "next": elsewhere}).url == "/"


class TestTimeZone:
    def test_is_that_of_the_reader_and_is_named(self, viewer: Client, run: SyncJobRun, run_url: str) -> None:
        User.objects.update(time_zone="Asia/Tokyo")
        page = viewer.get(run_url).content.decode()
        assert ">Asia/Tokyo</span>" in page
        assert re.search(r'title="[^"]+ Asia/Tokyo"', page)

    def test_is_utc_where_it_is_unknown(self, viewer: Client) -> None:
        User.objects.update(time_zone="Mars/Olympus")
        assert ">UTC</span>" in viewer.get("/runs/").content.decode()


class TestSecurity:
    def test_no_page_has_anything_inline(self, operator: Client, run: SyncJobRun, run_url: str) -> None:
        for path in ("/", "/runs/", run_url, f"/jobs/{run.sync_job_id}/run/", "/records/"):
            page = operator.get(path).content.decode()
            assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son\w+=|javascript:", page), path

    def test_the_policy_allows_our_own_files_only(self, viewer: Client) -> None:
        policy = viewer.get("/runs/").headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy

    def test_fragments_and_pages_are_cached_apart(self, viewer: Client) -> None:
        assert "HX-Request" in viewer.get("/runs/").headers["Vary"]


class TestProblems:
    @pytest.mark.parametrize("path", ["/no/such/page/", "/runs/odd/"])
    def test_a_page_that_is_not_there_is_told_in_our_style(self, viewer: Client, path: str) -> None:
        answer = viewer.get(path)
        assert answer.status_code == 404
        assert "There is nothing here" in answer.content.decode()

    def test_staff_stay_among_the_pages_and_others_see_none_of_them(self, viewer: Client, client: Client) -> None:
        assert 'class="rail"' in viewer.get("/no/such/page/").content.decode()
        client.force_login(factories.user("customer", is_staff=False))
        for path in ("/no/such/page/", "/runs/"):
            assert 'class="rail"' not in client.get(path).content.decode()

    def test_a_refusal_says_what_is_not_allowed(self, viewer: Client) -> None:
        page = viewer.get("/settings/people/")
        assert page.status_code == 403
        assert "An admin can change what you may do." in page.content.decode()
        assert "Your account may not do this." not in page.content.decode()

    def test_a_program_gets_the_errors_of_the_api(self, client: Client, db: None) -> None:
        answer = client.get("/no/such/page", headers={"Accept": "application/json"})
        assert answer.json()["statusCode"] == 404
        answer = client.get("/no/such/page", headers={"Authorization": "Bearer x"})
        assert answer.json()["error"] == "Not Found"
        answer = client.get("/no/such/page", headers={"Accept": "*/*"})
        assert answer.json()["message"]

    def test_a_browser_gets_a_page_before_anybody_has_logged_in(self, client: Client, db: None) -> None:
        answer = client.get("/no/such/page", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert "<html" in answer.content.decode()

    def test_htmx_gets_a_fragment(self, viewer: Client) -> None:
        assert "<html" not in viewer.get("/no/such/page/", headers=HTMX).content.decode()

    def test_what_broke_is_told_without_any_context(self) -> None:
        answer = server_error(RequestFactory().get("/"))
        assert answer.status_code == 500
        assert "Something broke here" in answer.content.decode()

    def test_a_form_that_is_too_old_says_what_to_do(self, db: None) -> None:
        answer = Client(enforce_csrf_checks=True).post("/login/", {})
        assert answer.status_code == 403
        assert "This page was too old" in answer.content.decode()


class TestDensityAndRail:
    def test_are_remembered_and_read_by_the_server(self, viewer: Client) -> None:
        viewer.post("/look/", {"density": "comfortable", "rail": "narrow", "next": "/jobs/"})
        page = viewer.get("/jobs/").content.decode()
        assert 'data-density="comfortable" data-rail="narrow"' in page
        viewer.post("/look/", {"density": "compact", "rail": "auto"})
        page = viewer.get("/jobs/").content.decode()
        assert "data-density" not in page
        assert "data-rail" not in page

    def test_what_is_no_choice_changes_nothing(self, viewer: Client) -> None:
        answer = viewer.post("/look/", {"density": "huge", "rail": '"><script>', "sessionid": "x"})
        assert dict(answer.cookies) == {}

    def test_one_choice_leaves_the_others(self, viewer: Client) -> None:
        viewer.post("/look/", {"theme": "dark"})
        viewer.post("/look/", {"rail": "narrow"})
        assert 'data-theme="dark" data-rail="narrow"' in viewer.get("/jobs/").content.decode()


class TestNavigation:
    def test_searches_runs_for_what_runs_are_searched_for_alone(self, viewer: Client, run: SyncJobRun) -> None:
        """Other lists have a search of their own, by a parameter of the same name."""
        box = re.compile(r'id="search" value="([^"]*)"')
        assert [box.search(viewer.get(f"{path}?q=geo").content.decode())[1] for path in ("/runs/", "/jobs/")] == [  # type: ignore[index]
            "geo",
            "",
        ]

    def test_a_phone_has_four_places_and_the_rest_behind_more(self, viewer: Client) -> None:
        page = viewer.get("/jobs/").content.decode()
        bar, _, more = page.partition('<nav class="dock"')[2].partition("</nav>")[0].partition("<details")
        assert bar.count("<li>") == 4
        assert more.count("<li>") == sum(len(places) for places in RAIL)

    def test_every_place_has_a_key_of_its_own(self) -> None:
        keys = [place.key for places in RAIL for place in places]
        assert all(keys)
        assert len(set(keys)) == len(keys)

    def test_the_page_one_is_on_is_marked(self, viewer: Client) -> None:
        page = viewer.get("/settings/environments/").content.decode()
        assert re.search(r'href="/settings/"[^>]* aria-current="page"', page)


class TestSearch:
    def test_shows_what_the_list_of_runs_was_searched_for_and_no_other_page(self, viewer: Client) -> None:
        field = re.compile(r'id="search" value="([^"]*)"')
        assert field.findall(viewer.get("/runs/?q=acme").content.decode()) == ["acme"]
        for path in ("/errors/?q=acme", "/audit/?q=acme", "/accounts/?q=acme"):
            assert field.findall(viewer.get(path).content.decode()) == [""]


class TestShortcuts:
    def test_are_listed_in_a_dialog_or_on_a_page(self, viewer: Client) -> None:
        page = viewer.get("/shortcuts/").content.decode()
        fragment = viewer.get("/shortcuts/", headers=HTMX).content.decode()
        assert "<html" in page
        assert "<html" not in fragment
        for place in (place for places in RAIL for place in places):
            assert f"<kbd>{place.key}</kbd>" in fragment

    def test_can_be_switched_off(self, viewer: Client) -> None:
        assert "data-shortcuts=" not in viewer.get("/jobs/").content.decode()
        viewer.post("/settings/", {"time_zone": "UTC"})
        assert 'data-shortcuts="off"' in viewer.get("/jobs/").content.decode()


class TestAdminLink:
    def test_is_in_the_settings_of_those_with_something_to_see_there(self, superuser: User, operator: Client) -> None:
        assert 'href="/admin/"' in logged_in(superuser).get("/settings/").content.decode()
        assert 'href="/admin/"' not in operator.get("/settings/").content.decode()
