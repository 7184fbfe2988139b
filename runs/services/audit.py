"""The audit list. Every operation that a person can ask for writes its line here, in its own transaction.

What changes nothing writes no line. What Syncdeck does by itself (slots that fire, ends of runs) writes none either:
runs and their events tell of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import translation

from runs.acting import current_actor
from runs.connectors import is_secret_name, masked, masked_value, redact
from runs.models import AuditEntry, Environment, IntegratedAccount, SyncJobRun

CHANGED = "changed"  # in place of values that are secret or too long to be read
LONGEST_SHOWN = 200
LONGEST_LABEL = 255


def note(
    action: str,
    target: models.Model | None = None,
    *,
    actor: str = "",
    reason: str = "",
    environment: Environment | None = None,
    **details: Any,
) -> AuditEntry:
    """Write down that the action was done to the target, by `actor` or whoever is acting (`runs.acting`).

    The line is of the target's environment, or of the one that is given. `action` is noun and verb (`run.stop`).
    `details` are plain values fit for JSON, without secrets: of a credential say that it changed. What looks like one
    all the same is masked.
    """
    who = current_actor()
    return AuditEntry.objects.create(
        environment_id=_environment_id(target) if environment is None else environment.pk,
        integrated_account_id=_account_id(target),
        actor=actor or who.name,
        ip=who.ip,
        action=action,
        target_type="" if target is None else target._meta.model_name or "",
        target_id="" if target is None else str(target.pk),
        target_label="" if target is None else _label(target)[:LONGEST_LABEL],
        reason=masked(reason),
        details=masked_value(details),
    )


def values_of(row: models.Model, fields: Iterable[str]) -> dict[str, Any] | None:
    """The row's values before it is changed, for `note_saved`; None for one that is not stored yet."""
    if row._state.adding:
        return None
    return {name: getattr(row, row._meta.get_field(name).attname) for name in fields}  # type: ignore[union-attr]


def note_saved(
    noun: str, row: models.Model, before: dict[str, Any] | None, *, switch: Mapping[bool, str] | None = None
) -> None:
    """Write down that the row was created, or which of its values changed; nothing if none did.

    `switch`: the verbs for `is_active`, where that alone changed.
    """
    if before is None:
        note(f"{noun}.create", row)
        return
    after = values_of(row, before) or {}
    changes = changes_between(before, after)
    if switch and set(changes) == {"is_active"}:
        note(f"{noun}.{switch[after['is_active']]}", row)
    elif changes:
        note(f"{noun}.change", row, changes=changes)


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that differ, each with its old and new value where both are short and harmless."""
    return {name: _change(name, before[name], after[name]) for name in before if before[name] != after[name]}


def _change(name: str, old: Any, new: Any) -> Any:
    if is_secret_name(name) or not (_is_harmless(old) and _is_harmless(new)):
        return CHANGED
    return [_shown(old), _shown(new)]


def _is_harmless(value: Any) -> bool:
    """Arguments and configs may hold anything, and are long; a list of words is neither."""
    if isinstance(value, list):
        return all(isinstance(one, str) for one in value) and sum(map(len, value)) <= LONGEST_SHOWN
    return not isinstance(value, dict) and len(str(value)) <= LONGEST_SHOWN


def _shown(value: Any) -> Any:
    """As JSON has it. An address may carry a secret."""
    if isinstance(value, str):
        return redact(value)
    return value if value is None or isinstance(value, bool | int | float | list) else str(value)


def _label(target: models.Model) -> str:
    """What people call it. A run is called by what it runs: its id stands beside it anyway."""
    if isinstance(target, SyncJobRun):
        named = SyncJobRun.objects.filter(pk=target.pk).values_list("integrated_account__tenant_id", "sync_job__label")
        return ", ".join(filter(None, named.first() or ()))
    with translation.override(settings.LANGUAGE_CODE):  # whoever acts may have chosen another
        return redact(str(target))


def _environment_id(target: models.Model | None) -> UUID | None:
    return target.pk if isinstance(target, Environment) else getattr(target, "environment_id", None)


def _account_id(target: models.Model | None) -> UUID | None:
    return target.pk if isinstance(target, IntegratedAccount) else getattr(target, "integrated_account_id", None)
