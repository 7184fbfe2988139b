"""A webhook run: its records go to a receiver, one event after the other, and nothing is lost on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from werkzeug import Request, Response

from runs.engine.claim import LeaseLost, claim
from runs.engine.deliveries import RETRIES, due_heads
from runs.engine.limits import limit_account
from runs.engine.page_stream import BATCH_RECORDS
from runs.engine.record_form import StorableRecord
from runs.engine.run_mail import RECORDS_PER_EVENT, portions
from runs.engine.run_slice import RunSlice
from runs.engine.runner import execute_slice
from runs.models import Delivery, DeliveryStatus, IntegratedAccount, Integration, Record, RunStatus, SyncJobRun, Webhook
from runs.services import request_stop, resend
from tests import factories
from tests.processes import wait_until
from tests.receiver import OK, Received, Receiver, receiving, verify
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source() -> Iterator[Source]:
    with serving(countries_and_cities(250, 0)) as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def a_run(source: Source, receiver: Receiver, **over: Any) -> SyncJobRun:
    account = factories.account(integration=factories.integration(config=factories.integration_config(source.url)))
    resources = over.pop("entries", factories.COUNTRIES_AND_CITIES[:1])
    job = factories.job(integration=account.integration, resources=resources)
    webhook = factories.webhook(target_url=receiver.url, event_types=over.pop("event_types", []))
    return factories.run(account=account, job=job, webhook_id=webhook.id, **over)


def executed(run: SyncJobRun, daemon: str = "d1") -> SyncJobRun:
    execute_slice(run.id, daemon)
    run.refresh_from_db()
    return run


def failing_first() -> Callable[[Received], int]:
    """Refuses each event once, and takes it the second time."""
    seen: set[str] = set()

    def answer(received: Received) -> int:
        if received.id in seen:
            return OK
        seen.add(received.id)
        return 500

    return answer


def refusing_for_good(wanted: Callable[[Received], bool]) -> Callable[[Received], int]:
    """Refuses these events, and takes away the tries that they have left, so that a test need not wait for them."""

    def answer(received: Received) -> int:
        if not wanted(received):
            return OK
        Delivery.objects.filter(id=received.id).update(attempts=len(RETRIES))
        connection.close()
        return 500

    return answer


def is_record_event(number: int) -> Callable[[Received], bool]:
    return lambda received: received.event == "record" and received.payload["meta"]["sequence"] == number


def refusing(event: str, status: int) -> Callable[[Received], int]:
    return lambda received: status if received.event == event else OK


def test_every_record_is_sent_and_none_is_stored(source: Source, receiver: Receiver) -> None:
    run = executed(a_run(source, receiver))
    assert (run.status, run.error) == (RunStatus.COMPLETED, None)
    assert run.resource_stats() == {"countries": {"list": {"fetched": 250, "persisted": 250}}}
    assert [record["iso"] for record in receiver.records()] == [f"C{number:03}" for number in range(250)]
    assert not Record.objects.exists()


def test_the_envelope_tells_what_the_contract_promises(source: Source, receiver: Receiver) -> None:
    run = executed(a_run(source, receiver))
    started, *records = receiver.arrived
    assert set(started.envelope) == {"id", "event", "payload", "environment_id", "webhook_id", "created_at"}
    assert (started.event, started.payload["id"], started.payload["status"]) == ("started", str(run.id), "running")
    assert [one.payload["meta"]["sequence"] for one in records] == list(range(1, len(records) + 1))
    assert {key: records[0].payload[key] for key in ("resource", "method")} == {
        "resource": "countries",
        "method": "list",
    }
    assert {key: records[0].payload["meta"][key] for key in ("sync_job_run_id", "sync_job_id")} == {
        "sync_job_run_id": str(run.id),
        "sync_job_id": str(run.sync_job_id),
    }
    assert records[0].headers["user-agent"] == "Syncdeck"


@pytest.mark.parametrize("encoding", ["base64", "hex"])
def test_both_signatures_hold(source: Source, receiver: Receiver, settings: Any, encoding: str) -> None:
    settings.WEBHOOK_SIGNATURE_ENCODING = encoding
    run = executed(a_run(source, receiver))
    secret = Webhook.objects.get(id=run.webhook_id).secret
    assert receiver.arrived
    for received in receiver.arrived:
        verify(received, secret, encoding)


def test_an_event_that_was_refused_is_sent_again_with_the_same_bytes(source: Source, receiver: Receiver) -> None:
    receiver.answer = failing_first()
    run = executed(a_run(source, receiver, entries=[{**factories.COUNTRIES_AND_CITIES[0], "query": {"iso": "C001"}}]))
    assert (run.status, run.persisted, run.error_count) == (RunStatus.COMPLETED, 1, 0)
    assert [len(bodies) for bodies in receiver.bodies().values()] == [1, 1]
    assert [one.status for one in receiver.arrived] == [500, 200, 500, 200]
    delivery = Delivery.objects.get(event="sync_job_run:record")
    assert [(one["status_code"], one["error"]) for one in delivery.attempt_log] == [
        (500, "The receiver answered 500 INTERNAL SERVER ERROR."),
        (200, ""),
    ]


def test_nothing_is_fetched_before_started_is_acknowledged(source: Source, receiver: Receiver) -> None:
    seen: list[int] = []

    def answer(received: Received) -> int:
        seen.append(len(source.served))
        return OK

    receiver.answer = answer
    executed(a_run(source, receiver))
    assert seen[0] == 0


def test_a_400_to_started_vetoes_the_run(source: Source, receiver: Receiver) -> None:
    receiver.answer = refusing("started", 400)
    run = executed(a_run(source, receiver))
    assert (run.status, len(source.served), len(receiver.arrived)) == (RunStatus.STOPPED, 0, 1)
    assert run.error is not None
    assert run.error["code"] == "vetoed"
    assert Webhook.objects.get().failure_count == 0


def test_without_an_acknowledgement_of_started_the_run_fails(source: Source, receiver: Receiver) -> None:
    receiver.answer = refusing("started", 410)
    run = executed(a_run(source, receiver))
    assert run.error is not None
    assert (run.status, run.error["code"], run.error["status_code"]) == (RunStatus.FAILED, "webhook_failed", 410)
    assert source.served == []


def test_records_that_are_not_taken_are_an_error_that_holds_the_date(source: Source, receiver: Receiver) -> None:
    receiver.answer = refusing_for_good(is_record_event(1))
    run = executed(a_run(source, receiver))
    step, error, failed = run.steps.get(), run.record_errors.get(), Delivery.objects.get(status=DeliveryStatus.FAILED)
    assert (run.status, run.error_count, run.fetched) == (RunStatus.COMPLETED, 1, 250)
    assert run.persisted == 250 - failed.record_count == len(receiver.records())
    assert (error.code, error.status_code, error.is_quarantine) == ("webhook_failed", 500, False)
    assert (step.failed_requests, step.watermark) == (1, None)


def test_fail_fast_ends_the_run_at_the_first_event_that_is_not_taken(source: Source, receiver: Receiver) -> None:
    receiver.answer = refusing_for_good(is_record_event(1))
    run = executed(a_run(source, receiver, error_handling="fail_fast"))
    assert run.error is not None
    assert (run.status, run.error["code"], run.error["status_code"]) == (RunStatus.FAILED, "webhook_failed", 500)
    assert (run.persisted, receiver.records()) == (0, [])


def test_fail_fast_sends_what_came_before_the_error(source: Source, receiver: Receiver) -> None:
    source.before = lambda request: Response("no", 404) if request.args.get("page") == "2" else None
    run = executed(a_run(source, receiver, error_handling="fail_fast"))
    assert (run.status, run.persisted, len(receiver.records())) == (RunStatus.FAILED, 100, 100)


def test_fail_fast_sends_the_pages_before_that_of_a_record_that_is_refused(source: Source, receiver: Receiver) -> None:
    source.tables["countries"][210].pop("iso")
    gathered = threading.Event()

    def answer(received: Received) -> int:
        if received.event == "record" and not gathered.is_set():
            wait_until(lambda: len(source.served) >= 3, 10, "the other pages, which then come as one batch")
            gathered.set()
        return OK

    receiver.answer = answer
    run = executed(a_run(source, receiver, error_handling="fail_fast"))
    assert (run.status, run.persisted, len(receiver.records())) == (RunStatus.FAILED, 200, 200)


def test_the_source_is_not_read_far_ahead_of_a_slow_receiver(receiver: Receiver) -> None:
    with serving(countries_and_cities(6000, 0)) as source:
        ahead: list[int] = []

        def answer(received: Received) -> int:
            if received.event == "record":
                taken = sum(len(one.payload["records"]) for one in receiver.accepted("record"))
                ahead.append(len(source.served) - taken // 100)
                wait_until(lambda: source.in_flight == 0, 5, "a source that is not asked any more")
            return OK

        receiver.answer = answer
        run = executed(a_run(source, receiver))
    assert run.persisted == 6000
    assert max(ahead) <= 2 * (BATCH_RECORDS // 100 + 1) + 1  # the batch under way, and the pages buffered behind it


def test_a_stop_keeps_what_was_taken_and_cancels_the_rest(source: Source, receiver: Receiver) -> None:
    run = a_run(source, receiver)

    def answer(received: Received) -> int:
        if received.event == "record":
            request_stop(run, actor="someone")
            connection.close()
        return OK

    receiver.answer = answer
    run = executed(run)
    assert (run.status, run.persisted) == (RunStatus.STOPPED, len(receiver.records()))
    assert run.persisted > 0
    assert not Delivery.objects.filter(status=DeliveryStatus.PENDING, is_awaited=True).exists()


def test_a_stop_ends_the_wait_for_a_receiver_that_refuses(source: Source, receiver: Receiver) -> None:
    run = a_run(source, receiver)

    def answer(received: Received) -> int:
        if received.event != "record":
            return OK
        request_stop(run, actor="someone")
        connection.close()
        return 500

    receiver.answer = answer
    run = executed(run)
    cancelled = Delivery.objects.get(status=DeliveryStatus.CANCELLED)
    assert (run.status, run.persisted, cancelled.event) == (RunStatus.STOPPED, 0, "sync_job_run:record")
    assert "stopped" in cancelled.last_error


@pytest.mark.parametrize("event", ["started", "record"])
@pytest.mark.parametrize("status", [OK, 400])
def test_what_a_person_sends_again_changes_nothing_for_the_live_run(
    source: Source, receiver: Receiver, event: str, status: int
) -> None:
    def answer(received: Received) -> int:
        if received.id in {one.id for one in receiver.accepted()}:
            return status
        if is_record_event(2)(received):
            again = Delivery.objects.filter(id=receiver.accepted(event)[0].id)
            resend(again.get())
            again.update(attempts=len(RETRIES))  # no wait for further tries
            connection.close()
        return OK

    receiver.answer = answer
    source.tables = countries_and_cities(2_100, 0)
    run = executed(a_run(source, receiver))
    first = receiver.accepted(event)[0].id
    assert [one.status for one in receiver.arrived if one.id == first][:2] == [OK, status]
    assert (run.status, run.error, run.persisted, run.error_count) == (RunStatus.COMPLETED, None, 2_100, 0)
    assert run.steps.get().watermark is not None


def test_a_stop_does_not_wait_for_a_receiver_that_takes_its_time(source: Source, receiver: Receiver) -> None:
    run, over = a_run(source, receiver), threading.Event()

    def answer(received: Received) -> int:
        if received.event == "record":
            request_stop(run, actor="someone")
            connection.close()
            over.wait(14)
        return OK

    receiver.answer = answer
    run = executed(run)
    over.set()
    assert run.finished_at is not None
    assert run.stop_requested_at is not None
    assert (run.status, run.persisted) == (RunStatus.STOPPED, 0)
    assert (run.finished_at - run.stop_requested_at).total_seconds() < 8


def killed_after_sending(run: SyncJobRun, receiver: Receiver, number: int) -> None:
    """Work on the run until the receiver has taken record event `number`, whose acknowledgement is then not noted."""
    holder = claim(run.id, "d1")
    assert holder is not None

    def answer(received: Received) -> int:
        if is_record_event(number)(received):
            lease_over = timezone.now() - timedelta(seconds=1)
            SyncJobRun.objects.filter(id=run.id).update(lease_until=lease_over)
            assert claim(run.id, "d2") is not None
            SyncJobRun.objects.filter(id=run.id).update(lease_until=lease_over)
            connection.close()
        return OK

    receiver.answer = answer
    with RunSlice(holder) as work, pytest.raises(LeaseLost):
        work.run_to_end()
    receiver.answer = lambda received: OK


def test_after_a_takeover_between_sending_and_noting_the_same_event_comes_again(receiver: Receiver) -> None:
    with serving(countries_and_cities(900, 0)) as source:
        run = a_run(source, receiver)
        killed_after_sending(run, receiver, number=2)
        taken_before = SyncJobRun.objects.get(id=run.id).persisted
        run = executed(run, "d3")
    assert 0 < taken_before < 900
    assert (run.status, run.persisted, run.fetched, run.attempt) == (RunStatus.COMPLETED, 900, 900, 3)
    assert [record["iso"] for record in receiver.records()] == [f"C{number:03}" for number in range(900)]
    assert {len(bodies) for bodies in receiver.bodies().values()} == {1}
    twice = [one.id for one in receiver.accepted("record") if is_record_event(2)(one)]
    assert (len(twice), len(set(twice))) == (2, 1)
    assert receiver.events().count("started") == 1


def test_slices_change_nothing_for_the_receiver(source: Source, receiver: Receiver, settings: Any) -> None:
    settings.SLICE_SECONDS = 0
    run = executed(a_run(source, receiver))
    while run.is_live:
        run = executed(run)
    assert (run.status, run.persisted, run.attempt) == (RunStatus.COMPLETED, 250, 1)
    assert [record["iso"] for record in receiver.records()] == [f"C{number:03}" for number in range(250)]


def test_a_slice_that_ends_between_records_and_the_error_behind_them_passes_over_neither(
    receiver: Receiver, settings: Any
) -> None:
    settings.SLICE_SECONDS = 0
    with serving(countries_and_cities(12, 5)) as source:

        def reply(request: Request) -> Response | None:
            """The first country last, so that all of the cities come in one batch, up to the one that fails."""
            if request.args.get("country") == "C000":
                wait_until(lambda: len(source.requests("/cities")) >= 12, 10, "all requests for cities")
            return Response("no", 404) if request.args.get("country") == "C005" else None

        source.before = reply
        run = executed(a_run(source, receiver, entries=factories.COUNTRIES_AND_CITIES))
        while run.is_live:
            run = executed(run)
    assert (run.status, run.error_count, run.persisted) == (RunStatus.COMPLETED, 1, 12 + 55)
    assert run.steps.get(name="cities").watermark is None


def test_daemons_lost_while_the_receiver_is_waited_for_are_not_laid_to_a_page(
    source: Source, receiver: Receiver, settings: Any
) -> None:
    settings.SLICE_SECONDS = 0
    run = a_run(source, receiver, event_types=["sync_job_run:created"])
    under_way = timezone.now() + timedelta(seconds=20)  # in the hands of a courier
    Delivery.objects.update(next_attempt_at=under_way)
    for _ in range(settings.CRASH_CAP):
        assert claim(run.id, "lost") is not None
        SyncJobRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        run = executed(run)
        assert (run.status, run.error, run.crashes) == (RunStatus.RUNNING, None, 0)


def test_a_run_that_waits_for_its_source_has_sent_what_it_has(receiver: Receiver) -> None:
    def second_page_later(request: Request) -> Response | None:
        return Response("", 429, {"Retry-After": "120"}) if request.args["page"] == "2" else None

    def answer(received: Received) -> int:
        if received.event == "record":  # the run, which looks after itself meanwhile, knows of the wait
            wait_until(IntegratedAccount.objects.exclude(rate_limited_until=None).exists, 10, "a wait")
            connection.close()
        return OK

    with serving(countries_and_cities(2000, 0)) as source:
        source.before, receiver.answer = second_page_later, answer
        run = a_run(source, receiver, event_types=["sync_job_run:rate_limited"])
        pages = {"format": "page", "config": {"page_key": "page", "limit_key": "per_page", "limit": 1000}}
        Integration.objects.update(config=factories.integration_config(source.url, pagination=pages))
        run = executed(run)
    assert run.resume_at is not None
    assert (run.fetched, run.persisted, len(receiver.records())) == (1000, 1000, 1000)
    assert {one.event for one in due_heads(run.webhook_id, at_most=9)} == {"sync_job_run:rate_limited"}


def test_started_is_sent_though_the_account_has_to_wait(source: Source, receiver: Receiver) -> None:
    run = a_run(source, receiver, event_types=["sync_job_run:created"])
    limit_account(run.id, 120)
    run = executed(run)
    assert run.resume_at is not None
    assert (receiver.events(), source.served) == (["created", "started"], [])


def test_a_webhook_that_is_switched_off_meanwhile_ends_the_run_by_name(source: Source, receiver: Receiver) -> None:
    run = a_run(source, receiver)
    Webhook.objects.update(is_active=False)
    run = executed(run)
    assert run.error is not None
    assert (run.status, run.error["code"], receiver.arrived) == (RunStatus.FAILED, "webhook_inactive", [])


def test_entries_that_do_not_persist_are_not_sent(source: Source, receiver: Receiver) -> None:
    countries, cities = factories.COUNTRIES_AND_CITIES
    source.tables = countries_and_cities(3, 2)
    run = executed(a_run(source, receiver, entries=[{**countries, "persist": False}, cities]))
    assert (run.fetched, run.persisted) == (9, 6)
    assert {one.payload["resource"] for one in receiver.accepted("record")} == {"cities"}


def test_a_quarantined_record_is_told_and_the_others_are_sent(source: Source, receiver: Receiver) -> None:
    source.tables["countries"][3].pop("iso")
    run = executed(a_run(source, receiver))
    assert (run.status, run.persisted, run.error_count) == (RunStatus.COMPLETED, 249, 1)
    assert len(receiver.records()) == 249


def test_the_second_run_looks_from_the_date_of_the_first_with_the_same_webhook(source: Source) -> None:
    since = {"updated_since": "{{previous_run_date}}"}
    with receiving() as receiver, receiving() as other:
        first = executed(a_run(source, receiver, entries=[{**factories.COUNTRIES_AND_CITIES[0], "query": since}]))
        again = {"job": first.sync_job, "account": first.integrated_account}
        assert first.webhook is not None
        elsewhere = factories.webhook(target_url=other.url)
        executed(factories.run(**again, webhook_id=elsewhere.id))
        assert {"updated_since" in request.query for request in source.served} == {False}
        executed(factories.run(**again, webhook_id=first.webhook_id))
        assert "updated_since" in source.served[-1].query


def test_events_stay_small_whatever_a_page_holds() -> None:
    records = [StorableRecord(str(number), b"x" * size, b"") for number, size in enumerate([900_000, 200_000, 10])]
    assert [[len(record.json) for record in part] for part in portions(records)] == [[900_000], [200_000, 10]]
    many = [StorableRecord("1", b"{}", b"")] * (RECORDS_PER_EVENT + 1)
    assert [len(part) for part in portions(many)] == [RECORDS_PER_EVENT, 1]
    assert portions([]) == []
