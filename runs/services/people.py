"""People: let in, given a role and environments, shut out. Nobody hands out more than they have.

Managing somebody is all or nothing, because a password opens all that its owner sees: whoever manages a person has to
see every environment of theirs, and to have every permission. Of a person who also belongs elsewhere, only the
membership in one's own environments can be changed. One's own role, environments and access are for somebody else to
change, so that the last admin of an environment does not leave by themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.auth.tokens import default_token_generator
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from runs.errors import Failure, Forbidden, InvalidInput
from runs.models import Environment, Role, User
from runs.services.audit import note
from runs.services.saving import assign, raise_if

NAMES = ("first_name", "last_name", "email")


def people_of(manager: User) -> QuerySet[User]:
    """Those whom the manager sees: who shares an environment with them, and themselves; a superuser sees all."""
    if manager.is_superuser:
        return User.objects.all()
    ours = User.environments.through.objects.filter(environment__in=manager.visible_environments())
    return User.objects.filter(Q(pk__in=ours.values("user")) | Q(pk=manager.pk), is_superuser=False)


def may_manage(manager: User, person: User) -> bool:
    """Whether the manager may change the person, and so give out their password."""
    if not manager.is_active or not manager.can_manage_people:
        return False
    if manager.is_superuser:
        return True
    theirs = set(person.environments.all())
    shared = bool(theirs) and theirs <= set(manager.environments.all())
    return shared and not person.is_superuser and _permissions(person) <= _permissions(manager)


@transaction.atomic
def create_person(
    manager: User, username: str, names: Mapping[str, str], *, role: Role, environments: Collection[Environment]
) -> User:
    """Somebody new, who has no password yet (`password_link`). Raises InvalidInput, Forbidden."""
    manager, _ = _locked(manager)
    _require(manager.is_active and manager.can_manage_people)
    _require(set(environments) <= set(manager.visible_environments()))
    raise_if(_membership_failures(manager, environments))
    person = User(is_staff=True)
    assign(person, {"username": username, **names}, ("username", *NAMES))
    person.set_unusable_password()
    try:
        with transaction.atomic():
            person.save(force_insert=True)
    except IntegrityError as error:
        raise InvalidInput([Failure("username", "is taken.")]) from error
    note("person.create", person)
    _give_role(manager, person, role)
    _give_environments(person, environments, of=environments)
    return person


@transaction.atomic
def change_person(
    manager: User,
    person: User,
    *,
    names: Mapping[str, str] | None = None,
    role: Role | None = None,
    environments: Collection[Environment] | None = None,
) -> User:
    """The person under other names, in another role, as a member of these of the manager's environments.

    None leaves that as it is, and environments that the manager does not see stay. Raises InvalidInput, Forbidden.
    """
    manager, person = _locked(manager, person)
    if names is not None:
        _rename(manager, person, names)
    if role is not None and role != person.role:
        _require(may_manage(manager, person))
        _require_another(manager, person)
        _give_role(manager, person, role)
    if environments is not None:
        _move(manager, person, environments)
    return person


@transaction.atomic
def set_access(manager: User, person: User, *, is_active: bool) -> bool:
    """Let the person in again, or shut them out at once. False: so it was already. Raises Forbidden, InvalidInput."""
    manager, person = _locked(manager, person)
    _require(may_manage(manager, person))
    _require_another(manager, person)
    if person.is_active == is_active:
        return False
    person.is_active = is_active
    person.save(update_fields=["is_active"])
    note("person.activate" if is_active else "person.deactivate", person)
    return True


@transaction.atomic
def end_sessions(manager: User, person: User) -> User:
    """Log the person out everywhere: oneself, or whom one manages. Returns the person as they are then.

    Raises Forbidden.
    """
    manager, person = _locked(manager, person)
    _require(manager == person or may_manage(manager, person))
    person.sessions_ended += 1
    person.save(update_fields=["sessions_ended"])
    note("person.end_sessions", person)
    return person


@transaction.atomic
def password_link(manager: User, person: User) -> tuple[str, str]:
    """The two parts of an address at which the person, once, chooses a password. It holds for three days.

    Raises Forbidden.
    """
    manager, person = _locked(manager, person)
    _require(may_manage(manager, person) and person.is_active)
    note("person.password_link", person)
    return urlsafe_base64_encode(force_bytes(person.pk)), default_token_generator.make_token(person)


@transaction.atomic
def set_password(person: User, password: str) -> None:
    """The password that the person has chosen; their other sessions and links end with the old one."""
    person.set_password(password)
    person.save(update_fields=["password"])
    note("person.password", person, actor=person.get_username())


@transaction.atomic
def save_preferences(person: User, *, time_zone: str, shortcuts: bool) -> None:
    """The zone that the person reads times in, and whether single keys do things."""
    wanted: dict[str, Any] = {"time_zone": time_zone, "shortcuts": shortcuts}
    changed = {name: value for name, value in wanted.items() if getattr(person, name) != value}
    if changed:
        assign(person, changed, ("time_zone", "shortcuts"))
        person.save(update_fields=list(changed))
        note("person.preferences", person, **changed)


def _locked(manager: User, person: User | None = None) -> tuple[User, Any]:
    """Both as they are now, locked in one order: of two admins who shut each other out, the second no longer may."""
    wanted = {manager.pk, person.pk if person else manager.pk}
    rows = {row.pk: row for row in User.objects.select_for_update().filter(pk__in=wanted).order_by("pk")}
    return rows[manager.pk], rows[person.pk] if person else None


def _rename(manager: User, person: User, names: Mapping[str, str]) -> None:
    _require(may_manage(manager, person))
    before = {name: getattr(person, name) for name in NAMES}
    assign(person, names, NAMES)
    changed = [name for name in NAMES if getattr(person, name) != before[name]]
    if changed:
        person.save(update_fields=changed)
        note("person.change", person, changed=changed)


def _move(manager: User, person: User, environments: Collection[Environment]) -> None:
    _require(manager.is_active and manager.can_manage_people and people_of(manager).filter(pk=person.pk).exists())
    mine = set(manager.visible_environments())
    _require(set(environments) <= mine)
    if set(environments) == mine & set(person.environments.all()):
        return
    _require_another(manager, person)
    if may_manage(manager, person):  # else they would be out of everybody's sight
        raise_if(_membership_failures(manager, environments))
    _give_environments(person, environments, of=mine)


def _permissions(person: User) -> set[int]:
    """Also of somebody who is shut out: they may be let in again."""
    held = Permission.objects.filter(Q(group__user=person) | Q(user=person))
    return set(held.values_list("pk", flat=True))


def _give_role(manager: User, person: User, role: Role) -> None:
    before = person.role
    group = Group.objects.get(name=role.value)
    if not manager.is_superuser:
        _require(set(group.permissions.values_list("pk", flat=True)) <= _permissions(manager))
    person.groups.remove(*Group.objects.filter(name__in=Role.values))
    person.groups.add(group)
    note("person.role", person, before=before, after=role.value)


def _give_environments(person: User, environments: Collection[Environment], *, of: Collection[Environment]) -> None:
    """One line for each, on the environment: it is its members who want to know."""
    had, wanted = set(person.environments.all()), set(environments)
    for environment in sorted(wanted - had, key=str):
        person.environments.add(environment)
        note("member.add", environment, person=person.get_username())
    for environment in sorted((had & set(of)) - wanted, key=str):
        person.environments.remove(environment)
        note("member.remove", environment, person=person.get_username())


def _membership_failures(manager: User, environments: Collection[Environment]) -> list[Failure]:
    orphaned = not environments and not manager.is_superuser
    return [Failure("environments", "choose at least one, else only a superuser finds them.")] if orphaned else []


def _require(allowed: bool) -> None:
    if not allowed:
        raise Forbidden("You may not manage this person.")


def _require_another(manager: User, person: User) -> None:
    if manager == person:
        raise InvalidInput([Failure("id", "Your own role, environments and access are changed by somebody else.")])
