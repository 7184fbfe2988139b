"""Runs that have begun are not kept waiting by those that were asked for meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from runs.engine.ahead import Ahead
from runs.engine.claim import claim
from runs.models import SyncJobRun
from runs.models.base import uuid7
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

LOST: dict[str, Any] = {"lease_until": timezone.now() - timedelta(seconds=1)}
GIVEN_BACK: dict[str, Any] = {"lease_until": None, "lease_token": None}
AWAKE: dict[str, Any] = {**GIVEN_BACK, "resume_at": timezone.now() - timedelta(seconds=1)}


def queued() -> SyncJobRun:
    """Each of another integration: none is refused for being like another."""
    name = f"geo{SyncJobRun.objects.count()}"
    return factories.run(account=factories.account(integration=factories.integration(name=name)))


def begun(**values: Any) -> SyncJobRun:
    run = queued()
    assert claim(run.id, "d1")
    if values:
        SyncJobRun.objects.filter(id=run.id).update(**values)
    return run


def worked_on(*groups: str) -> list[Any]:
    """What a daemon of these groups works on for one message after the other, but for the messages' own runs."""
    ahead, ids = Ahead(), []
    ahead.look(groups or ["default"])
    while len(found := list(ahead.of(uuid7()))) > 1:
        ids.append(found[0])
    return ids


@pytest.mark.parametrize("state", [LOST, GIVEN_BACK, AWAKE], ids=["lost", "between slices", "wait is over"])
def test_a_begun_run_goes_first(state: dict[str, Any]) -> None:
    waiting = begun(**state)
    assert worked_on() == [waiting.id]


def test_one_goes_first_and_the_messages_own_run_follows() -> None:
    for _ in range(2):
        begun(**GIVEN_BACK)
    ahead, own = Ahead(), uuid7()
    ahead.look(["default"])
    assert list(ahead.of(own))[1:] == [own]


def test_the_longest_waiting_is_first() -> None:
    late = begun(**GIVEN_BACK)
    early = begun(**GIVEN_BACK, updated_at=timezone.now() - timedelta(minutes=5))
    assert worked_on() == [early.id, late.id]


def test_the_messages_own_run_is_worked_on_once() -> None:
    waiting = begun(**GIVEN_BACK)
    ahead = Ahead()
    ahead.look(["default"])
    assert list(ahead.of(waiting.id)) == [waiting.id]


def test_what_is_held_parked_queued_stopping_or_another_groups_stays_where_it_is() -> None:
    begun()
    begun(**GIVEN_BACK, resume_at=timezone.now() + timedelta(minutes=5))
    queued()
    begun(**GIVEN_BACK, stop_requested_at=timezone.now())
    begun(**GIVEN_BACK, daemon_group_key="west")
    assert worked_on("default") == []
