"""A job that fails for a whole day, and those who are told of it: a real daemon, a mail server and a receiver."""

from __future__ import annotations

import json

from tests.acceptance.deck import Deck, countries_then_cities
from tests.factories import COUNTRIES_AND_CITIES
from tests.mailbox import mailbox
from tests.processes import wait_until
from tests.receiver import Receiver, receiving
from tests.sources import Source, countries_and_cities, json_response, serving

FAILURES = 50
MAKE_RULES = """
from runs.models import Environment
from runs.services import save_alert_rule
environment = Environment.objects.get()
save_alert_rule(environment, {{"name": "Mail", "channel": "mail", "target": "oncall@example.org"}})
save_alert_rule(environment, {{"name": "Channel", "channel": "slack", "target": "{url}"}})
"""


def make_rules(deck: Deck, receiver: Receiver) -> None:
    made = deck.processes.run("shell", "-c", MAKE_RULES.format(url=receiver.url))
    assert made.returncode == 0, made.stderr


def fail_and_recover(deck: Deck, source: Source, **environment: str) -> None:
    """Fifty runs that fail, one after the other, and one that completes; by one daemon."""
    deck.daemon(**environment)
    source.before = lambda request: json_response(None)
    for _ in range(FAILURES):
        assert deck.ended(deck.create_run(error_handling="fail_fast"))["status"] == "failed"
    source.before = None
    assert deck.ended(deck.create_run(error_handling="fail_fast"))["status"] == "completed"


def test_fifty_failures_and_a_success_are_two_messages(deck: Deck) -> None:
    with serving(countries_and_cities(3, 1)) as source, receiving() as receiver, mailbox() as box:
        deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES[:1])
        make_rules(deck, receiver)
        fail_and_recover(deck, source, EMAIL_URL=box.url)
        left = "SELECT id FROM runs_alertmessage WHERE status <> 'sent'"
        wait_until(lambda: not deck.rows(left), 30, "all messages sent")

    subjects = box.subjects()
    assert subjects == ["Failed: Countries and cities for acme", "Recovered: Countries and cities for acme"]
    said = [json.loads(one.body)["text"].splitlines()[0] for one in receiver.arrived]
    assert [text.split(" for acme")[0].removeprefix("Countries and cities ") for text in said] == [
        "has failed",
        "has completed",
    ]
    assert said[1] == "Countries and cities has completed for acme after 50 failures in a row."
