"""What is old goes whole and in parts that hold nobody up; what something goes by stays, however old it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone
from werkzeug import Response

from runs.engine.error_groups import count_errors
from runs.errors import InvalidInput
from runs.models import (
    AccountDay,
    AccountFreshness,
    AlertKind,
    AlertMessage,
    AuditEntry,
    BulkAction,
    BulkItem,
    BulkKind,
    BulkStatus,
    Delivery,
    DeliveryStatus,
    ErrorGroup,
    ErrorSighting,
    EventKind,
    JobFreshness,
    MessageStatus,
    Record,
    RecordError,
    RunEvent,
    RunHabit,
    RunStatus,
    RunStep,
    RunTrigger,
    SyncJobRun,
)
from runs.models.base import first_uuid7
from runs.services import Origin, RunRequest, prune, prune_daily
from runs.services.runs import prepare_run, write_run
from tests import factories
from tests.runs import rows
from tests.runs.engine.driving import a_run, again, executed
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db(transaction=True)

MONTH = timedelta(days=30)
LONG_AGO = timedelta(days=100)
COUNTRIES: dict[str, Any] = {"resource": "countries", "method": "list", "persist": True}


@pytest.fixture(autouse=True)
def few_kept(settings: Any) -> None:
    settings.RUNS_KEPT = 1


@pytest.fixture
def source() -> Iterator[Source]:
    with serving(countries_and_cities(10, 1)) as found:
        yield found


def old_runs(count: int, **over: Any) -> list[SyncJobRun]:
    """The last of them is kept as the last of its job and account."""
    return rows.runs(count, start=timezone.now() - LONG_AGO, **over)


def young_run(like: SyncJobRun, **over: Any) -> SyncJobRun:
    """Of the same job and account, which it is the last run of."""
    same = {name: getattr(like, name) for name in ("sync_job", "integrated_account")}
    return rows.runs(1, start=timezone.now(), **same, **over)[0]


def aged(*runs: SyncJobRun) -> None:
    """They were created and ended long ago, and what they stored first is as old."""
    for run in runs:
        SyncJobRun.objects.filter(id=run.id).update(
            created_at=run.created_at - LONG_AGO, finished_at=timezone.now() - LONG_AGO
        )
        for record in Record.objects.filter(first_run=run):
            drawn = first_uuid7(record.created_at - LONG_AGO).int + record.id.int % 2**64
            Record.objects.filter(id=record.id).update(id=UUID(int=drawn))


def left() -> set[Any]:
    return set(SyncJobRun.objects.values_list("id", flat=True))


def an_error(run: SyncJobRun, message: str = "Not found") -> RecordError:
    step = step_of(run)
    return RecordError(run=run, step=step, resource="countries", method="list", code="http_error", message=message)


def step_of(run: SyncJobRun, **over: Any) -> RunStep:
    number = run.steps.count()
    values = {"index": number, "name": f"e{number}", "resource": "countries", "method": "list", "incremental_key": "k"}
    return RunStep.objects.create(run=run, **{**values, **over})


def with_belongings(run: SyncJobRun) -> None:
    error = an_error(run)
    count_errors(run, [error])
    error.save()
    step_of(run, parent=error.step)
    RunEvent.objects.create(run=run, kind=EventKind.CREATED, message="Created.")
    delivery(run, DeliveryStatus.DELIVERED, step=error.step)
    AlertMessage.objects.create(
        rule=factories.alert_rule(), run=run, kind=AlertKind.RECOVERY, content={}, status=MessageStatus.SENT
    )


def delivery(run: SyncJobRun, status: DeliveryStatus, **over: Any) -> Delivery:
    return Delivery.objects.create(webhook=factories.webhook(), run=run, event="x", body=b"{}", status=status, **over)


def action(*runs: SyncJobRun, age: timedelta, status: BulkStatus = BulkStatus.COMPLETED) -> BulkAction:
    at = timezone.now() - age
    values = {"kind": BulkKind.RERUN, "actor": "olga", "set_hash": "0", "run_count": len(runs), "status": status}
    made = BulkAction.objects.create(**values, finished_at=at if status == BulkStatus.COMPLETED else None)
    made.environments.add(factories.environment())
    BulkAction.objects.filter(id=made.id).update(created_at=at)
    BulkItem.objects.bulk_create(BulkItem(action=made, run=run) for run in runs)
    return made


def test_an_old_run_goes_with_all_that_belongs_to_it_and_its_records_stay() -> None:
    old = old_runs(1)[0]
    young = young_run(old)
    for run in (old, young):
        with_belongings(run)
    record = rows.record(old)
    ErrorGroup.objects.update(note="They have moved.")

    removed = prune(MONTH)

    assert {name: count for name, count in removed.items() if count} == {
        "runs": 1,
        "steps": 2,
        "errors": 1,
        "error_sightings": 1,
        "events": 1,
        "deliveries": 1,
        "alert_messages": 1,
    }
    assert left() == {young.id}
    assert list(Record.objects.values_list("id", "first_run_id")) == [(record.id, old.id)]
    assert (young.steps.count(), young.events.count(), young.deliveries.count()) == (2, 1, 1)


def test_the_last_of_each_job_and_account_stay(settings: Any) -> None:
    settings.RUNS_KEPT = 3
    first = old_runs(5)
    other = factories.account(integration=first[0].integrated_account.integration, tenant_id="b")
    second = old_runs(2, sync_job=first[0].sync_job, integrated_account=other)
    prune(MONTH)
    assert left() == {run.id for run in [*first[2:], *second]}


def test_a_live_run_stays_and_is_not_counted_among_the_last() -> None:
    ended = old_runs(2)
    same = {name: getattr(ended[0], name) for name in ("sync_job", "integrated_account")}
    live = old_runs(1, status=RunStatus.RUNNING, **same)[0]
    prune(MONTH)
    assert left() == {ended[1].id, live.id}


REASONS: dict[str, Callable[[SyncJobRun], Any]] = {
    "it needs attention": lambda run: SyncJobRun.objects.filter(id=run.id).update(status=RunStatus.FAILED),
    "the next run asks since its start": lambda run: step_of(run, watermark=rows.NOON),
    "a schedule names it": lambda run: name_as_last(run),
    "a younger bulk action names it": lambda run: action(run, age=timedelta(days=1)),
    "a bulk action has not come to it": lambda run: action(run, age=LONG_AGO, status=BulkStatus.RUNNING),
    "a bulk action made it": lambda run: action(run, age=timedelta(0)).items.update(other_run=run),
    "a live run repeats it": lambda run: factories.run(account=run.integrated_account, job=run.sync_job, rerun_of=run),
    "an event of it is to be sent": lambda run: delivery(run, DeliveryStatus.PENDING),
    "an alert of it is to be sent": lambda run: AlertMessage.objects.create(
        rule=factories.alert_rule(), run=run, kind=AlertKind.RECOVERY, content={}
    ),
}


def name_as_last(run: SyncJobRun) -> None:
    trigger = factories.trigger(account=run.integrated_account, job=run.sync_job)
    type(trigger).objects.filter(id=trigger.id).update(last_run=run)


@pytest.mark.parametrize("reason", REASONS)
def test_a_run_stays_while(reason: str) -> None:
    run, other, last = old_runs(3)
    REASONS[reason](run)
    assert prune(MONTH)["runs"] == 1
    assert {run.id, last.id} <= left()
    assert other.id not in left()


def test_of_the_runs_of_one_key_the_one_with_the_latest_date_stays() -> None:
    runs = old_runs(4)
    for run, hour in zip(runs, (3, 5, 4, None), strict=True):
        step_of(run, watermark=None if hour is None else rows.NOON + timedelta(hours=hour))
    prune(MONTH)
    assert left() == {runs[1].id, runs[3].id}


def test_the_next_run_asks_since_the_same_date(source: Source) -> None:
    entry = {**COUNTRIES, "query": {"since": "{{previous_run_date}}"}}
    clean = again(executed(a_run(source, [entry])))
    source.before = lambda request: Response("no", 404)
    failing = [again(clean) for _ in range(2)]
    source.before = None
    asked = failing[-1].steps.get().previous_run_date
    aged(*SyncJobRun.objects.all())
    assert prune(MONTH)["runs"] == 2
    assert again(failing[-1]).steps.get().previous_run_date == asked


def test_what_runs_with_other_arguments_have_stored_is_still_not_held_to_be_gone(source: Source) -> None:
    """Each run sees the countries whose code begins with what it was asked for."""
    entry = {**COUNTRIES, "delete_tracking": "hard", "query": {"only": "{{args.only}}"}}
    all_rows = source.tables["countries"]

    def seeing(codes: str) -> None:
        source.tables["countries"] = [row for row in all_rows if row["iso"] in codes]

    seeing("C000 C001")
    one = executed(a_run(source, [entry], args={"only": "a"}))
    seeing("C002 C003 C004 C005")
    other = again(one, args={"only": "b"})
    latest = again(other, args={"only": "b"})
    aged(one, other)
    assert (prune(MONTH)["runs"], left()) == (0, {one.id, other.id, latest.id})
    RunStep.objects.all().delete()
    SyncJobRun.objects.filter(id=one.id).delete()
    seeing("C002 C003 C004")
    again(latest, args={"only": "b"})
    assert sorted(Record.objects.values_list("record_id", flat=True)) == ["C000", "C001", "C002", "C003", "C004"]


def test_a_younger_run_forgets_which_it_repeated() -> None:
    old = old_runs(1)[0]
    young = young_run(old, rerun_of=old)
    prune(MONTH)
    young.refresh_from_db()
    assert (young.rerun_of_id, left()) == (None, {young.id})


def test_a_rerun_of_what_was_pruned_meanwhile_is_refused_in_a_sentence() -> None:
    old = old_runs(2)[0]
    request = RunRequest(old.sync_job, old.integrated_account, rerun_of=old)
    prepared = prepare_run(request, Origin(RunTrigger.API, "olga"))
    prune(MONTH)
    with pytest.raises(InvalidInput, match="rerun_of: has been removed, for it was old"):
        write_run(prepared)


def test_old_bulk_actions_go_before_the_runs_they_name() -> None:
    old, last = old_runs(2)
    gone, kept = action(old, last, age=LONG_AGO), action(last, age=timedelta(days=2))
    removed = prune(MONTH)
    assert (removed["bulk_actions"], removed["bulk_items"], removed["runs"]) == (1, 2, 1)
    assert (list(BulkAction.objects.all()), BulkItem.objects.get().action_id) == ([kept], kept.id)
    assert gone.id not in BulkAction.environments.through.objects.values_list("bulkaction", flat=True)


def test_groups_go_when_they_are_old_and_no_run_and_no_note_is_left() -> None:
    old_id = first_uuid7(timezone.now() - LONG_AGO).int
    names = ("idle", "noted", "met")
    for number, name in enumerate(names):
        words = "Known." if name == "noted" else ""
        group(name, id=f"{old_id + number:032x}", note=words)
    group("young")
    young = rows.runs(1, start=timezone.now())[0]
    sighted(young, ErrorGroup.objects.get(fingerprint="met"))
    assert prune(MONTH)["error_groups"] == 1
    assert set(ErrorGroup.objects.values_list("fingerprint", flat=True)) == {"noted", "met", "young"}


def group(name: str, **over: Any) -> ErrorGroup:
    values = {"environment": factories.environment(), "fingerprint": name, "code": "x", "title": name}
    return ErrorGroup.objects.create(**{**values, **over})


def sighted(run: SyncJobRun, group: ErrorGroup) -> None:
    of = {"environment": run.environment, "integrated_account": run.integrated_account, "sync_job": run.sync_job}
    ErrorSighting.objects.create(group=group, run=run, last_at=timezone.now(), **of)


def test_what_ends_have_left_on_the_account_stays(source: Source) -> None:
    runs = [executed(a_run(source, [COUNTRIES]))]
    runs += [again(runs[0]) for _ in range(2)]
    aged(*runs)
    RunStep.objects.update(watermark=None)
    before = rolled_up()
    assert prune(MONTH)["runs"] == 2
    assert rolled_up() == before
    assert before[0] != []


def rolled_up() -> list[Any]:
    models: tuple[Any, ...] = (AccountDay, RunHabit, AccountFreshness, JobFreshness)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_a_dry_run_tells_the_same_and_removes_nothing() -> None:
    runs = old_runs(4)
    for run in runs:
        with_belongings(run)
    ErrorGroup.objects.update(note="Known.")
    action(*runs, age=LONG_AGO)
    before = left()
    told = prune(MONTH, dry_run=True)
    assert (left(), AuditEntry.objects.filter(action="run.prune").count()) == (before, 0)
    assert told == prune(MONTH)
    assert (told["runs"], told["bulk_items"], told["events"]) == (3, 4, 3)


def test_more_than_a_batch_and_more_rows_than_a_transaction_removes() -> None:
    runs = old_runs(1201)
    RunEvent.objects.bulk_create(
        RunEvent(run=runs[7], kind=EventKind.CREATED, message=str(number)) for number in range(11_000)
    )
    removed = prune(MONTH)
    assert (removed["runs"], removed["events"], left()) == (1200, 11_000, {runs[-1].id})


def test_after_its_time_it_leaves_the_rest_to_the_next() -> None:
    old_runs(1201)
    assert 0 < prune(MONTH, at_most=timedelta(0))["runs"] < 1200
    prune(MONTH)
    assert len(left()) == 1


def test_two_at_once_remove_each_run_once() -> None:
    runs = old_runs(1501)
    start = threading.Barrier(2)

    def pruned(_: int) -> int:
        start.wait()
        try:
            return prune(MONTH)["runs"]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        removed = list(pool.map(pruned, range(2)))
    assert (sum(removed) + prune(MONTH)["runs"], left()) == (1500, {runs[-1].id})


@pytest.mark.only_on("postgresql")
def test_a_run_that_somebody_holds_is_left_for_the_next_time() -> None:
    old, last = old_runs(2)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        SyncJobRun.objects.select_for_update().get(id=old.id)
        assert pool.submit(in_thread, lambda: prune(MONTH)).result()["runs"] == 0
    assert (prune(MONTH)["runs"], left()) == (1, {last.id})


@pytest.mark.only_on("postgresql")
def test_a_group_that_a_run_counts_in_meanwhile_stays() -> None:
    run = rows.runs(1, start=timezone.now())[0]
    with_belongings(run)
    ErrorSighting.objects.all().delete()
    ErrorGroup.objects.update(id=first_uuid7(timezone.now() - LONG_AGO))
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        count_errors(run, [an_error(run)])
        assert pool.submit(in_thread, lambda: prune(MONTH)).result()["error_groups"] == 0
    assert (prune(MONTH)["error_groups"], ErrorGroup.objects.get().sightings.count()) == (0, 1)


def in_thread(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connection.close()


def test_what_was_removed_stands_in_the_audit_list_once() -> None:
    old_runs(3)
    prune(MONTH)
    prune(MONTH)
    entry = AuditEntry.objects.get(action="run.prune")
    assert (entry.actor, entry.environment_id, entry.details) == ("", None, {"older_than_days": 30, "runs": 2})


def test_daily_only_what_the_setting_says(settings: Any) -> None:
    old_runs(2)
    for days, count in ((0, 2), (200, 2), (30, 1)):
        settings.RUN_DAYS = days
        prune_daily()
        assert len(left()) == count
