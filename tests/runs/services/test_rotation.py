"""Keys are changed while Syncdeck goes on: everything encrypted comes under the new one, and the old one can go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.db import connection
from django.utils import timezone

from runs.acting import Actor, acting
from runs.engine.cursors import opened, sealed
from runs.errors import MissingKey
from runs.models import (
    AccountToken,
    AuditEntry,
    AuthorizationRequest,
    IntegratedAccount,
    KeyedRequest,
    RunStatus,
    RunStep,
    SyncJobRun,
    Webhook,
)
from runs.models.fields import EncryptedJSONField
from runs.services import issue_token, key_tally, rotate_keys
from tests import factories
from tests.runs.engine.driving import a_run, executed
from tests.sources import countries_and_cities, serving

pytestmark = pytest.mark.django_db

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))
NEXT_LINK = {"next": "https://api.example.com/cities?access_token=abcdefghijklmnopqrstuvwxyz0123456789"}


@pytest.fixture
def keys(settings: Any) -> Callable[..., None]:
    def use(*keys: str) -> None:
        settings.CREDENTIALS_KEYS = list(keys)

    use(OLD)
    return use


@pytest.fixture
def run(keys: object) -> SyncJobRun:
    """A run halfway, and one row of everything else that is encrypted, all under the old key."""
    run = factories.run()
    RunStep.objects.filter(run=run, index=0).update(cursor=sealed(NEXT_LINK))
    factories.webhook()
    factories.alert_rule()
    AccountToken.objects.create(account=run.integrated_account, value={"access": "a-token"})
    AuthorizationRequest.objects.create(
        account=run.integrated_account,
        person=factories.user("olga"),
        session_digest="s",
        state_digest="t",
        kept={"verifier": "v"},
        expires_at=timezone.now(),
    )
    token = issue_token(factories.environment(), name="ci")[0]
    KeyedRequest.objects.create(token=token, key="k", fingerprint="f", claimed_at=timezone.now(), answer={"id": 1})
    return run


def stored() -> dict[str, list[Any]]:
    """Every encrypted value by its column, decrypted."""
    columns = [
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, EncryptedJSONField)
    ]
    found = {
        f"{model.__name__}.{name}": list(model._base_manager.order_by("pk").values_list(name, flat=True))
        for model, name in columns
    }
    return {**found, "cursors": [opened(step.cursor) for step in RunStep.objects.exclude(cursor=None)]}


def rotations() -> list[dict[str, Any]]:
    return list(AuditEntry.objects.filter(action="keys.rotate").values_list("details", flat=True))


@contextmanager
def ahead_of_update(act: Callable[[], None], number: int = 1) -> Iterator[None]:
    """The act happens between the reading of a row and its change, the `number`th of all."""
    updates = 0

    def look(execute: Any, sql: str, *rest: Any) -> Any:
        nonlocal updates
        updates += sql.startswith("UPDATE")
        if updates == number and sql.startswith("UPDATE"):
            act()
        return execute(sql, *rest)

    with connection.execute_wrapper(look):
        yield


def test_without_the_old_key_everything_is_as_it_was(run: SyncJobRun, keys: Callable[..., None]) -> None:
    before = stored()
    assert all(before.values())
    keys(NEW, OLD)

    tally = rotate_keys()

    keys(NEW)
    assert stored() == before
    assert (tally.current, tally.unreadable) == (0, [])
    assert (key_tally().current, key_tally().old) == (tally.old, 0)


def test_its_line_tells_how_many_and_who(run: SyncJobRun, keys: Callable[..., None]) -> None:
    keys(NEW, OLD)
    with acting(Actor("olga")):
        rotated = rotate_keys().old
        assert rotate_keys().old == 0

    assert rotations() == [{"rotated": rotated, "unreadable": 0}]
    assert AuditEntry.objects.get(action="keys.rotate").actor == "olga"


def test_looking_changes_nothing(run: SyncJobRun, keys: Callable[..., None]) -> None:
    keys(NEW, OLD)
    assert key_tally() == key_tally()
    assert key_tally().current == 0
    assert rotations() == []


def test_a_row_that_changes_meanwhile_is_read_again(run: SyncJobRun, keys: Callable[..., None]) -> None:
    account = IntegratedAccount.objects.filter(pk=run.integrated_account_id)

    def given_anew() -> None:
        """By a process that was not restarted yet."""
        keys(OLD)
        account.update(context={"token": "newer"})
        keys(NEW, OLD)

    keys(NEW, OLD)
    with ahead_of_update(given_anew):
        rotate_keys()

    keys(NEW)
    assert account.get().context == {"token": "newer"}


def test_a_row_that_goes_meanwhile_is_left(keys: Callable[..., None]) -> None:
    hook = factories.webhook()
    keys(NEW, OLD)
    with ahead_of_update(lambda: Webhook.objects.filter(pk=hook.pk).delete() and None):
        assert rotate_keys().old == 0


@pytest.mark.django_db(transaction=True)
def test_one_that_was_cut_short_goes_on(run: SyncJobRun, keys: Callable[..., None]) -> None:
    def cut_short() -> None:
        raise KeyboardInterrupt

    everything = key_tally().current
    keys(NEW, OLD)
    with pytest.raises(KeyboardInterrupt), ahead_of_update(cut_short, number=3):
        rotate_keys()
    assert rotations() == [{"rotated": 2, "unreadable": 0}]

    assert rotate_keys().old == everything - 2
    keys(NEW)
    assert all(stored().values())


def test_what_no_key_decrypts_is_named_and_the_rest_goes_on(run: SyncJobRun, keys: Callable[..., None]) -> None:
    keys(LOST)
    lost = factories.webhook()
    keys(NEW, OLD)

    tally = rotate_keys()

    assert [(row.place, row.key) for row in tally.unreadable] == [("webhook, secret", str(lost.pk))]
    keys(NEW)
    assert IntegratedAccount.objects.get(pk=run.integrated_account_id).context == {"token": "t0k3n"}
    with pytest.raises(MissingKey):
        Webhook.objects.get(pk=lost.pk)
    keys(LOST)
    assert Webhook.objects.get(pk=lost.pk).secret == lost.secret


def test_more_rows_than_one_statement_reads(keys: Callable[..., None]) -> None:
    token = issue_token(factories.environment(), name="ci")[0]
    values = {"token": token, "fingerprint": "f", "claimed_at": timezone.now()}
    KeyedRequest.objects.bulk_create(KeyedRequest(key=str(number), answer=number, **values) for number in range(1001))
    keys(NEW, OLD)

    assert rotate_keys().old == 1001
    keys(NEW)
    assert sorted(KeyedRequest.objects.values_list("answer", flat=True)) == list(range(1001))


@pytest.mark.django_db(transaction=True)
def test_a_run_that_was_made_before_works_after(keys: Callable[..., None]) -> None:
    with serving(countries_and_cities(12, 2)) as source:
        run = a_run(source, factories.COUNTRIES_AND_CITIES)
        keys(NEW, OLD)
        rotate_keys()
        keys(NEW)

        assert executed(run).status == RunStatus.COMPLETED
    assert run.persisted == 36
