"""What each role may do, and the groups that carry it."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission

from runs.models import Role

# A viewer sees the work; who else is here, and what opens it to programs, is the admins' business.
_PRIVATE = ("user", "apitoken", "accounttoken", "keyedrequest")
_DEFINITIONS = ("integration", "integratedaccount", "unifiedmapping", "syncjob", "crontrigger", "webhook")
_OPERATING = "operate_runs"
_ADMINISTERING = (
    *(f"{verb}_{noun}" for noun in _DEFINITIONS for verb in ("add", "change", "delete")),
    *(f"{verb}_{noun}" for noun in ("apitoken", "user") for verb in ("view", "add", "change")),
    *("add_environment", "change_environment"),
)


def establish_roles(sender: AppConfig, using: str = "default", **signal: Any) -> None:
    """Make the group of each role, with exactly its permissions: after each `migrate`, so that new models are in.

    Whoever wants other combinations makes a group of their own; it is left alone.
    """
    create_permissions(sender, verbosity=0, using=using)
    for role in Role:
        group, _ = Group.objects.using(using).get_or_create(name=role.value)
        group.permissions.set(_permissions_of(role, using))


def _permissions_of(role: Role, using: str) -> list[Permission]:
    ours = Permission.objects.using(using).filter(content_type__app_label="runs")
    return [permission for permission in ours if _has(role, permission.codename)]


def _has(role: Role, codename: str) -> bool:
    verb, _, noun = codename.partition("_")
    if verb == "view" and noun not in _PRIVATE:
        return True
    if codename == _OPERATING:
        return role in (Role.OPERATOR, Role.ADMIN)
    return role == Role.ADMIN and codename in _ADMINISTERING
