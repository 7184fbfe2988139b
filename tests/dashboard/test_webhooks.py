"""The webhooks, what each was sent, and what operators may do there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import Delivery, DeliveryStatus, SyncJobRun, Webhook
from tests import factories
from tests.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def webhook(environment: object, receiver: Receiver) -> Webhook:
    return factories.webhook(target_url=receiver.url)


@pytest.fixture
def delivery(webhook: Webhook) -> Delivery:
    """The event `created` of a run, given up after four attempts."""
    factories.run()
    attempt = {"at": "2026-11-25T12:00:00.000Z", "status_code": 500, "error": "It said <500>.", "milliseconds": 12}
    given_up = {"status": DeliveryStatus.FAILED, "attempts": 4, "next_attempt_at": None}
    Delivery.objects.update(**given_up, last_status_code=500, last_error="It said <500>.", attempt_log=[attempt])
    return Delivery.objects.get()


def address(webhook: Webhook, delivery: Delivery | None = None) -> str:
    return f"/webhooks/{webhook.pk}/" + (f"{delivery.pk}/" if delivery else "")


class TestList:
    def test_shows_receivers_and_how_they_are(self, viewer: Client, webhook: Webhook) -> None:
        assert webhook.target_url in viewer.get("/webhooks/").content.decode()
        Webhook.objects.update(is_active=False, disabled_reason="It is gone.")
        assert "Switched off" in viewer.get("/webhooks/").content.decode()
        assert "It is gone." in viewer.get(address(webhook)).content.decode()

    def test_says_how_to_make_one(self, viewer: Client) -> None:
        assert "No webhooks yet" in viewer.get("/webhooks/").content.decode()

    def test_leaves_out_the_deleted(self, viewer: Client, webhook: Webhook) -> None:
        Webhook.objects.update(deleted_at=timezone.now())
        assert webhook.target_url not in viewer.get("/webhooks/").content.decode()


class TestDeliveries:
    def test_tell_attempts_answers_and_errors(self, viewer: Client, webhook: Webhook, delivery: Delivery) -> None:
        page = viewer.get(address(webhook)).content.decode()
        assert "sync_job_run:created" in page
        assert "It said &lt;500&gt;." in page
        one = viewer.get(address(webhook, delivery)).content.decode()
        assert "12 ms" in one.replace("\u202f", " ")
        assert "&quot;event&quot;: &quot;sync_job_run:created&quot;" in one

    def test_that_are_none_have_no_filter(self, viewer: Client, webhook: Webhook) -> None:
        assert 'name="status"' not in viewer.get(address(webhook)).content.decode()
        narrowed = viewer.get(f"{address(webhook)}?status=failed").content.decode()
        assert 'name="status"' in narrowed

    @pytest.mark.parametrize(
        ("query", "count"), [("", 1), ("?status=failed", 1), ("?status=delivered", 0), ("?run=x", 1)]
    )
    def test_can_be_narrowed(
        self, viewer: Client, webhook: Webhook, delivery: Delivery, query: str, count: int
    ) -> None:
        assert len(viewer.get(address(webhook) + query).context["rows"]) == count

    def test_are_found_from_their_run(self, viewer: Client, webhook: Webhook) -> None:
        run = factories.run(webhook_id=webhook.id)
        link = f"{address(webhook)}?run={run.pk}"
        assert f'href="{link}"' in viewer.get(f"/runs/{run.pk}/").content.decode()
        assert len(viewer.get(link).context["rows"]) == 1

    def test_of_another_environment_are_not_there(self, outsider: Client, webhook: Webhook, delivery: Delivery) -> None:
        for path in (address(webhook), address(webhook, delivery)):
            assert outsider.get(path).status_code == 404
        assert outsider.post(f"{address(webhook)}test/").status_code == 404
        assert outsider.post(f"{address(webhook, delivery)}resend/").status_code == 404

    def test_never_show_the_secret(self, operator: Client, webhook: Webhook, delivery: Delivery) -> None:
        for path in ("/webhooks/", address(webhook), address(webhook, delivery)):
            assert webhook.secret not in operator.get(path).content.decode()


class TestActions:
    def test_an_operator_sends_a_test(self, operator: Client, webhook: Webhook, receiver: Receiver) -> None:
        told = operator.post(f"{address(webhook)}test/", follow=True).content.decode()
        assert "The receiver has taken the test." in told
        assert receiver.events() == ["test"]

    def test_a_test_that_is_not_taken_says_why(self, operator: Client, webhook: Webhook, receiver: Receiver) -> None:
        receiver.answer = lambda received: 503
        assert "answered 503" in operator.post(f"{address(webhook)}test/", follow=True).content.decode()

    def test_an_operator_sends_an_event_again(self, operator: Client, webhook: Webhook, delivery: Delivery) -> None:
        operator.post(f"{address(webhook, delivery)}resend/")
        delivery.refresh_from_db()
        assert (delivery.status, delivery.attempts) == (DeliveryStatus.PENDING, 0)
        refused = operator.post(f"{address(webhook, delivery)}resend/", follow=True)
        assert "still on its way" in refused.content.decode()

    def test_others_may_only_look(self, viewer: Client, webhook: Webhook, delivery: Delivery) -> None:
        assert "Send a test" not in viewer.get(address(webhook)).content.decode()
        assert "Send again" not in viewer.get(address(webhook, delivery)).content.decode()
        assert viewer.post(f"{address(webhook)}test/").status_code == 403
        assert viewer.post(f"{address(webhook, delivery)}resend/").status_code == 403


def test_a_run_can_be_started_to_a_webhook(operator: Client, webhook: Webhook) -> None:
    account = factories.account()
    job = factories.job(integration=account.integration)
    form = {"account": str(account.pk), "error_handling": "ignore", "daemon_group_key": "default"}
    answer: Any = operator.post(f"/jobs/{job.pk}/run/", {**form, "webhook_id": str(webhook.pk)})
    assert answer.status_code == 302
    run = SyncJobRun.objects.get()
    assert (run.webhook_id, run.daemon_group_key) == (webhook.pk, None)
