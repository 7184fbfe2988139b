"""What no run waits for: written with its change, sent by couriers, in order, at least once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from runs.courier import Courier
from runs.engine import deliveries
from runs.engine.claim import claim
from runs.engine.deliveries import RETRIES, due_heads, due_webhooks, forget_old, receiver_client, take
from runs.engine.runner import execute_slice
from runs.models import Delivery, DeliveryStatus, RecordError, RunStatus, SyncJobRun, Webhook
from runs.services import delete_webhook, request_stop, resend, save_webhook
from tests import factories
from tests.processes import wait_until
from tests.receiver import OK, Received, Receiver, receiving, verify
from tests.sources import Source, countries_and_cities, json_response, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def courier() -> Iterator[Courier]:
    with working() as found:
        yield found


class working:
    """A courier at work, for as long as the block lasts; its last sends are waited for."""

    def __enter__(self) -> Courier:
        self._courier = Courier()
        self._courier.start()
        return self._courier

    def __exit__(self, *_: object) -> None:
        self._courier.stop()
        self._courier.join(20)
        wait_until(self._is_idle, 20, "an end of what is on its way")

    def _is_idle(self) -> bool:
        return all(thread.name != "delivery" for thread in threading.enumerate())


def settled() -> bool:
    return not Delivery.objects.filter(status=DeliveryStatus.PENDING).exists()


def await_all(limit: float = 20) -> None:
    wait_until(settled, limit, f"every event sent: {list(Delivery.objects.values('event', 'status', 'last_error'))}")


def run_of(source: Source, **over: Any) -> SyncJobRun:
    config = factories.integration_config(source.url, concurrency=1)
    account = factories.account(integration=factories.integration(config=config))
    return factories.run(account=account, **over)


def executed(run: SyncJobRun) -> SyncJobRun:
    execute_slice(run.id, "d1")
    run.refresh_from_db()
    return run


def due_now() -> None:
    """Nobody waits for a retry's time."""
    Delivery.objects.filter(status=DeliveryStatus.PENDING).update(next_attempt_at=timezone.now())
    connection.close()


def test_a_subscriber_is_told_of_a_daemon_runs_whole_life_in_order(receiver: Receiver, courier: Courier) -> None:
    webhook = factories.webhook(target_url=receiver.url)
    with serving(countries_and_cities(2, 1)) as source:
        run = executed(run_of(source))
    await_all()
    assert receiver.events() == ["created", "started", "updated", "updated", "completed"]
    assert [one.payload["status"] for one in receiver.arrived][::4] == ["created", "completed"]
    last = receiver.arrived[-1]
    assert (last.payload["id"], last.payload["resource_stats"]) == (str(run.id), run.resource_stats())
    for received in receiver.arrived:
        verify(received, webhook.secret)


def test_events_that_are_not_subscribed_to_are_not_written(receiver: Receiver) -> None:
    factories.webhook(target_url=receiver.url, event_types=["sync_job_run:stopped"])
    factories.webhook(target_url=receiver.url, event_types=[])
    factories.webhook(target_url=receiver.url, is_active=False)
    factories.webhook(target_url=receiver.url, environment=factories.environment("Other"))
    request_stop(factories.run(), actor="someone")
    assert [delivery.event for delivery in Delivery.objects.all()] == ["sync_job_run:stopped"]


def test_a_rate_limit_is_told(receiver: Receiver) -> None:
    factories.webhook(target_url=receiver.url, event_types=["sync_job_run:rate_limited"])
    with serving(countries_and_cities(2, 1)) as source:
        source.before = lambda request: limited()
        executed(run_of(source))
    assert b'"rate_limited_until":"2' in bytes(Delivery.objects.get().body)


def limited() -> Any:
    response = json_response({})
    response.status_code = 429
    response.headers["Retry-After"] = "120"
    return response


def test_a_refused_event_is_tried_four_times_and_holds_back_those_behind_it(
    receiver: Receiver, courier: Courier
) -> None:
    factories.webhook(target_url=receiver.url, event_types=["sync_job_run:created", "sync_job_run:stopped"])

    receiver.answer = lambda received: 500 if received.event == "created" else OK
    request_stop(factories.run(), actor="someone")
    wait_until(lambda: made_due() and settled(), 20, "an end of all tries")
    assert [one.event for one in receiver.arrived] == ["created"] * 4 + ["stopped"]
    assert {len(bodies) for bodies in receiver.bodies().values()} == {1}
    failed = Delivery.objects.get(status=DeliveryStatus.FAILED)
    assert (failed.attempts, failed.last_status_code, len(failed.attempt_log)) == (4, 500, 4)


def made_due() -> bool:
    """Bring forward what waits for its next try, and nothing that is being sent."""
    soon = timezone.now() + timedelta(seconds=max(RETRIES) + 1)
    waiting = Delivery.objects.filter(status=DeliveryStatus.PENDING, attempts__gt=0, next_attempt_at__lte=soon)
    waiting.update(next_attempt_at=timezone.now())
    return True


