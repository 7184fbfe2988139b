"""A run that is stopped by force: its daemon comes too late, and leaves nothing but a line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from werkzeug import Request, Response

from runs.engine.claim import LeaseLost, claim
from runs.engine.runner import execute_slice
from runs.errors import NotAllowed
from runs.models import Action, EventKind, Record, RunStatus, SyncJobRun
from runs.services import force_stop, request_stop
from tests import factories
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source() -> Iterator[Source]:
    with serving(countries_and_cities(40, 1)) as found:
        yield found


def make_late(run: SyncJobRun, seconds: int = 61) -> None:
    SyncJobRun.objects.filter(pk=run.pk).update(stop_requested_at=timezone.now() - timedelta(seconds=seconds))


def test_a_late_daemon_writes_nothing_more_but_its_line(source: Source) -> None:
    config = factories.integration_config(source.url, concurrency=1)
    run = factories.run(account=factories.account(integration=factories.integration(config=config)))
    seen = 0

    def force_before_the_tenth(request: Request) -> Response | None:
        nonlocal seen
        seen += 1
        if seen == 10:
            make_late(run)
            force_stop(run, actor="someone")
            connection.close()
        return None

    source.before = force_before_the_tenth
    execute_slice(run.id, "d1")
    run.refresh_from_db()
    assert (run.status, run.lease_token) == (RunStatus.STOPPED, None)
    assert Record.objects.count() == run.persisted
    kinds = list(run.events.values_list("kind", flat=True))
    assert kinds[-2:] == [EventKind.STOPPED, EventKind.LATE_WORKER]
    assert kinds.count(EventKind.STOPPED) == 1


def test_the_fence_falls_with_it() -> None:
    run = factories.run()
    held = claim(run.id, "d1")
    assert held is not None
    request_stop(run, actor="someone")
    make_late(run)
    force_stop(run, actor="another")
    with pytest.raises(LeaseLost):
        held.hold(even_stopping=True)


def test_the_run_and_the_query_agree_on_when_it_is_legal() -> None:
    run = factories.run()
    claim(run.id, "d1")
    cases = [(None, 60, False), (59, 60, False), (61, 60, True), (1, -1, True), (None, -1, False)]
    for asked, lease, legal in cases:
        now = timezone.now()
        SyncJobRun.objects.update(
            stop_requested_at=None if asked is None else now - timedelta(seconds=asked),
            lease_until=now + timedelta(seconds=lease),
        )
        run.refresh_from_db()
        found = SyncJobRun.objects.that_can(Action.FORCE_STOP).filter(pk=run.pk).exists()
        assert (run.can(Action.FORCE_STOP), found) == (legal, legal), (asked, lease)


def test_too_early_is_refused() -> None:
    run = factories.run()
    claim(run.id, "d1")
    request_stop(run, actor="someone")
    with pytest.raises(NotAllowed):
        force_stop(run, actor="someone")
    assert run.events.filter(kind=EventKind.STOPPED).count() == 0


def test_an_ended_run_is_unchanged() -> None:
    run = request_stop(factories.run(), actor="someone")
    before = SyncJobRun.objects.filter(pk=run.pk).values().get()
    force_stop(run, actor="another")
    assert SyncJobRun.objects.filter(pk=run.pk).values().get() == before
