"""ALLOWED_PRIVATE_HOSTS opens every way that leads out, and no other host on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from runs.errors import InvalidInput, RemoteError
from runs.models import RunStatus
from runs.services import check_connection, save_alert_rule, save_webhook, send_test, send_test_alert
from tests import factories
from tests.receiver import Receiver, receiving
from tests.runs.engine.driving import a_run, executed
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db(transaction=True)
THERE = ["crm.internal", "127.0.0.1"]
ELSEWHERE = ["crm.internal", "127.0.0.2", "localhost"]


@pytest.fixture
def source() -> Iterator[Source]:
    with serving(countries_and_cities(2, 1)) as found:
        found.url = found.url.replace("localhost", "127.0.0.1")
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(autouse=True)
def nothing_else(settings: Any) -> None:
    settings.ALLOW_PRIVATE_NETWORKS = False


@pytest.mark.parametrize(("hosts", "asked"), [(THERE, True), (ELSEWHERE, False), ([], False)])
def test_a_run_and_a_connection_test(source: Source, settings: Any, hosts: list[str], asked: bool) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = hosts
    run = executed(a_run(source, factories.COUNTRIES_AND_CITIES))
    found = check_connection(run.integrated_account)

    assert (run.status, run.error_count == 0, found.is_well) == (RunStatus.COMPLETED, asked, asked)
    assert bool(source.served) is asked
    assert asked or found.code == "address_refused"


def test_a_webhook(receiver: Receiver, settings: Any) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = ELSEWHERE
    with pytest.raises(InvalidInput):
        save_webhook(factories.environment(), {"target_url": receiver.url})
    settings.ALLOWED_PRIVATE_HOSTS = THERE
    webhook = save_webhook(factories.environment(), {"target_url": receiver.url})
    send_test(webhook)
    assert len(receiver.arrived) == 1
    settings.ALLOWED_PRIVATE_HOSTS = ELSEWHERE  # looked at again with each event, not when it was saved alone
    with pytest.raises(RemoteError, match="private networks are not allowed"):
        send_test(webhook)
    assert len(receiver.arrived) == 1


def test_an_alert(receiver: Receiver, settings: Any) -> None:
    values = {"name": "ours", "channel": "webhook", "target": receiver.url, "on_first_failure": True}
    settings.ALLOWED_PRIVATE_HOSTS = ELSEWHERE
    with pytest.raises(InvalidInput):
        save_alert_rule(factories.environment(), values)
    settings.ALLOWED_PRIVATE_HOSTS = THERE
    rule = save_alert_rule(factories.environment(), values)
    send_test_alert(rule)
    settings.ALLOWED_PRIVATE_HOSTS = []
    with pytest.raises(RemoteError, match="private networks are not allowed"):
        send_test_alert(rule)
    assert len(receiver.arrived) == 1
