"""Who may manage whom, and that nobody hands out more than they have."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import close_old_connections, connection
from django.test import Client

from runs.errors import Forbidden, InvalidInput
from runs.models import AuditEntry, Environment, Role, User
from runs.services import change_person, create_person, may_manage, password_link, people_of, set_access, set_password
from tests import factories
from tests.dashboard.conftest import member

pytestmark = pytest.mark.django_db

NAMES = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org"}


@pytest.fixture
def elsewhere(db: None) -> Environment:
    return factories.environment("Elsewhere")


@pytest.fixture
def admin(environment: Environment) -> User:
    """The admin of one environment."""
    return member("anna", environment, role=Role.ADMIN)


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("created_at", "id").values_list("action", flat=True))


def in_both(environment: Environment, elsewhere: Environment, **over: Any) -> User:
    person = member("both", environment, **over)
    person.environments.add(elsewhere)
    return person


class TestWhoIsSeen:
    def test_those_who_share_an_environment_and_oneself(
        self, admin: User, environment: Environment, elsewhere: Environment, superuser: User
    ) -> None:
        shared, both = member("shared", environment), in_both(environment, elsewhere)
        member("stranger", elsewhere)
        assert set(people_of(admin)) == {admin, shared, both}

    def test_a_superuser_sees_everybody(self, admin: User, superuser: User) -> None:
        assert set(people_of(superuser)) == {admin, superuser}


class TestWhoIsManaged:
    def test_somebody_of_ones_own_environments(self, admin: User, environment: Environment) -> None:
        assert may_manage(admin, member("victor", environment, role=Role.VIEWER))
        assert may_manage(admin, member("other", environment, role=Role.ADMIN))

    def test_nobody_who_also_belongs_elsewhere(
        self, admin: User, environment: Environment, elsewhere: Environment
    ) -> None:
        """A password would open the other environment too."""
        assert not may_manage(admin, in_both(environment, elsewhere))

    def test_nobody_of_another_environment_or_of_none(self, admin: User, elsewhere: Environment) -> None:
        assert not may_manage(admin, member("stranger", elsewhere))
        assert not may_manage(admin, factories.user("nowhere"))

    def test_no_superuser(self, admin: User, environment: Environment) -> None:
        assert not may_manage(admin, member("root", environment, is_superuser=True))

    @pytest.mark.parametrize("is_active", [True, False])
    def test_nobody_who_may_more(self, admin: User, environment: Environment, is_active: bool) -> None:
        person = member("groups", environment, is_active=is_active)
        person.user_permissions.add(Permission.objects.get(codename="change_group"))
        assert not may_manage(admin, person)

    @pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, None])
    def test_nobody_by_those_who_are_no_admins(self, environment: Environment, role: Role | None) -> None:
        assert not may_manage(member("olga", environment, role=role), member("victor", environment))


class TestNewPeople:
    def test_have_a_role_environments_and_no_password(self, admin: User, environment: Environment) -> None:
        person = create_person(admin, "ada", NAMES, role=Role.OPERATOR, environments=[environment])
        person = User.objects.get(pk=person.pk)
        assert (person.role, list(person.environments.all())) == (Role.OPERATOR, [environment])
        assert person.is_staff
        assert not person.is_superuser
        assert not person.has_usable_password()
        assert actions() == ["person.create", "person.role", "member.add"]

    def test_belong_to_no_environment_that_their_maker_does_not_see(
        self, admin: User, environment: Environment, elsewhere: Environment
    ) -> None:
        with pytest.raises(Forbidden):
            create_person(admin, "ada", NAMES, role=Role.VIEWER, environments=[environment, elsewhere])
        with pytest.raises(InvalidInput, match="environments"):
            create_person(admin, "ada", NAMES, role=Role.VIEWER, environments=[])
        assert not User.objects.filter(username="ada").exists()

    def test_have_a_name_of_their_own(self, admin: User, environment: Environment) -> None:
        with pytest.raises(InvalidInput, match="username: is taken"):
            create_person(admin, "anna", NAMES, role=Role.VIEWER, environments=[environment])

    def test_are_let_in_by_admins_only(self, environment: Environment) -> None:
        operator = member("olga", environment, role=Role.OPERATOR)
        with pytest.raises(Forbidden):
            create_person(operator, "ada", NAMES, role=Role.VIEWER, environments=[environment])

    def test_get_no_role_that_their_maker_lacks(self, environment: Environment) -> None:
        clerk = member("clerk", environment)
        clerk.user_permissions.set(Permission.objects.filter(codename__in=["add_user", "change_user"]))
        with pytest.raises(Forbidden):
            create_person(clerk, "ada", NAMES, role=Role.ADMIN, environments=[environment])
        assert not User.objects.filter(username="ada").exists()


class TestChanging:
    def test_the_role_of_before_goes(self, admin: User, environment: Environment) -> None:
        person = member("olga", environment, role=Role.OPERATOR)
        change_person(admin, person, role=Role.VIEWER)
        person = User.objects.get(pk=person.pk)
        assert person.role == Role.VIEWER
        assert not person.can_operate
        assert AuditEntry.objects.get().details == {"before": "operator", "after": "viewer"}

    def test_the_same_again_is_no_change(self, admin: User, environment: Environment) -> None:
        person = member("olga", environment, role=Role.OPERATOR, **NAMES)
        change_person(admin, person, names=NAMES, role=Role.OPERATOR, environments=[environment])
        assert actions() == []

    def test_all_of_it_or_nothing(self, admin: User, environment: Environment) -> None:
        person = member("olga", environment, role=Role.OPERATOR)
        with pytest.raises(InvalidInput):
            change_person(admin, person, names=NAMES, role=Role.ADMIN, environments=[])
        person = User.objects.get(pk=person.pk)
        assert (person.first_name, person.role) == ("", Role.OPERATOR)
        assert actions() == []

    def test_environments_that_the_manager_does_not_see_stay(
        self, admin: User, environment: Environment, elsewhere: Environment
    ) -> None:
        person = in_both(environment, elsewhere)
        change_person(admin, person, environments=[])
        assert list(person.environments.all()) == [elsewhere]
        [line] = AuditEntry.objects.all()
        assert (line.action, line.environment_id, line.details) == ("member.remove", environment.pk, {"person": "both"})

    def test_of_somebody_who_belongs_elsewhere_too_nothing_else(
        self, admin: User, environment: Environment, elsewhere: Environment
    ) -> None:
        person = in_both(environment, elsewhere)
        for change in ({"names": NAMES}, {"role": Role.ADMIN}, {"environments": [environment, elsewhere]}):
            with pytest.raises(Forbidden):
                change_person(admin, person, **change)

    def test_a_stranger_is_drawn_into_no_environment(
        self, admin: User, environment: Environment, elsewhere: Environment
    ) -> None:
        with pytest.raises(Forbidden):
            change_person(admin, member("stranger", elsewhere), environments=[environment])

    def test_oneself_has_another_name_and_nothing_else(self, admin: User, environment: Environment) -> None:
        change_person(admin, admin, names=NAMES, role=Role.ADMIN, environments=[environment])
        for change in ({"role": Role.VIEWER}, {"environments": []}):
            with pytest.raises(InvalidInput, match="somebody else"):
                change_person(admin, admin, **change)
        assert actions() == ["person.change"]


class TestAccess:
    def test_whoever_is_shut_out_is_logged_out_at_once(self, admin: User, environment: Environment) -> None:
        person, browser = member("olga", environment), Client()
        browser.force_login(person)
        assert set_access(admin, person, is_active=False)
        assert browser.get("/runs/").status_code == 302
        browser.post("/login/", {"username": "olga", "password": "pw-for-tests-1"})
        assert browser.get("/runs/").status_code == 302
        assert not set_access(admin, person, is_active=False)
        assert set_access(admin, person, is_active=True)
        assert actions() == ["person.deactivate", "person.login_failed", "person.activate"]

    def test_nobody_shuts_themselves_out(self, admin: User, superuser: User) -> None:
        for person in (admin, superuser):
            with pytest.raises(InvalidInput, match="somebody else"):
                set_access(person, person, is_active=False)

    def test_whoever_has_been_shut_out_shuts_nobody_out(self, admin: User, environment: Environment) -> None:
        other = member("other", environment, role=Role.ADMIN)
        set_access(admin, other, is_active=False)
        with pytest.raises(Forbidden):
            set_access(other, admin, is_active=False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.only_on("postgresql")
def test_of_two_admins_who_shut_each_other_out_at_once_one_stays() -> None:
    environment = factories.environment()
    admins = [member(name, environment, role=Role.ADMIN) for name in ("anna", "bert")]
    refused: list[Exception] = []
    start = threading.Barrier(2)

    def shut_out(manager: User, person: User) -> None:
        start.wait(timeout=10)
        try:
            set_access(manager, person, is_active=False)
        except Forbidden as error:
            refused.append(error)
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=shut_out, args=pair) for pair in (admins, reversed(admins))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert User.objects.filter(is_active=True).count() == 1
    assert len(refused) == 1


class TestPasswords:
    def test_a_link_is_for_those_whom_one_manages_and_who_get_in(
        self, admin: User, environment: Environment, elsewhere: Environment
    ) -> None:
        assert all(password_link(admin, member("olga", environment)))
        for person in (in_both(environment, elsewhere), member("gone", environment, is_active=False)):
            with pytest.raises(Forbidden):
                password_link(admin, person)
        assert actions() == ["person.password_link"]

    def test_a_password_is_set_and_told_without_it(self, environment: Environment) -> None:
        person = member("olga", environment)
        set_password(person, "a-new-pass-4711")
        assert User.objects.get().check_password("a-new-pass-4711")
        [line] = AuditEntry.objects.all()
        assert (line.action, line.actor, line.details) == ("person.password", "olga", {})
