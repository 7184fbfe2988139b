"""RabbitMQ as the broker, which restarts and is away: what is asked for meanwhile is not lost, and nobody waits."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runs.addresses import any_free_port
from tests.acceptance.deck import Deck, Prepared, countries_then_cities, embedded_environment, web
from tests.factories import COUNTRIES_AND_CITIES
from tests.own_servers import OwnRabbit, own_rabbit, rabbitmq_server
from tests.processes import processes
from tests.sources import countries_and_cities, serving

SOON = 1.5  # seconds


@pytest.fixture
def rabbit() -> Iterator[OwnRabbit]:
    if rabbitmq_server() is None:
        pytest.skip("Missing: rabbitmq-server")
    with own_rabbit() as server:
        yield server


@pytest.fixture
def deck(prepared: Prepared, rabbit: OwnRabbit, tmp_path: Path) -> Iterator[Deck]:
    data_dir = shutil.copytree(prepared.data_dir, tmp_path / "data")
    port = any_free_port()
    environment = embedded_environment(data_dir, port) | {"CELERY_BROKER_URL": rabbit.url}
    with processes(data_dir, environment) as started, web(started, port, prepared.token) as api:
        yield Deck(started, data_dir, environment["DATABASE_URL"], "default", api)


def dispatched(deck: Deck, run_id: str) -> bool:
    rows = deck.rows(f"SELECT dispatched_at FROM runs_syncjobrun WHERE id = '{run_id.replace('-', '')}'")
    return rows[0][0] is not None


def test_a_restart_and_an_outage(deck: Deck, rabbit: OwnRabbit) -> None:
    with serving(countries_and_cities(2, 2)) as source:
        deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES)
        deck.daemon()
        assert deck.ended(deck.create_run())["status"] == "completed"

        rabbit.stop()
        begun = time.monotonic()
        meanwhile = deck.create_run()
        assert time.monotonic() - begun < SOON
        assert not dispatched(deck, meanwhile)
        rabbit.start()
        assert deck.ended(meanwhile)["status"] == "completed"

        rabbit.stop()
        rabbit.start()
        after = deck.create_run()
        assert dispatched(deck, after)
        assert deck.ended(after)["status"] == "completed"
