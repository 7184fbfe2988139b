"""What the admin changes of people, groups, environments and tokens is in the audit list."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from runs.models import ApiToken, AuditEntry, Environment, User
from tests import factories
from tests.runs.admin.browsing import page

pytestmark = pytest.mark.django_db

JOINED = {"date_joined_0": "2026-11-24", "date_joined_1": "12:00:00", "time_zone": "UTC"}


def lines() -> list[AuditEntry]:
    return list(AuditEntry.objects.order_by("created_at", "id"))


def told() -> list[tuple[str, str, Any]]:
    return [(line.action, line.target_label, line.details) for line in lines()]


def test_a_person_is_made_changed_and_deleted(office: Client, environment: Environment) -> None:
    password = "a-new-pass-4711"
    form = {"username": "otto", "password1": password, "password2": password, "usable_password": "true"}
    office.post(page("user_add"), form)
    person = User.objects.get(username="otto")
    changed = {**JOINED, "username": "otto", "is_active": "on", "is_staff": "on", "environments": [str(environment.pk)]}
    person.date_joined = "2026-11-24T12:00:00Z"
    person.save()
    office.post(page("user_change", person.pk), changed)
    office.post(page("user_change", person.pk), changed)
    office.post(page("user_delete", person.pk), {"post": "yes"})
    changes = {"is_staff": [False, True], "environments": [[], ["Test"]]}
    assert told() == [
        ("person.create", "otto", {}),
        ("person.change", "otto", {"changes": changes}),
        ("person.delete", "otto", {}),
    ]
    assert {(line.actor, line.ip, line.environment_id) for line in lines()} == {("admin", "127.0.0.1", None)}
    assert password not in str(told())


def test_a_password_that_is_set_is_noted_without_it(office: Client) -> None:
    person = factories.user("otto")
    form = {"password1": "a-new-pass-4711", "password2": "a-new-pass-4711", "usable_password": "true"}
    office.post(reverse("admin:auth_user_password_change", args=[person.pk]), form)
    assert told() == [("person.password", "otto", {})]


def test_powers_are_given_through_groups_too(office: Client) -> None:
    power = Permission.objects.get(codename="operate_runs")
    office.post(reverse("admin:auth_group_add"), {"name": "operators", "permissions": [power.pk]})
    group = Group.objects.get(name="operators")
    office.post(reverse("admin:auth_group_change", args=[group.pk]), {"name": "operators", "permissions": []})
    office.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"})
    assert told() == [
        ("group.create", "operators", {}),
        ("group.change", "operators", {"changes": {"permissions": [[str(power)], []]}}),
        ("group.delete", "operators", {}),
    ]


def test_people_who_are_selected_and_deleted_have_a_line_each(office: Client) -> None:
    people = [factories.user(name) for name in ("a", "b")]
    selected = {"action": "delete_selected", "_selected_action": [person.pk for person in people], "post": "yes"}
    office.post(page("user_changelist"), selected)
    assert sorted(told()) == [("person.delete", "a", {}), ("person.delete", "b", {})]


def test_an_environment_is_named_and_renamed(office: Client) -> None:
    office.post(page("environment_add"), {"name": "Staging"})
    made = Environment.objects.get(name="Staging")
    office.post(page("environment_change", made.pk), {"name": "Production"})
    assert told() == [
        ("environment.create", "Staging", {}),
        ("environment.change", "Production", {"changes": {"name": ["Staging", "Production"]}}),
    ]
    assert {line.environment_id for line in lines()} == {made.pk}


def test_a_token_is_issued_renamed_and_revoked(office: Client, environment: Environment) -> None:
    form = {"environment": str(environment.pk), "name": "ci", "expires_at_0": "", "expires_at_1": ""}
    office.post(page("apitoken_add"), form)
    token = ApiToken.objects.get()
    office.post(page("apitoken_change", token.pk), {**form, "name": "cd"})
    office.post(page("apitoken_changelist"), {"action": "revoke", "_selected_action": [str(token.pk)]})
    assert [line.action for line in lines()] == ["token.issue", "token.change", "token.revoke"]
    assert {line.actor for line in lines()} == {"admin"}
    assert lines()[1].details == {"changes": {"name": ["ci", "cd"]}}


def test_what_the_admin_saves_through_services_has_their_lines(office: Client, environment: Environment) -> None:
    job = factories.job()
    form = {"label": "New", "args_schema": "{}", "resources": '[{"resource": "cities", "method": "list"}]'}
    office.post(page("syncjob_change", job.pk), form)
    assert told() == [
        ("job.change", "New", {"changes": {"label": ["Countries and cities", "New"], "resources": "changed"}})
    ]
