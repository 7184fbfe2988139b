"""Definitions brought into an environment by several at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from runs.definition_files.reading import read_files
from runs.errors import ChangedMeanwhile
from runs.models import Webhook
from runs.services import apply_definitions, look_at
from tests import factories

HOOK = {"hook.yaml": b"syncdeck: 1\nwebhooks: [{target_url: 'https://93.184.216.34/hook'}]"}


@pytest.mark.django_db(transaction=True)
def test_several_at_once_make_an_object_once() -> None:
    factories.environment()
    together = Barrier(4)

    def apply(number: int) -> int:
        together.wait(30)
        try:
            return len(apply_definitions("Test", read_files(HOOK), {}).changes)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(apply, range(4))) == [0, 0, 0, 1]
    assert Webhook.objects.count() == 1


@pytest.mark.django_db
def test_what_is_no_longer_what_was_seen_is_not_done() -> None:
    of = factories.environment()
    seen = look_at("Test", read_files(HOOK), {})
    assert not Webhook.objects.exists()
    factories.webhook(environment=of, target_url="https://93.184.216.34/hook", is_active=False)
    with pytest.raises(ChangedMeanwhile, match="Test was changed meanwhile"):
        apply_definitions("Test", read_files(HOOK), {}, seen=seen)
    assert Webhook.objects.count() == 1