def test_the_waits_between_tries_are_one_two_and_four_seconds(receiver: Receiver) -> None:
    webhook = factories.webhook(target_url=receiver.url)
    request_stop(factories.run(), actor="someone")
    delivery = Delivery.objects.filter(webhook=webhook).earliest("sequence")
    receiver.answer = lambda received: 503
    waits = []
    for _ in RETRIES:
        delivery = Delivery.objects.select_related("webhook").get(id=delivery.id)
        deliveries.deliver(delivery, receiver_client())
        delivery.refresh_from_db()
        assert delivery.next_attempt_at is not None
        waits.append(round((delivery.next_attempt_at - timezone.now()).total_seconds()))
    assert waits == [1, 2, 4]


def test_an_event_is_taken_by_one_courier_and_by_another_when_the_first_died(receiver: Receiver) -> None:
    webhook = factories.webhook(target_url=receiver.url, event_types=["sync_job_run:created"])
    factories.run()
    assert due_webhooks([], 5) == [webhook.id]
    delivery, again = due_heads(webhook.id, 5)[0], due_heads(webhook.id, 5)[0]
    assert (take(delivery), take(again), due_webhooks([], 5)) == (True, False, [])
    Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    assert take(again)


def test_two_couriers_send_each_event_once(receiver: Receiver) -> None:
    factories.webhook(target_url=receiver.url)
    with serving(countries_and_cities(20, 1)) as source:
        source.before = lambda request: json_response(None) if request.path == "/cities" else None
        run = run_of(source)
        with working(), working():
            executed(run)
            await_all()
    sent = [one.id for one in receiver.arrived]
    assert len(sent) == len(set(sent)) == 25
    assert receiver.events()[0] == "created"
    assert receiver.events()[-1] == "completed"
    assert Delivery.objects.filter(status=DeliveryStatus.DELIVERED).count() == 25


def test_a_slow_receiver_does_not_hold_up_the_others(receiver: Receiver, courier: Courier) -> None:
    release = threading.Event()
    with receiving() as slow:
        slow.answer = lambda received: OK if release.wait(10) else 504
        for _ in range(4):
            factories.webhook(target_url=slow.url, event_types=["sync_job_run:created"])
        quick = factories.webhook(target_url=receiver.url, event_types=["sync_job_run:created"])
        account, job = (run := factories.run()).integrated_account, run.sync_job
        for number in range(5):
            factories.run(account=account, job=job, args={"n": number})
        wait_until(lambda: len(receiver.arrived) == 6, 10, "all events of the quick receiver")
        assert Delivery.objects.exclude(webhook=quick).filter(status=DeliveryStatus.DELIVERED).count() == 0
        release.set()
        await_all()


class TestErrors:
    def failing(self, source: Source, **over: Any) -> SyncJobRun:
        """A run of which every request for cities fails, 120 in all."""
        source.before = lambda request: json_response(None) if request.path == "/cities" else None
        return executed(run_of(source, **over))

    @pytest.fixture
    def source(self) -> Iterator[Source]:
        with serving(countries_and_cities(120, 1)) as found:
            yield found

    @pytest.fixture
    def webhook(self, receiver: Receiver) -> Webhook:
        return factories.webhook(target_url=receiver.url, event_types=["sync_job_run:record_error"])

    def bodies(self) -> list[dict[str, Any]]:
        rows = Delivery.objects.filter(event="sync_job_run:record_error").order_by("sequence")
        return [Received(bytes(row.body), {}, 0).payload for row in rows]

    def test_ignore_tells_of_each(self, source: Source, webhook: Webhook) -> None:
        run = self.failing(source)
        told = self.bodies()
        assert (len(told), run.error_count) == (120, 120)
        assert set(told[0]) == {"resource", "method", "sync_job_run_id", "error"}
        assert (told[0]["resource"], told[0]["sync_job_run_id"]) == ("cities", str(run.id))
        assert (told[0]["error"]["code"], told[0]["error"]["status_code"]) == ("http_404", 404)

    def test_batch_tells_of_up_to_a_hundred_at_once(self, source: Source, webhook: Webhook) -> None:
        run = self.failing(source, error_handling="batch", version=2)
        told = self.bodies()
        assert [len(payload["errors"]) for payload in told] == [100, 20]
        assert set(told[0]) == {"resource", "method", "sync_job_run_id", "errors"}
        ids = {error["id"] for payload in told for error in payload["errors"]}
        assert ids == {str(error.id) for error in run.record_errors.all()}
        assert not RecordError.objects.filter(is_told=False).exists()

    def test_errors_that_wait_for_their_group_survive_the_daemon(self, source: Source, webhook: Webhook) -> None:
        run = run_of(source, error_handling="batch", version=2)

        def reply(request: Any) -> Any:
            if request.args.get("country") == "C050":
                request_stop(run, actor="someone")
                connection.close()
            return json_response(None) if request.path == "/cities" else None

        source.before = reply
        run = executed(run)
        assert run.status == RunStatus.STOPPED
        assert sum(len(payload["errors"]) for payload in self.bodies()) == run.error_count > 0

    def test_fail_fast_tells_of_the_end_only(self, source: Source, webhook: Webhook) -> None:
        run = self.failing(source, error_handling="fail_fast")
        assert (run.status, self.bodies()) == (RunStatus.FAILED, [])


