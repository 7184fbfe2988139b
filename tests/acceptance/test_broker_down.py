"""The broker is gone: pages come, actions are stored and say so, and nobody waits for long."""

from __future__ import annotations

import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from runs.addresses import any_free_port
from tests.acceptance.deck import Deck, Prepared, countries_then_cities, embedded_environment, web
from tests.factories import COUNTRIES_AND_CITIES
from tests.processes import processes, wait_until

PASSWORD = "pw-for-tests-1"
NOTICE = "Cannot reach the workers&#x27; broker; the request is stored and will be picked up."
LIMIT = 1.5  # seconds for an action and the page after it: a third for the broker, the rest for a busy machine


URLS = {"Redis": "redis://127.0.0.1:{}/0", "RabbitMQ": "amqp://guest:guest@127.0.0.1:{}//"}


@pytest.fixture(
    params=["Redis, nothing listens", "Redis, nobody answers", "RabbitMQ, nothing listens", "RabbitMQ, nobody answers"]
)
def broker(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a broker that refuses connections, and of one that takes them and then says nothing."""
    kind, _, how = request.param.partition(", ")
    if how == "nothing listens":
        yield URLS[kind].format(any_free_port())
        return
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield URLS[kind].format(silent.getsockname()[1])


@pytest.fixture
def deck(prepared: Prepared, tmp_path: Path, broker: str) -> Iterator[Deck]:
    data_dir = shutil.copytree(prepared.data_dir, tmp_path / "data")
    port = any_free_port()
    environment = embedded_environment(data_dir, port) | {"CELERY_BROKER_URL": broker}
    with processes(data_dir, environment) as started, web(started, port, prepared.token) as api:
        deck = Deck(started, data_dir, environment["DATABASE_URL"], "default", api)
        deck.define(countries_then_cities("http://127.0.0.1:9"), COUNTRIES_AND_CITIES)
        yield deck


@pytest.fixture
def olga(deck: Deck) -> Iterator[httpx2.Client]:
    made = deck.processes.run(
        "createsuperuser", "--noinput", "--username", "olga", "--email", "olga@example.org",
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    with httpx2.Client(base_url=deck.api.base_url, follow_redirects=True, timeout=20) as browser:
        browser.get("/login/")
        answer = send(browser, "/login/", username="olga", password=PASSWORD)
        assert answer.url.path == "/"
        yield browser


def send(browser: httpx2.Client, path: str, **fields: str) -> httpx2.Response:
    """A form, as the page at that address would send it."""
    return browser.post(path, data={"csrfmiddlewaretoken": browser.cookies["csrftoken"], **fields})


def in_time(act: Callable[[], httpx2.Response]) -> str:
    begun = time.monotonic()
    answer = act()
    took = time.monotonic() - begun
    assert answer.status_code == 200, answer.text
    assert took < LIMIT, f"{answer.url.path} took {took:.2f} s"
    return answer.text


def end(deck: Deck) -> None:
    """All runs have failed, as a daemon would have written."""
    deck.change("UPDATE runs_syncjobrun SET status = 'failed', finished_at = created_at")


def test_pages_come_and_actions_are_stored_and_say_so(deck: Deck, olga: httpx2.Client) -> None:
    run_id = deck.create_run()
    run_url = f"/runs/{run_id}/"
    for page in ("/", "/runs/", run_url, "/bulk/", f"{run_url}stop/", f"{run_url}rerun/"):
        in_time(lambda page=page: olga.get(page))

    end(deck)
    page = in_time(lambda: send(olga, f"{run_url}rerun/"))
    assert NOTICE in page
    assert deck.rows("SELECT status, dispatched_at FROM runs_syncjobrun WHERE rerun_of_id IS NOT NULL") == [
        ("created", None)
    ]

    deck.change(
        "UPDATE runs_syncjobrun SET status = 'running', lease_until = '2099-01-01 00:00:00' WHERE status = 'created'"
    )
    new = deck.get("/sync-job-run?status=running")["result"][0]["id"]
    page = in_time(lambda: send(olga, f"/runs/{new}/stop/"))
    assert NOTICE in page
    assert "Stop asked for." in page
    assert deck.run(new)["stop_requested_at"] is not None


def test_a_bulk_action_is_stored_and_carried_out_once_the_broker_is_there(
    deck: Deck, olga: httpx2.Client, broker: str
) -> None:
    deck.create_run()
    question = in_time(lambda: olga.get("/bulk/new/?kind=stop&scope=matching&filter=status%3Dcreated"))
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', question.partition('"order"')[2]))
    page = in_time(lambda: send(olga, "/bulk/new/", **fields))
    assert NOTICE in page
    assert deck.rows("SELECT status FROM runs_bulkaction") == [("created",)]

    deck.daemon(CELERY_BROKER_URL="filesystem://")  # a broker that answers: its sweep finds what is stored
    assert deck.ended(deck.get("/sync-job-run")["result"][0]["id"], limit=30)["status"] == "stopped"
    wait_until(lambda: deck.rows("SELECT status FROM runs_bulkaction") == [("completed",)], 10, "the action's end")
    assert deck.rows("SELECT done_count FROM runs_bulkaction") == [(1,)]
