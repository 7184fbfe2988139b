"""What each role may do, and the groups that carry it."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.apps import apps as global_apps
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions

from runs.models import Role

# A viewer sees the work; who else is here, and what opens it to programs, is the admins' business.
_PRIVATE = ("user", "apitoken", "accounttoken", "authorizationrequest", "keyedrequest")
_DEFINITIONS = ("integration", "integratedaccount", "unifiedmapping", "syncjob", "crontrigger", "webhook", "alertrule")
_OPERATING = "operate_runs"
_ADMINISTERING = (
    *(f"{verb}_{noun}" for noun in _DEFINITIONS for verb in ("add", "change", "delete")),
    *(f"{verb}_{noun}" for noun in ("apitoken", "user") for verb in ("view", "add", "change")),
    *("add_environment", "change_environment"),
)


def establish_roles(sender: AppConfig, apps: Apps = global_apps, using: str = "default", **signal: Any) -> None:
    """Make the group of each role, with exactly its permissions: after each `migrate`, so that new models are in.

    Whoever wants other combinations makes a group of their own; it is left alone. `apps` are the models as the
    migrations have left them: after a part of these there may be no groups yet.
    """
    create_permissions(sender, verbosity=0, using=using, apps=apps)
    try:
        groups, permissions = (apps.get_model("auth", name) for name in ("Group", "Permission"))
    except LookupError:
        return
    ours = list(permissions.objects.using(using).filter(content_type__app_label=sender.label))
    for role in Role:
        group, _ = groups.objects.using(using).get_or_create(name=role.value)
        group.permissions.set([one for one in ours if _has(role, one.codename)])


def _has(role: Role, codename: str) -> bool:
    verb, _, noun = codename.partition("_")
    if verb == "view" and noun not in _PRIVATE:
        return True
    if codename == _OPERATING:
        return role in (Role.OPERATOR, Role.ADMIN)
    return role == Role.ADMIN and codename in _ADMINISTERING
