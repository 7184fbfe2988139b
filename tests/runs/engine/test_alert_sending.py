"""Messages of alert rules on their way: by mail, to a channel, to a signed webhook; tried again, given up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from runs.courier import Courier
from runs.engine.alert_sending import RETRIES, due_messages, forget_old, send, take
from runs.engine.alert_words import trial_content
from runs.engine.deliveries import receiver_client
from runs.models import AlertChannel, AlertKind, AlertMessage, AlertRule, MessageStatus
from runs.services import delete_alert_rule, save_alert_rule
from tests import factories
from tests.mailbox import Mailbox, mailbox
from tests.processes import wait_until
from tests.receiver import Receiver, receiving, verify
from tests.runs.test_courier import working

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def box(settings: Any) -> Iterator[Mailbox]:
    with mailbox() as found:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", found.port
        yield found


def a_message(rule: AlertRule, **content: Any) -> AlertMessage:
    """One that waits to be sent."""
    told = {**trial_content(rule), "subject": "Failed: Tickets for acme", "text": "Tickets has failed.", **content}
    now = timezone.now()
    return AlertMessage.objects.create(rule=rule, kind=AlertKind.FIRST_FAILURE, content=told, next_attempt_at=now)


def sent(message: AlertMessage) -> AlertMessage:
    """The message after one attempt."""
    client = receiver_client()
    send(AlertMessage.objects.select_related("rule").get(id=message.id), client)
    client.close()
    message.refresh_from_db()
    return message


class TestMail:
    @pytest.fixture
    def rule(self, db: None) -> AlertRule:
        return factories.alert_rule(channel=AlertChannel.MAIL, target="a@example.org, b@example.org")

    def test_a_mail_goes_to_all_of_them_and_says_where_it_comes_from(self, box: Mailbox, rule: AlertRule) -> None:
        message = sent(a_message(rule, url="http://testserver/runs/1/"))
        assert (message.status, message.last_error, message.sent_at is None) == (MessageStatus.SENT, "", False)
        [mail] = box.arrived
        assert mail["subject"] == "Failed: Tickets for acme"
        assert mail["to"] == "a@example.org, b@example.org"
        assert mail["auto-submitted"] == "auto-generated"
        assert str(message.id) in mail["message-id"]
        body = mail.get_content()
        assert body.splitlines()[:3] == ["Tickets has failed.", "", "http://testserver/runs/1/"]
        assert f"http://testserver/settings/alerts/{rule.id}/" in body

    def test_a_name_cannot_add_a_header(self, box: Mailbox, rule: AlertRule) -> None:
        message = sent(a_message(rule, subject="Failed\nBcc: eve@example.org"))
        assert (message.status, box.arrived) == (MessageStatus.PENDING, [])
        assert "newline" in message.last_error

    def test_what_the_server_refuses_for_good_is_not_tried_again(self, box: Mailbox, rule: AlertRule) -> None:
        box.answer = "550 no such user"
        message = sent(a_message(rule))
        assert message.status == MessageStatus.FAILED
        assert message.last_error == "The mail server answered 550 no such user"

    def test_what_it_puts_off_is_tried_again_later(self, box: Mailbox, rule: AlertRule) -> None:
        box.answer = "451 greylisted"
        message = sent(a_message(rule))
        assert (message.status, message.attempts) == (MessageStatus.PENDING, 1)
        box.answer = "250 OK"
        assert sent(message).status == MessageStatus.SENT

    def test_a_server_that_is_away_is_said(self, settings: Any, box: Mailbox, rule: AlertRule) -> None:
        settings.EMAIL_PORT = 9
        message = sent(a_message(rule))
        assert message.status == MessageStatus.PENDING
        assert "could not be used" in message.last_error

    def test_without_a_server_it_says_which_setting_is_missing(self, settings: Any, rule: AlertRule) -> None:
        settings.EMAIL_HOST = ""
        assert "EMAIL_URL" in sent(a_message(rule)).last_error


class TestReceivers:
    def test_a_channel_gets_a_text_that_calls_nobody(self, receiver: Receiver) -> None:
        rule = factories.alert_rule(target=receiver.url)
        message = sent(
            a_message(rule, text="<!channel> & <https://evil.example|here>", url="http://testserver/runs/1/")
        )
        assert message.status == MessageStatus.SENT
        text = "&lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;\nhttp://testserver/runs/1/"
        assert json.loads(receiver.arrived[0].body) == {"text": text}

    def test_a_program_gets_a_signed_envelope(self, receiver: Receiver) -> None:
        rule = factories.alert_rule(channel=AlertChannel.WEBHOOK, target=receiver.url)
        message = sent(a_message(rule))
        [got] = receiver.arrived
        verify(got, rule.secret)
        assert set(got.envelope) == {"id", "event", "payload", "environment_id", "webhook_id", "created_at"}
        assert (got.event, got.id, got.payload["kind"]) == ("alert", str(message.id), "test")

    def test_it_is_tried_again_with_the_same_bytes_and_then_given_up(self, receiver: Receiver) -> None:
        receiver.answer = lambda received: 500
        rule = factories.alert_rule(channel=AlertChannel.WEBHOOK, target=receiver.url)
        message = a_message(rule)
        waits = []
        for _ in RETRIES:
            message = sent(message)
            assert message.next_attempt_at is not None
            waits.append(round((message.next_attempt_at - timezone.now()).total_seconds()))
        assert waits == [5, 30, 120, 600, 1800]
        assert sent(message).status == MessageStatus.FAILED
        assert {len(bodies) for bodies in receiver.bodies().values()} == {1}
        rule.refresh_from_db()
        assert rule.failing_since is not None

    def test_a_message_that_arrives_forgets_those_that_did_not(self, receiver: Receiver) -> None:
        rule = factories.alert_rule(target=receiver.url)
        AlertRule.objects.update(failing_since=timezone.now())
        sent(a_message(rule))
        rule.refresh_from_db()
        assert rule.failing_since is None

    def test_one_that_is_gone_is_given_up_at_once(self, receiver: Receiver) -> None:
        receiver.answer = lambda received: 410
        assert sent(a_message(factories.alert_rule(target=receiver.url))).status == MessageStatus.FAILED

    def test_private_addresses_are_refused_when_it_is_sent_too(self, receiver: Receiver, settings: Any) -> None:
        rule = factories.alert_rule(target=receiver.url)
        settings.ALLOW_PRIVATE_NETWORKS = False
        message = sent(a_message(rule))
        assert (receiver.arrived, message.status) == ([], MessageStatus.PENDING)
        assert message.last_error


class TestWhoSends:
    def test_a_message_is_taken_once(self) -> None:
        a_message(factories.alert_rule())
        [one], [again] = due_messages([], 5), due_messages([], 5)
        assert (take(one), take(again), due_messages([], 5)) == (True, False, [])

    @pytest.mark.parametrize("end", ["off", "deleted"])
    def test_nothing_is_sent_for_a_rule_that_is_no_more(self, receiver: Receiver, end: str) -> None:
        rule = factories.alert_rule(target=receiver.url)
        message = a_message(rule)
        if end == "off":
            save_alert_rule(rule.environment, {"is_active": False}, rule)
        else:
            delete_alert_rule(rule)
        message.refresh_from_db()
        assert message.status == MessageStatus.CANCELLED
        late = sent(a_message(AlertRule.objects.get()))
        assert (late.status, receiver.arrived) == (MessageStatus.CANCELLED, [])

    def test_what_is_settled_is_forgotten_in_time_and_what_waits_is_kept(self, settings: Any) -> None:
        rule = factories.alert_rule()
        waiting, settled = a_message(rule), a_message(rule)
        AlertMessage.objects.update(created_at=timezone.now() - timedelta(days=settings.DELIVERY_DAYS + 1))
        AlertMessage.objects.filter(id=settled.id).update(status=MessageStatus.SENT)
        assert forget_old() == 1
        assert AlertMessage.objects.get() == waiting


@pytest.mark.django_db(transaction=True)
def test_a_courier_sends_what_is_due_by_every_channel(receiver: Receiver, box: Mailbox) -> None:
    rules = [
        factories.alert_rule(target=receiver.url),
        factories.alert_rule(target=receiver.url, channel=AlertChannel.WEBHOOK),
        factories.alert_rule(target="a@example.org", channel=AlertChannel.MAIL),
    ]
    for rule in rules:
        for _ in range(5):
            a_message(rule)
    with working(), working():
        wait_until(lambda: len(receiver.arrived) + len(box.arrived) == 15, 20, "all messages")
        waiting = AlertMessage.objects.exclude(status=MessageStatus.SENT)
        wait_until(lambda: not waiting.exists(), 20, "a note of each")
    assert (len(receiver.arrived), len(box.arrived)) == (10, 5)


def test_a_round_without_anything_due_is_two_queries(django_assert_num_queries: Any) -> None:
    courier = Courier()
    with django_assert_num_queries(2):
        assert courier.look() == 0
