"""Environments: made and renamed. None is ever deleted: with it would go its whole history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction

from runs.errors import Failure, InvalidInput
from runs.models import Environment, User
from runs.services.audit import note
from runs.services.saving import assign


def create_environment(name: str, *, member: User | None = None) -> Environment:
    """A new environment. `member` becomes one of it: who makes it is to see it. Raises InvalidInput."""
    with _unique_name(), transaction.atomic():
        environment = Environment()
        assign(environment, {"name": name}, ("name",))
        environment.save(force_insert=True)
        note("environment.create", environment)
        if member is not None and not member.is_superuser:
            environment.members.add(member)
            note("member.add", environment, person=member.get_username())
    return environment


def rename_environment(environment: Environment, name: str) -> Environment:
    """The environment under its new name. Its tokens, people and objects stay its own. Raises InvalidInput."""
    with _unique_name(), transaction.atomic():
        row = Environment.objects.select_for_update().get(pk=environment.pk)
        before = row.name
        assign(row, {"name": name}, ("name",))
        if name != before:
            row.save(update_fields=["name", "updated_at"])
            note("environment.rename", row, before=before, after=name)
    return row


@contextmanager
def _unique_name() -> Iterator[None]:
    """Turns the database's word on a name that is taken into ours: asking first would leave a gap."""
    try:
        yield
    except IntegrityError as error:
        raise InvalidInput([Failure("name", "is taken.")]) from error
