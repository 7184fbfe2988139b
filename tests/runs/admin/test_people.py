"""People: their passwords, and what they may not give themselves."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from runs.models import (
    Environment,
    User,
)
from tests import factories
from tests.runs.admin.browsing import page, staff

pytestmark = pytest.mark.django_db


class TestPeople:
    def test_a_password_is_reset(self, office: Client) -> None:
        person = factories.user()
        path = reverse("admin:auth_user_password_change", args=[person.pk])
        form = {"password1": "a-new-pass-4711", "password2": "a-new-pass-4711", "usable_password": "true"}
        office.post(path, form)
        person.refresh_from_db()
        assert person.check_password("a-new-pass-4711")

    def test_a_person_gets_environments_and_a_time_zone(self, office: Client, environment: Environment) -> None:
        person = factories.user()
        form = {
            "username": person.username,
            "is_active": "on",
            "environments": [str(environment.pk)],
            "time_zone": "Europe/Berlin",
            "date_joined_0": "2026-11-24",
            "date_joined_1": "12:00:00",
        }
        office.post(page("user_change", person.pk), form)
        person.refresh_from_db()
        assert (person.time_zone, list(person.environments.all())) == ("Europe/Berlin", [environment])
        response = office.post(page("user_change", person.pk), {**form, "time_zone": "Moon/Crater"})
        assert "time_zone" in response.context["adminform"].form.errors

    def test_who_is_no_superuser_cannot_become_one_or_touch_one(self, superuser: User) -> None:
        clerk = staff("view_user", "change_user")
        me = User.objects.get(username="staff")
        form = {"username": "staff", "is_superuser": "on", "is_staff": "on", "is_active": "on", "time_zone": "UTC"}
        clerk.post(page("user_change", me.pk), form)
        me.refresh_from_db()
        assert not me.is_superuser
        assert clerk.get(page("user_change", superuser.pk)).status_code == 302
        reset = reverse("admin:auth_user_password_change", args=[superuser.pk])
        assert clerk.post(reset, {"password1": "a-new-pass-4711", "password2": "a-new-pass-4711"}).status_code == 404
