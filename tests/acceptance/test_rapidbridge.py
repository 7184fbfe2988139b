"""A webhook run, its daemon and its receiver, of which both die on the way."""

from __future__ import annotations

import itertools
import threading

from tests.acceptance.deck import Deck, countries_then_cities
from tests.factories import COUNTRIES_AND_CITIES
from tests.processes import wait_until
from tests.receiver import OK, Received, receiving, verify
from tests.sources import countries_and_cities, serving

RECORDS = 600
WEBHOOK_GROUP = "default"  # its daemons execute the webhook runs
SLOWLY = 0.1  # seconds


def test_every_record_is_acknowledged_though_receiver_and_daemon_die(any_deck: Deck) -> None:
    requests = itertools.count(1)

    def answer(received: Received) -> int:
        threading.Event().wait(SLOWLY)
        return 500 if next(requests) % 2 else OK

    with serving(countries_and_cities(RECORDS, 0)) as source, receiving() as receiver:
        receiver.answer = answer
        any_deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES[:1])
        webhook = any_deck.post("/webhook", {"target_url": receiver.url})
        daemon = any_deck.daemon(WEBHOOK_GROUP)
        run_id = any_deck.create_run(webhook_id=webhook["id"], daemon_group_key=None)
        wait_until(lambda: receiver.accepted("record"), 30, "the first records at the receiver")

        receiver.stop()
        daemon.kill()
        any_deck.daemon(WEBHOOK_GROUP)
        wait_until(lambda: any_deck.run(run_id)["attempt"] == 2, 30, "a takeover")
        receiver.start()
        run = any_deck.ended(run_id)
        wait_until(lambda: "completed" in receiver.events(), 30, "the event of the end")

    assert (run["status"], run["error_count"]) == ("completed", 0), run["error"]
    assert run["resource_stats"] == {"countries": {"list": {"fetched": RECORDS, "persisted": RECORDS}}}
    assert [record["iso"] for record in receiver.records()] == [f"C{number:03}" for number in range(RECORDS)]
    assert {len(bodies) for bodies in receiver.bodies().values()} == {1}
    numbers = [one.payload["meta"]["sequence"] for one in receiver.accepted("record")]
    assert numbers == sorted(numbers)
    assert receiver.events()[:2] == ["created", "started"]
    for received in receiver.arrived:
        verify(received, webhook["secret"])