class TestFailingReceivers:
    def attempt(self, receiver: Receiver, status: int) -> Webhook:
        receiver.answer = lambda received: status
        for delivery in due_heads(Webhook.objects.get().id, 1):
            deliveries.deliver(delivery, receiver_client())
        return Webhook.objects.get()

    @pytest.fixture
    def webhook(self, receiver: Receiver) -> Webhook:
        webhook = factories.webhook(target_url=receiver.url)
        request_stop(factories.run(), actor="someone")
        return webhook

    def failing_since(self, hours: float, failures: int) -> None:
        since = timezone.now() - timedelta(hours=hours)
        Webhook.objects.update(failing_since=since, failure_count=failures)

    def test_a_failure_is_remembered_and_a_success_forgets_it(self, webhook: Webhook, receiver: Receiver) -> None:
        failed = self.attempt(receiver, 500)
        assert (failed.failure_count, failed.failing_since is None, failed.is_active) == (1, False, True)
        due_now()
        assert self.attempt(receiver, 200).failing_since is None

    def test_one_that_fails_for_long_is_switched_off_and_says_why(self, webhook: Webhook, receiver: Receiver) -> None:
        self.failing_since(hours=13, failures=20)
        off = self.attempt(receiver, 500)
        assert (off.is_active, "12 hours" in off.disabled_reason) == (False, True)
        assert settled()
        assert Delivery.objects.filter(status=DeliveryStatus.CANCELLED).exists()

    @pytest.mark.parametrize(("hours", "failures"), [(11, 500), (13, 3)])
    def test_one_that_fails_briefly_or_rarely_stays(
        self, webhook: Webhook, receiver: Receiver, hours: float, failures: int
    ) -> None:
        self.failing_since(hours, failures)
        assert self.attempt(receiver, 500).is_active

    def test_one_that_is_gone_is_switched_off_at_once(self, webhook: Webhook, receiver: Receiver) -> None:
        off = self.attempt(receiver, 410)
        assert (off.is_active, off.disabled_reason) == (False, "The receiver answered 410 Gone.")

    def test_switching_it_on_again_forgets_why(self, webhook: Webhook, receiver: Receiver) -> None:
        off = self.attempt(receiver, 410)
        on = save_webhook(off.environment, {"is_active": True}, off)
        assert (on.is_active, on.disabled_reason, on.failing_since) == (True, "", None)

    def test_what_waited_for_a_deleted_one_is_cancelled(self, webhook: Webhook) -> None:
        delete_webhook(webhook)
        assert set(Delivery.objects.values_list("status", flat=True)) == {DeliveryStatus.CANCELLED}


def test_what_is_sent_again_has_the_same_id_and_bytes(receiver: Receiver, courier: Courier) -> None:
    factories.webhook(target_url=receiver.url, event_types=["sync_job_run:created"])
    factories.run()
    await_all()
    delivery = Delivery.objects.select_related("webhook").get()
    assert resend(delivery).status == DeliveryStatus.PENDING
    await_all()
    first, second = receiver.arrived
    assert (first.body, first.id) == (second.body, second.id)
    assert len(Delivery.objects.get().attempt_log) == 2


def test_started_waits_for_what_its_webhook_is_told_before(receiver: Receiver) -> None:
    with serving(countries_and_cities(3, 0)) as source:
        webhook = factories.webhook(target_url=receiver.url)
        run = executed(run_of(source, webhook_id=webhook.id))
        with working():
            await_all()
    assert run.status == RunStatus.COMPLETED
    assert receiver.events() == ["created", "started", "record", "updated", "updated", "completed"]


def test_a_takeover_is_told_as_a_change(receiver: Receiver) -> None:
    factories.webhook(target_url=receiver.url, event_types=["sync_job_run:updated"])
    run = factories.run()
    assert claim(run.id, "d1") is not None
    SyncJobRun.objects.filter(id=run.id).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert claim(run.id, "d2") is not None
    assert [delivery.event for delivery in Delivery.objects.all()] == ["sync_job_run:updated"]


def test_what_was_sent_long_ago_is_forgotten_and_what_waits_is_kept(settings: Any) -> None:
    factories.webhook()
    request_stop(factories.run(), actor="someone")
    first = Delivery.objects.earliest("sequence")
    long_ago = timezone.now() - timedelta(days=settings.DELIVERY_DAYS + 1)
    Delivery.objects.update(created_at=long_ago)
    Delivery.objects.exclude(id=first.id).update(status=DeliveryStatus.DELIVERED)
    assert forget_old() == 2
    assert Delivery.objects.get() == first
