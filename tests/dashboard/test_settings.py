"""One's own settings, and those of environments, tokens and people, as pages."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import ApiToken, AuditEntry, Environment, Role, User
from tests import factories
from tests.dashboard.conftest import HTMX, logged_in, member

LONG = "unbroken" * 25


@pytest.fixture
def anna(environment: Environment) -> User:
    return member("anna", environment, role=Role.ADMIN)


@pytest.fixture
def admin(anna: User) -> Client:
    return logged_in(anna)


class TestOwn:
    def test_a_time_zone_is_chosen_and_named(self, viewer: Client) -> None:
        answer = viewer.post("/settings/", {"time_zone": "Asia/Kolkata", "shortcuts": "on"}, follow=True)
        page = answer.content.decode()
        assert "Times are shown in Asia/Kolkata." in page
        assert '<span class="zone" title="Times are shown in this zone">Asia/Kolkata</span>' in page
        assert '<option value="Asia/Kolkata" selected>' in page
        assert AuditEntry.objects.get().details == {"time_zone": "Asia/Kolkata"}

    @pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "", "\x00", LONG])
    def test_what_is_no_zone_is_refused_beside_its_field(self, viewer: Client, name: str) -> None:
        answer = viewer.post("/settings/", {"time_zone": name, "shortcuts": "on"})
        assert answer.status_code == 400
        assert 'class="wrong-because"' in answer.content.decode()
        assert User.objects.get().time_zone == "UTC"

    def test_an_odd_zone_of_before_is_not_lost(self, viewer: Client) -> None:
        User.objects.update(time_zone="Etc/GMT+5")
        assert '<option value="Etc/GMT+5" selected>' in viewer.get("/settings/").content.decode()

    def test_saving_nothing_new_is_no_change(self, viewer: Client) -> None:
        viewer.post("/settings/", {"time_zone": "UTC", "shortcuts": "on"})
        assert not AuditEntry.objects.exists()

    def test_the_look_of_this_browser_is_shown_as_chosen(self, viewer: Client) -> None:
        viewer.post("/look/", {"theme": "dark", "density": "comfortable", "rail": "wide"})
        page = viewer.get("/settings/").content.decode()
        assert all(f'<option value="{value}" selected>' in page for value in ("dark", "comfortable", "wide"))

    def test_others_have_no_sections_of_admins(self, viewer: Client, admin: Client) -> None:
        for address in ("/settings/tokens/", "/settings/people/"):
            assert f'href="{address}"' not in viewer.get("/settings/").content.decode()
            assert f'href="{address}"' in admin.get("/settings/").content.decode()


class TestEnvironments:
    def test_only_ones_own_are_listed(self, viewer: Client, environment: Environment) -> None:
        factories.environment("Elsewhere")
        page = viewer.get("/settings/environments/").content.decode()
        assert environment.name in page
        assert "Elsewhere" not in page

    def test_one_is_made_and_renamed(self, admin: Client) -> None:
        page = admin.post("/settings/environments/new/", {"name": "Acme"}, follow=True).content.decode()
        assert "Acme is there." in page
        made = Environment.objects.get(name="Acme")
        page = admin.post(f"/settings/environments/{made.pk}/", {"name": "Globex"}, follow=True).content.decode()
        assert "Acme is called Globex now." in page

    @pytest.mark.parametrize("name", ["", "  ", "x" * 101, "Test", "a\x00b"])
    def test_a_name_that_cannot_be_is_refused_beside_its_field(self, admin: Client, name: str) -> None:
        answer = admin.post("/settings/environments/new/", {"name": name})
        assert answer.status_code == 400
        assert 'class="wrong-because"' in answer.content.decode()
        assert Environment.objects.count() == 1

    def test_one_of_others_is_not_there(self, admin: Client) -> None:
        foreign = factories.environment("Elsewhere")
        assert admin.post(f"/settings/environments/{foreign.pk}/", {"name": "Mine"}).status_code == 404
        foreign.refresh_from_db()
        assert foreign.name == "Elsewhere"

    def test_many_are_paged_by_name(self, superuser: User) -> None:
        for number in range(60):
            factories.environment(f"Tenant {number:02}")
        browser = logged_in(superuser)
        first = browser.get("/settings/environments/").content.decode()
        following = re.search(r'rel="next" href="(\?[^"]+)"', first)
        assert following
        second = browser.get(f"/settings/environments/{following[1]}").content.decode()
        names = re.findall(r"<b>(Tenant \d+)</b>", first + second)
        assert names == [f"Tenant {number:02}" for number in range(60)]
        assert browser.get("/settings/environments/?after=%00").status_code == 200


class TestTokens:
    def form(self, environment: Environment, **over: str) -> dict[str, str]:
        return {"environment": str(environment.pk), "name": "importer", "access": "read", "last_day": "", **over}

    def test_the_secret_is_shown_once_and_opens_the_environment(self, admin: Client, environment: Environment) -> None:
        made = admin.post("/settings/tokens/new/", self.form(environment))
        assert made.status_code == 201
        assert "no-store" in made.headers["Cache-Control"]
        secret = re.findall(r"sd_[\w-]{43}", made.content.decode())[0]
        assert Client().get("/sync-job", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
        page = admin.get("/settings/tokens/")
        assert secret not in page.content.decode()
        assert secret not in str(admin.cookies) + str(dict(admin.session)) + str(made.headers)
        assert ApiToken.objects.get().created_by == "anna"

    def test_it_reads_unless_more_is_asked_for(self, admin: Client, environment: Environment) -> None:
        for access, scopes in (("read", ["read"]), ("write", ["read", "write"])):
            admin.post("/settings/tokens/new/", self.form(environment, access=access))
            assert ApiToken.objects.latest("created_at").scopes == scopes

    def test_it_holds_to_the_end_of_its_last_day_where_its_maker_lives(
        self, admin: Client, anna: User, environment: Environment
    ) -> None:
        User.objects.update(time_zone="Asia/Tokyo")
        day = (timezone.now() + timedelta(days=9)).date()
        admin.post("/settings/tokens/new/", self.form(environment, last_day=day.isoformat()))
        end = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Asia/Tokyo")) + timedelta(days=1)
        assert ApiToken.objects.get().expires_at == end

    @pytest.mark.parametrize(
        "wrong",
        [
            {"name": ""},
            {"name": "x" * 101},
            {"access": "all"},
            {"environment": "nonsense"},
            {"last_day": "2020-01-01"},
            {"last_day": "9999-12-31"},
            {"last_day": "tomorrow"},
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, admin: Client, environment: Environment, wrong: dict[str, str]
    ) -> None:
        assert admin.post("/settings/tokens/new/", {**self.form(environment), **wrong}).status_code == 400
        assert not ApiToken.objects.exists()

    def test_it_is_made_for_visible_environments_only(self, admin: Client) -> None:
        foreign = factories.environment("Elsewhere")
        assert admin.post("/settings/tokens/new/", self.form(foreign)).status_code == 400
        assert not ApiToken.objects.exists()

    def test_those_of_others_are_not_there(self, admin: Client) -> None:
        factories.token(factories.environment("Elsewhere"))
        token = ApiToken.objects.get()
        assert token.prefix not in admin.get("/settings/tokens/").content.decode()
        assert admin.post(f"/settings/tokens/{token.pk}/revoke/").status_code == 404
        token.refresh_from_db()
        assert token.is_usable

    def test_it_is_revoked_after_a_question(self, admin: Client, environment: Environment) -> None:
        factories.token(environment)
        token = ApiToken.objects.get()
        address = f"/settings/tokens/{token.pk}/revoke/"
        question = admin.get(address, headers=HTMX).content.decode()
        assert "Revoke this token?" in question
        assert "<html" not in question
        assert "opens nothing any more" in admin.post(address, follow=True).content.decode()
        assert "already" in admin.post(address, follow=True).content.decode()
        page = admin.get("/settings/tokens/").content.decode()
        assert "Revoked" in page
        assert address not in page


class TestPeople:
    def form(self, environment: Environment, **over: object) -> dict[str, object]:
        person = {"username": "ada", "first_name": "Ada", "last_name": "", "email": ""}
        return {**person, "role": "operator", "environments": [str(environment.pk)], **over}

    def link_of(self, answer: object) -> str:
        found = re.search(r'data-copy="http://testserver(/password/[^"]+)"', answer.content.decode())  # type: ignore[attr-defined]
        assert found
        return found[1]

    def test_somebody_new_chooses_a_password_by_a_link_that_works_once(
        self, admin: Client, environment: Environment
    ) -> None:
        made = admin.post("/settings/people/new/", self.form(environment))
        assert made.status_code == 201
        assert "no-store" in made.headers["Cache-Control"]
        link, browser = self.link_of(made), Client()
        form = browser.get(link, follow=True)
        address = form.redirect_chain[-1][0]
        assert "a-new-pass" not in address
        weak = browser.post(address, {"new_password1": "1", "new_password2": "1"})
        assert "too short" in weak.content.decode()
        new = {"new_password1": "a-new-pass-4711", "new_password2": "a-new-pass-4711"}
        done = browser.post(address, new, follow=True)
        assert "Your password is set." in done.content.decode()
        browser.post("/login/", {"username": "ada", "password": "a-new-pass-4711"})
        assert browser.get("/runs/").status_code == 200
        again = Client().get(link, follow=True).content.decode()
        assert "leads nowhere any more" in again

    def test_a_link_is_of_no_use_once_its_person_is_shut_out(self, admin: Client, environment: Environment) -> None:
        link = self.link_of(admin.post("/settings/people/new/", self.form(environment)))
        User.objects.filter(username="ada").update(is_active=False)
        assert "leads nowhere any more" in Client().get(link, follow=True).content.decode()

    @pytest.mark.parametrize("link", ["/password/MQ/nonsense/", "/password/____/a-b/", "/password/%00/a-b/"])
    def test_a_link_that_nobody_made_leads_nowhere(self, client: Client, db: None, link: str) -> None:
        answer = client.get(link, follow=True)
        assert answer.status_code == 200
        assert "leads nowhere any more" in answer.content.decode()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"username": "anna"},
            {"username": ""},
            {"username": "a b"},
            {"username": "x" * 151},
            {"role": "superuser"},
            {"role": ""},
            {"environments": []},
            {"environments": ["nonsense"]},
            {"email": "nobody"},
        ],
    )
    def test_what_cannot_be_is_refused_beside_its_field(
        self, admin: Client, environment: Environment, wrong: dict[str, object]
    ) -> None:
        answer = admin.post("/settings/people/new/", self.form(environment, **wrong))
        assert answer.status_code == 400
        assert 'class="wrong-because"' in answer.content.decode()
        assert User.objects.count() == 1

    def test_a_foreign_environment_is_no_choice(self, admin: Client) -> None:
        foreign = factories.environment("Elsewhere")
        assert admin.post("/settings/people/new/", self.form(foreign)).status_code == 400

    def test_nobody_is_made_a_superuser(self, admin: Client, environment: Environment) -> None:
        admin.post("/settings/people/new/", self.form(environment, is_superuser="on", is_staff="", groups="1"))
        person = User.objects.get(username="ada")
        assert (person.is_superuser, person.role) == (False, Role.OPERATOR)

    def test_somebody_is_changed(self, admin: Client, environment: Environment) -> None:
        person = member("olga", environment, role=Role.OPERATOR)
        address = f"/settings/people/{person.pk}/"
        assert re.search(r'value="operator"[^>]* checked', admin.get(address).content.decode())
        admin.post(address, self.form(environment, role="viewer"))
        person = User.objects.get(pk=person.pk)
        assert (person.username, person.first_name, person.role) == ("olga", "Ada", Role.VIEWER)

    def test_rights_of_ones_own_are_kept_until_a_role_is_chosen(self, admin: Client, environment: Environment) -> None:
        person = member("olga", environment, may_operate=True)
        admin.post(f"/settings/people/{person.pk}/", self.form(environment, role=""))
        assert User.objects.get(pk=person.pk).can_operate

    def test_oneself_keeps_role_and_environments(self, admin: Client, anna: User, environment: Environment) -> None:
        address = f"/settings/people/{anna.pk}/"
        page = admin.get(address).content.decode()
        assert 'name="role"' not in page
        assert "/deactivate/" not in page
        admin.post(address, self.form(environment, role="viewer", environments=[]))
        assert User.objects.get(pk=anna.pk).role == Role.ADMIN
        assert list(anna.environments.all()) == [environment]
        answer = admin.post(f"{address}deactivate/", follow=True)
        assert "changed by somebody else" in answer.content.decode()

    def test_of_somebody_who_belongs_elsewhere_too_only_the_environments_are_changed(
        self, admin: Client, environment: Environment
    ) -> None:
        person = member("both", environment, role=Role.VIEWER)
        person.environments.add(factories.environment("Elsewhere"))
        address = f"/settings/people/{person.pk}/"
        page = admin.get(address).content.decode()
        assert "Elsewhere" not in page
        assert 'name="role"' not in page
        assert "/link/" not in page
        for action in ("link/", "deactivate/", "activate/"):
            assert admin.post(address + action).status_code == 403
        admin.post(address, {"environments": [], "anything": "else"})
        assert [str(one) for one in person.environments.all()] == ["Elsewhere"]

    @pytest.mark.parametrize("action", ["", "link/", "deactivate/", "activate/"])
    def test_strangers_and_superusers_are_not_there(self, admin: Client, action: str, superuser: User) -> None:
        stranger = member("stranger", factories.environment("Elsewhere"))
        for person in (stranger, superuser):
            assert admin.post(f"/settings/people/{person.pk}/{action}", {"a": "b"}).status_code == 404
        page = admin.get("/settings/people/").content.decode()
        assert "stranger" not in page

    def test_somebody_is_shut_out_after_a_question_and_let_in_again(
        self, admin: Client, environment: Environment
    ) -> None:
        person = member("olga", environment)
        address = f"/settings/people/{person.pk}/"
        assert "Shut this person out?" in admin.get(f"{address}deactivate/", headers=HTMX).content.decode()
        assert "olga is shut out." in admin.post(f"{address}deactivate/", follow=True).content.decode()
        assert "nothing was changed" in admin.post(f"{address}deactivate/", follow=True).content.decode()
        assert "olga may log in again" in admin.post(f"{address}activate/", follow=True).content.decode()

    def test_people_are_found_by_name_and_mail(self, admin: Client, environment: Environment) -> None:
        member("olga", environment, email="o@example.org")
        assert "olga" in admin.get("/settings/people/?q=EXAMPLE.org").content.decode()
        nobody = admin.get("/settings/people/?q=%00%3Cscript%3E").content.decode()
        assert "Nobody matches" in nobody
        assert "<script>" not in nobody

    @pytest.mark.parametrize("person_id", [0, 2**31, 10**30])
    def test_an_id_of_nobody_is_not_there(self, admin: Client, person_id: int) -> None:
        assert admin.get(f"/settings/people/{person_id}/").status_code == 404

    def test_the_list_takes_the_same_queries_whatever_its_length(
        self, admin: Client, environment: Environment, django_assert_max_num_queries: object
    ) -> None:
        for number in range(30):
            member(f"person-{number}", environment, role=Role.VIEWER)
        with django_assert_max_num_queries(9):  # type: ignore[operator]
            admin.get("/settings/people/")


def test_what_admins_may_in_the_settings_they_may_not_exceed_in_the_admin(
    admin: Client, environment: Environment
) -> None:
    """The right to change people is of the settings too; Django's admin would let it reach everybody."""
    elsewhere = factories.environment("Elsewhere")
    stranger, both = member("stranger", elsewhere), member("both", environment)
    both.environments.add(elsewhere)
    new = {"password1": "a-new-pass-4711", "password2": "a-new-pass-4711", "usable_password": "true"}
    for person in (stranger, both):
        admin.post(f"/admin/runs/user/{person.pk}/password/", new)
        person.refresh_from_db()
        assert person.check_password("pw-for-tests-1")
    assert admin.get("/admin/runs/user/add/").status_code == 403
    assert "stranger" not in admin.get("/admin/runs/user/").content.decode()
