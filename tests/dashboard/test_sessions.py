"""How long a login holds, and how it is ended from elsewhere."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from runs.models import Environment, Role, User
from tests import factories
from tests.dashboard.test_logins import log_in

pytestmark = pytest.mark.django_db


def is_in(client: Client) -> bool:
    return client.get("/settings/").status_code == 200


@pytest.fixture
def olga() -> User:
    return factories.user("olga")


class TestAge:
    @pytest.mark.parametrize(("hours", "holds"), [(23, True), (25, False)])
    def test_a_login_that_nobody_uses_ends_after_a_day(self, olga: User, hours: int, holds: bool) -> None:
        browser = log_in("olga")
        with time_machine.travel(timezone.now() + timedelta(hours=hours)):
            assert is_in(browser) == holds

    def test_one_that_is_used_holds_for_two_weeks_and_no_longer(self, olga: User) -> None:
        browser, begun = log_in("olga"), timezone.now()
        for hours in range(20, 14 * 24, 20):
            with time_machine.travel(begun + timedelta(hours=hours)):
                assert is_in(browser), hours
        with time_machine.travel(begun + timedelta(days=14, minutes=1)):
            assert not is_in(browser)
            assert not Session.objects.filter(pk=browser.session.session_key).exists()

    def test_is_told(self, olga: User) -> None:
        with time_machine.travel("2026-11-01T12:00:00Z", tick=False):
            page = log_in("olga").get("/settings/").content.decode()
        assert "15 Nov" in page.split("This login")[1].split("</dd>")[0]

    def test_a_page_that_polls_does_not_write_it_at_each_poll(self, olga: User) -> None:
        browser = log_in("olga")
        kept = Session.objects.get().expire_date
        assert is_in(browser)
        assert Session.objects.get().expire_date == kept
        with time_machine.travel(timezone.now() + timedelta(hours=2)):
            assert is_in(browser)
        assert Session.objects.get().expire_date > kept

    def test_one_from_before_the_limit_was_known_begins_now(self, olga: User) -> None:
        browser = log_in("olga")
        session = browser.session
        del session["since"], session["seen"]
        session.save()
        assert is_in(browser)
        assert browser.session["since"] == pytest.approx(timezone.now().timestamp(), abs=60)


class TestEnding:
    def test_ones_own_leaves_the_browser_that_asks(self, olga: User) -> None:
        here, elsewhere = log_in("olga"), log_in("olga")
        assert b"logged out in every other browser" in here.post("/settings/sessions/", follow=True).content
        assert is_in(here)
        assert not is_in(elsewhere)

    def test_an_admin_ends_those_of_a_person(self, olga: User, environment: Environment) -> None:
        olga.environments.set([environment])
        admin = factories.user("anna", role=Role.ADMIN)
        admin.environments.set([environment])
        browser, office = log_in("olga"), log_in("anna")
        answer = office.post(f"/settings/people/{olga.pk}/sessions/", follow=True)
        assert b"olga is logged out everywhere." in answer.content
        assert not is_in(browser)
        assert is_in(log_in("olga"))

    def test_nobody_ends_those_of_somebody_they_do_not_manage(self, olga: User, environment: Environment) -> None:
        boss = factories.user("boss", is_superuser=True)
        admin = factories.user("anna", role=Role.ADMIN)
        admin.environments.set([environment])
        olga.environments.set([environment, factories.environment("Elsewhere")])
        office = log_in("anna")
        assert office.post(f"/settings/people/{olga.pk}/sessions/").status_code == 403
        assert office.post(f"/settings/people/{boss.pk}/sessions/").status_code == 404
