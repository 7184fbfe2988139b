"""Telling the daemons: soon given up, and never an error of the caller's."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from celery import Celery, current_app

from runs.addresses import any_free_port
from runs.dispatch import PATIENCE, publish, publish_bulk, watched_broker
from runs.models import BulkAction, BulkKind, SyncJobRun
from tests import factories
from tests.dashboard import states

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "nothing listens":
        yield f"redis://127.0.0.1:{any_free_port()}/0"
        return
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"redis://127.0.0.1:{silent.getsockname()[1]}/0"


@pytest.fixture
def broker_is_gone(address: str) -> Iterator[None]:
    usual = current_app._get_current_object()
    with Celery("gone") as gone:
        gone.conf.broker_write_url = address
        gone.set_current()
        yield
    usual.set_current()


@pytest.mark.usefixtures("broker_is_gone")
@pytest.mark.parametrize("address", ["nothing listens", "nobody answers"], indirect=True)
def test_a_broker_that_is_gone_is_given_up_soon_and_known_of() -> None:
    run = factories.run(dispatch=False)
    publish(run)  # the first use loads the client
    begun = time.monotonic()
    with watched_broker() as broker:
        assert not publish(run)
    assert time.monotonic() - begun < PATIENCE + 0.5
    assert broker.failed
    assert SyncJobRun.objects.get().dispatched_at is None


def test_one_that_answers_is_known_to_have_been_told() -> None:
    run = factories.run(dispatch=False)
    with watched_broker() as broker:
        assert publish(run)
    assert not broker.failed
    assert SyncJobRun.objects.get().dispatched_at is not None


def test_a_bulk_action_goes_to_daemons_that_live() -> None:
    """Groups of its own: other tests send to the usual ones meanwhile."""
    groups = [f"{uuid4().hex}-{name}" for name in ("eu", "us")]
    states.daemon(",".join(groups))
    action = BulkAction.objects.create(kind=BulkKind.STOP, actor="olga", set_hash="0" * 64, run_count=0)
    app = current_app._get_current_object()
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        before = {group: channel.queue_declare(f"sync.{group}").message_count for group in groups}
        assert publish_bulk(action)
        told = [
            group for group, count in before.items() if channel.queue_declare(f"sync.{group}").message_count > count
        ]
    assert told == [min(groups)]
