"""The audit list. Every operation that a person can ask for writes its line here, in its own transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import models

from runs.acting import current_actor
from runs.connectors import masked, masked_value
from runs.models import AuditEntry, Environment, IntegratedAccount


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
        target_label="" if target is None else str(target)[:255],
        reason=masked(reason),
        details=masked_value(details),
    )


def _environment_id(target: models.Model | None) -> UUID | None:
    return target.pk if isinstance(target, Environment) else getattr(target, "environment_id", None)


def _account_id(target: models.Model | None) -> UUID | None:
    return target.pk if isinstance(target, IntegratedAccount) else getattr(target, "integrated_account_id", None)
