"""Errors are counted in groups: exactly, together with what they are, and whoever else meets them at the moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from werkzeug import Request, Response

from runs.engine import error_groups
from runs.engine.claim import claim
from runs.engine.ending import end_run
from runs.engine.error_groups import MOST_KINDS, count_errors
from runs.engine.outbox import note_errors
from runs.engine.recovery import settle_stop
from runs.errors import ErrorInfo
from runs.models import (
    ErrorGroup,
    ErrorHandling,
    ErrorSighting,
    RecordError,
    RunStatus,
    SyncJobRun,
)
from runs.services import request_stop
from tests import factories
from tests.runs import rows
from tests.runs.engine.driving import a_run, again, executed, losing_daemons
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source() -> Iterator[Source]:
    with serving(countries_and_cities(3, 2)) as found:
        yield found


def refusing(path: str, status: int = 404) -> object:
    def reply(request: Request) -> Response | None:
        return Response("no", status) if request.path == path else None

    return reply


def an_error(run: SyncJobRun, message: str, code: str = "http_404") -> RecordError:
    step = run.steps.first()
    return RecordError(run=run, step=step, resource="countries", method="list", code=code, message=message)


def counts() -> dict[str, int]:
    return {sighting.group.title: sighting.count for sighting in ErrorSighting.objects.select_related("group")}


class TestARun:
    def test_counts_its_errors_of_one_kind_together(self, source: Source) -> None:
        source.before = refusing("/cities")  # asked once for each of the three countries
        run = executed(a_run(source, factories.COUNTRIES_AND_CITIES))
        group = ErrorGroup.objects.get()
        assert (group.code, group.status_code, group.resource, group.method) == ("http_404", 404, "cities", "list")
        assert group.environment == run.environment
        assert group.title == "The source answered 404 NOT FOUND."
        sighting = group.sightings.get()
        assert (sighting.run, sighting.count) == (run, 3)
        assert (sighting.integrated_account, sighting.sync_job) == (run.integrated_account, run.sync_job)
        assert {error.fingerprint for error in run.record_errors.all()} == {group.fingerprint}

    def test_that_meets_a_known_kind_adds_a_sighting(self, source: Source) -> None:
        source.before = refusing("/cities")
        run = executed(a_run(source, factories.COUNTRIES_AND_CITIES))
        second = again(run)
        assert list(ErrorGroup.objects.get().sightings.values_list("run", "count")) == [(second.pk, 3), (run.pk, 3)]

    def test_that_ends_by_an_error_counts_it_once(self, source: Source) -> None:
        source.before = refusing("/countries")
        run = executed(a_run(source, factories.COUNTRIES_AND_CITIES[:1], error_handling=ErrorHandling.FAIL_FAST))
        assert run.status == RunStatus.FAILED
        assert list(counts().values()) == [1]
        assert run.error["fingerprint"] == ErrorGroup.objects.get().fingerprint

    def test_that_ends_by_a_refused_record_counts_it_once(self, source: Source) -> None:
        source.tables["countries"][1]["iso"] = None
        run = executed(a_run(source, factories.COUNTRIES_AND_CITIES[:1], error_handling=ErrorHandling.FAIL_FAST))
        assert run.status == RunStatus.FAILED
        assert counts() == {"A record has no usable id at iso.": 1}

    def test_that_fails_without_a_record_error_is_counted_by_its_failure(self) -> None:
        run = factories.run()
        SyncJobRun.objects.filter(id=run.id).update(crashes=3)
        run = executed(run)
        assert counts() == {"… daemons were lost without a page of progress.": 1}
        assert ErrorGroup.objects.get().code == run.error["code"] == "worker_lost"

    def test_that_is_stopped_has_not_failed(self) -> None:
        run = factories.run()
        request_stop(run)
        settle_stop(run.id)
        assert not ErrorGroup.objects.exists()

    def test_whose_daemons_are_lost_counts_no_error_twice(self, source: Source, settings: Any) -> None:
        settings.LINGER_SECONDS = 0
        source.tables["cities"] = []
        run = a_run(source, factories.COUNTRIES_AND_CITIES)
        lose, refuse = losing_daemons(run, every=3), refusing("/cities")

        def reply(request: Request) -> Response | None:
            return lose(request) or refuse(request)  # type: ignore[operator]

        source.before = reply
        run = executed(run)
        assert run.error_count == run.record_errors.count() == 3
        assert sum(counts().values()) == 3


def test_refused_records_are_one_kind_whatever_their_ids_are() -> None:
    run = factories.run()
    errors = [an_error(run, f"{name} is 2000000 bytes long.", "too_large") for name in ("Paris", "Rome")]
    for error, name in zip(errors, ("Paris", "Rome"), strict=True):
        error.record_id = name
    note_errors(run, errors)
    assert counts() == {"A record is … bytes long.": 2}


@pytest.mark.parametrize("other", [{"status_code": 410}, {"code": "gone"}, {"resource": "x"}, {"method": "get"}])
def test_other_statuses_codes_resources_and_methods_are_other_kinds(other: dict[str, object]) -> None:
    run = factories.run()
    errors = [an_error(run, "Gone."), an_error(run, "Gone.")]
    for name, value in other.items():
        setattr(errors[1], name, value)
    note_errors(run, errors)
    assert ErrorGroup.objects.count() == 2


def test_environments_share_no_group() -> None:
    here = factories.run()
    elsewhere = factories.integration(environment=factories.environment("Elsewhere"))
    there = factories.run(account=factories.account(integration=elsewhere))
    for run in (here, there):
        note_errors(run, [an_error(run, "Gone.")])
    found = ErrorGroup.objects.order_by("environment__name")
    assert [group.environment for group in found] == [there.environment, here.environment]
    assert len({group.fingerprint for group in found}) == 1


def test_known_kinds_cost_one_statement() -> None:
    run = factories.run()
    note_errors(run, [an_error(run, "Gone."), an_error(run, "Away.")])
    errors = [an_error(run, message) for message in ("Gone.", "Away.", "Gone.")]
    with CaptureQueriesContext(connection) as queries:
        count_errors(run, errors)
    assert len(queries) == 1, queries.captured_queries
    assert counts() == {"Gone.": 3, "Away.": 2}


class TestARunWithEndlessKinds:
    """A hostile source has a new message for each request."""

    def test_founds_a_bounded_number_of_groups(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(error_groups, "MOST_KINDS", 5)
        run = factories.run()
        words = [f"odd{letter}{other}" for letter in "abcdefgh" for other in "abcdefgh"]
        for start in range(0, 64, 16):
            note_errors(run, [an_error(run, word, "hostile") for word in words[start : start + 16]])
        assert ErrorGroup.objects.count() == 6
        others = ErrorGroup.objects.get(title__startswith="Other errors")
        assert (others.code, others.sightings.get().count) == ("hostile", 59)
        assert sum(counts().values()) == 64
        assert run.record_errors.filter(fingerprint=others.fingerprint).count() == 59

    def test_still_counts_a_failure_of_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(error_groups, "MOST_KINDS", 0)
        run = factories.run()
        end_run(
            SyncJobRun.objects.filter(id=run.id), run.id, RunStatus.FAILED, "x", error=ErrorInfo("timeout", "Too long.")
        )
        assert counts() == {"Too long.": 1}

    def test_may_have_many(self) -> None:
        assert MOST_KINDS == 200


def test_what_is_rolled_back_is_not_counted() -> None:
    run = factories.run()
    note_errors(run, [an_error(run, "Gone.")])
    with pytest.raises(RuntimeError), transaction.atomic():
        note_errors(run, [an_error(run, "Gone."), an_error(run, "New.")])
        raise RuntimeError("the daemon dies before the page is committed")
    assert counts() == {"Gone.": 1}
    assert RecordError.objects.count() == 1


@pytest.mark.only_on("postgresql")
def test_a_group_that_another_run_founds_meanwhile_is_counted_in() -> None:
    """After this run has counted in the groups that there were, and before it has looked which are missing."""
    first, second = rows.runs(2, status=RunStatus.RUNNING)
    for run in (first, second):
        run.steps.create(index=0, name="a", resource="countries", method="list", incremental_key="0" * 64)

    def other_founds_it() -> None:
        with transaction.atomic():
            note_errors(second, [an_error(second, "Gone.")])
        connections.close_all()

    others = [threading.Thread(target=other_founds_it)]

    def meanwhile(execute: Any, sql: str, *given: Any) -> Any:
        found = execute(sql, *given)
        if "INTO runs_errorsighting" in sql and others:
            other = others.pop()
            other.start()
            other.join(20)
        return found

    with transaction.atomic(), connection.execute_wrapper(meanwhile):
        note_errors(first, [an_error(first, "Gone.")])
    assert not others
    assert sorted(ErrorSighting.objects.values_list("run", "count")) == sorted([(first.pk, 1), (second.pk, 1)])


def test_runs_that_fail_at_once_share_a_new_group_and_count_exactly() -> None:
    """Each in its own thread, in as many transactions, with the kinds in its own order."""
    runs = rows.runs(4, status=RunStatus.RUNNING)
    for run in runs:
        run.steps.create(index=0, name="a", resource="countries", method="list", incremental_key="0" * 64)
    kinds = ["Gone.", "Away.", "Lost.", "Odd.", "Late."]
    ready, faults = threading.Barrier(len(runs)), []

    def fail(run: SyncJobRun, turn: int) -> None:
        try:
            ready.wait(20)
            for page in range(10):
                ordered = kinds[(turn + page) % 5 :] + kinds[: (turn + page) % 5]
                with transaction.atomic():
                    SyncJobRun.objects.filter(id=run.id).update(error_count=page)
                    note_errors(run, [an_error(run, message) for message in ordered])
            end_run(
                SyncJobRun.objects.filter(id=run.id),
                run.id,
                RunStatus.FAILED,
                "x",
                error=ErrorInfo("timeout", "Too long."),
            )
        except BaseException as fault:  # noqa: BLE001 - told by the test
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=fail, args=[run, turn]) for turn, run in enumerate(runs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert faults == []
    assert ErrorGroup.objects.count() == len(kinds) + 1
    found = ErrorSighting.objects.values_list("group__title", "count")
    assert sorted(found) == sorted([(kind, 10) for kind in kinds for _ in runs] + [("Too long.", 1)] * len(runs))


def test_a_second_worker_waits_for_the_first_to_found_the_group(source: Source) -> None:
    """Two daemons meet one new trouble; the later one finds the group of the first, and both are counted."""
    source.before = refusing("/cities")
    first = a_run(source, factories.COUNTRIES_AND_CITIES)
    account = factories.account(integration=first.integrated_account.integration, tenant_id="globex")
    second = factories.run(account=account, job=first.sync_job)
    threads = [threading.Thread(target=_executed, args=[run]) for run in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert list(ErrorGroup.objects.get().sightings.values_list("count", flat=True)) == [3, 3]


def _executed(run: SyncJobRun) -> None:
    try:
        executed(run)
    finally:
        connections.close_all()


def test_a_late_worker_counts_nothing(source: Source) -> None:
    run = a_run(source, factories.COUNTRIES_AND_CITIES)
    taken = claim(run.id, "d1")
    assert taken is not None
    end_run(SyncJobRun.objects.filter(id=run.id), run.id, RunStatus.STOPPED, "Stopped.")
    info = ErrorInfo("internal_error", "Late.")
    assert not taken.finish(RunStatus.FAILED, "Late.", info)
    assert not ErrorGroup.objects.exists()


def test_a_page_without_errors_counts_nothing(source: Source) -> None:
    with CaptureQueriesContext(connection) as queries:
        executed(a_run(source, factories.COUNTRIES_AND_CITIES))
    assert [query["sql"] for query in queries if "runs_errorsighting" in query["sql"]] == []
