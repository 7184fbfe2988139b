"""Making and renaming environments."""

from __future__ import annotations

import pytest

from runs.errors import InvalidInput
from runs.models import AuditEntry, Environment, User
from runs.services import create_environment, rename_environment
from tests import factories

pytestmark = pytest.mark.django_db


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("created_at", "id").values_list("action", flat=True))


def test_whoever_makes_one_is_its_first_member() -> None:
    person = factories.user()
    made = create_environment("Acme", member=person)
    assert list(person.visible_environments()) == [made]
    assert actions() == ["environment.create", "member.add"]


def test_a_superuser_needs_no_membership(superuser: User) -> None:
    create_environment("Acme", member=superuser)
    assert not superuser.environments.exists()
    assert actions() == ["environment.create"]


def test_a_name_is_taken_once(environment: Environment) -> None:
    with pytest.raises(InvalidInput, match="name: is taken"):
        create_environment(environment.name)
    other = factories.environment("Elsewhere")
    with pytest.raises(InvalidInput, match="name: is taken"):
        rename_environment(other, environment.name)
    assert actions() == []


def test_a_new_name_is_told_with_the_old_one(environment: Environment) -> None:
    rename_environment(environment, "Acme")
    assert Environment.objects.get().name == "Acme"
    [line] = AuditEntry.objects.all()
    assert line.details == {"before": "Test", "after": "Acme"}
    assert line.environment_id == environment.pk


def test_the_same_name_again_is_no_change(environment: Environment) -> None:
    rename_environment(environment, environment.name)
    assert actions() == []
