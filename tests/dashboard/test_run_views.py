"""Views of the run list: those that everybody has, and one's own."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from runs.models import AuditEntry, DataWarning, Environment, SavedView, SyncJobRun, User
from runs.services import save_view
from runs.services.views import MOST_VIEWS
from tests.dashboard import states
from tests.dashboard.conftest import logged_in, member


@pytest.fixture
def victor(environment: Environment) -> User:
    return member("victor", environment)


@pytest.fixture
def client(victor: User) -> Client:
    return logged_in(victor)


def tabs(page: HttpResponse) -> dict[str, str]:
    """The addresses of the tabs by their names."""
    nav = page.content.decode().split('class="tabs"')[1].split("</nav>")[0]
    return {name: unescape(to) for to, name in re.findall(r'href="([^"]*)"[^>]*>([^<]*)', nav)}


def current(page: HttpResponse) -> str | None:
    nav = page.content.decode().split('class="tabs"')[1].split("</nav>")[0]
    found = re.search(r'aria-current="page">([^<]*)', nav)
    return found and found[1]


def save(client: Client, name: str, query: str, **over: Any) -> HttpResponse:
    return client.post("/views/new/", {"name": name, "query": query, **over})


class TestEverybodys:
    def test_come_first_and_the_one_shown_is_marked(self, client: Client, run: SyncJobRun) -> None:
        page = client.get("/runs/")
        names = ["All", "Running now", "Failed", "With errors", "With warnings", "Zero records", "Slow", "Mine"]
        assert list(tabs(page)) == names
        assert current(page) == "All"
        for name, address in tabs(page).items():
            assert current(client.get(address)) == name
        assert current(client.get("/runs/?status=failed&job=x")) is None

    def test_select_what_their_names_say(self, client: Client, run: SyncJobRun) -> None:
        addresses = tabs(client.get("/runs/"))

        def shown_in() -> set[str]:
            return {name for name, to in addresses.items() if f'id="run-{run.pk}"' in client.get(to).content.decode()}

        assert shown_in() == {"All", "Running now"}
        states.failed(run)
        assert shown_in() == {"All", "Failed"}
        states.ended(run, "completed", error_count=2, fetched=0, created_by="victor")
        assert shown_in() == {"All", "With errors", "Mine"}
        states.change(run, usual_limit=timedelta(minutes=1), error_count=0)
        assert shown_in() == {"All", "Slow", "Mine"}

    @pytest.mark.parametrize(
        ("code", "views"), [("zero", {"With warnings", "Zero records"}), ("fall", {"With warnings"})]
    )
    def test_of_warnings_go_by_what_is_usual(self, client: Client, run: SyncJobRun, code: str, views: set[str]) -> None:
        states.warned(run, DataWarning(code, "countries", 0, 252))
        shown = {
            name
            for name, to in tabs(client.get("/runs/")).items()
            if f'id="run-{run.pk}"' in client.get(to).content.decode()
        }
        assert shown == {"All", *views}

    def test_running_now_has_no_window(self, client: Client, run: SyncJobRun) -> None:
        assert "since=all" in tabs(client.get("/runs/"))["Running now"]


class TestOnes:
    def test_is_saved_from_the_filters_shown_and_stands_after_the_others(self, client: Client, run: SyncJobRun) -> None:
        page = client.get("/runs/?status=failed&trigger=api").content.decode()
        query = unescape(page.split('name="query" value="')[1].split('"')[0])
        answer = save(client, " API  failures ", query)
        assert (answer.status_code, answer.url) == (302, "/runs/?status=failed&trigger=api")
        page = client.get(answer.url)
        assert list(tabs(page))[-1] == current(page) == "API failures"

    def test_leaves_the_place_of_the_page_out(self, client: Client) -> None:
        save(client, "x", "status=failed&cursor=abc")
        assert SavedView.objects.get().query == "status=failed"

    def test_of_no_filters_has_the_usual_window(self, client: Client) -> None:
        save(client, "everything", "", default="yes")
        assert SavedView.objects.get().query == "since=7d"
        assert client.get("/runs/").url == "/runs/?since=7d"
        assert client.get("/runs/?since=7d").status_code == 200

    def test_is_seen_by_its_owner_only_and_its_link_by_all(
        self, client: Client, environment: Environment, run: SyncJobRun
    ) -> None:
        address = save(client, "mine alone", "status=failed").url
        olga = logged_in(member("olga", environment))
        assert "mine alone" not in olga.get(address).content.decode()
        view = SavedView.objects.get()
        assert olga.post(f"/views/{view.pk}/", {"rename": "yes", "name": "hers"}).status_code == 404
        assert olga.post(f"/views/{view.pk}/delete/").status_code == 404

    @pytest.mark.parametrize(
        ("name", "why"), [("", "needs a name"), ("x" * 61, "at most 60"), ("taken", "is a view called")]
    )
    def test_with_a_bad_name_is_refused_in_words(self, client: Client, name: str, why: str) -> None:
        save(client, "taken", "status=failed")
        answer = save(client, name, "status=running")
        assert why in client.get(answer.url).content.decode()
        assert SavedView.objects.count() == 1

    def test_beyond_a_bearable_number_is_refused(self, client: Client, victor: User) -> None:
        for number in range(MOST_VIEWS):
            save_view(victor, f"view {number}", "status=failed")
        assert "delete one first" in client.get(save(client, "one more", "q=x").url).content.decode()

    def test_with_filters_without_end_is_refused(self, client: Client) -> None:
        save(client, "long", "q=" + "x" * 5000)
        assert not SavedView.objects.exists()

    @pytest.mark.parametrize("query", ["//example.org", "a\r\nSet-Cookie: b=c", "\0", "https://example.org/?x"])
    def test_leads_nowhere_but_to_the_list(self, client: Client, query: str) -> None:
        address = save(client, "x", query).url
        assert address.startswith("/runs/?")
        assert client.get(address, follow=True).status_code == 200

    def test_is_renamed_changed_and_deleted(self, client: Client) -> None:
        save(client, "old", "status=failed")
        view = SavedView.objects.get()
        client.post(f"/views/{view.pk}/", {"rename": "yes", "name": "new"})
        client.post(f"/views/{view.pk}/", {"query": "status=stopped"})
        view.refresh_from_db()
        assert (view.name, view.query) == ("new", "status=stopped")
        client.post(f"/views/{view.pk}/delete/")
        assert not SavedView.objects.exists()
        actions = AuditEntry.objects.order_by("created_at", "id").values_list("action", flat=True)
        assert list(actions) == ["view.save", "view.rename", "view.change", "view.delete"]

    def test_moves_left(self, client: Client) -> None:
        for name in ("a", "b", "c"):
            save(client, name, f"q={name}")
        client.post(f"/views/{SavedView.objects.get(name='c').pk}/", {"left": "yes"})
        client.post(f"/views/{SavedView.objects.get(name='a').pk}/", {"left": "yes"})
        assert [view.name for view in SavedView.objects.all()] == ["a", "c", "b"]


class TestDefault:
    def test_is_where_the_list_without_parameters_goes(self, client: Client, run: SyncJobRun) -> None:
        save(client, "failures", "status=failed", default="yes")
        answer = client.get("/runs/")
        assert (answer.status_code, answer.url) == (302, "/runs/?status=failed")

    def test_leaves_a_way_to_all_runs(self, client: Client, run: SyncJobRun) -> None:
        save(client, "failures", "status=failed", default="yes")
        page = client.get("/runs/", follow=True)
        everything = client.get(tabs(page)["All"])
        assert everything.status_code == 200
        assert f'id="run-{run.pk}"' in everything.content.decode()

    def test_is_one_at_most(self, client: Client) -> None:
        save(client, "a", "q=a", default="yes")
        save(client, "b", "q=b", default="yes")
        assert [view.name for view in SavedView.objects.filter(is_default=True)] == ["b"]
        client.post(f"/views/{SavedView.objects.get(name='b').pk}/", {"default": "no"})
        assert client.get("/runs/").status_code == 200


@pytest.mark.parametrize("path", ["/views/new/", "/views/00000000-0000-0000-0000-000000000000/"])
def test_views_change_by_post_only(client: Client, path: str) -> None:
    assert client.get(path).status_code == 405
