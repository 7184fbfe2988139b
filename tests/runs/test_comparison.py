"""Two runs beside each other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from runs.comparison import Change, Comparison, last_good_run
from runs.models import RecordError, RunStatus, SyncJobRun, WarningCode
from tests import factories


def completed(run: SyncJobRun, **over: Any) -> SyncJobRun:
    now = timezone.now()
    values = {"status": RunStatus.COMPLETED, "started_at": now - timedelta(seconds=60), "finished_at": now, **over}
    SyncJobRun.objects.filter(pk=run.pk).update(**values)
    run.refresh_from_db()
    return run


def again(run: SyncJobRun, **over: Any) -> SyncJobRun:
    return factories.run(job=run.sync_job, account=run.integrated_account, **over)


def fetch(run: SyncJobRun, index: int, fetched: int, seconds: int = 10, **over: Any) -> None:
    start = run.started_at
    values = {"fetched": fetched, "persisted": fetched, "started_at": start, "status": "completed", **over}
    run.steps.filter(index=index).update(**values, finished_at=start + timedelta(seconds=seconds))


def errors(run: SyncJobRun, count: int, fingerprint: str, message: str = "It broke.") -> None:
    common = {"run": run, "step": run.steps.first(), "resource": "cities", "method": "list", "code": "http_error"}
    RecordError.objects.bulk_create(
        RecordError(**common, fingerprint=fingerprint, message=message) for _ in range(count)
    )
    SyncJobRun.objects.filter(pk=run.pk).update(error_count=run.record_errors.count())
    run.refresh_from_db()


@pytest.fixture
def base(run: SyncJobRun) -> SyncJobRun:
    return completed(run)


@pytest.fixture
def other(base: SyncJobRun) -> SyncJobRun:
    return completed(again(base))


class TestLastGoodRun:
    def test_is_the_last_completed_one_before(self, base: SyncJobRun, other: SyncJobRun) -> None:
        third = again(base)
        assert last_good_run(third) == other
        assert last_good_run(other) == base
        assert last_good_run(base) is None

    def test_is_no_failed_one(self, base: SyncJobRun, other: SyncJobRun) -> None:
        completed(other, status=RunStatus.FAILED)
        assert last_good_run(again(base)) == base

    def test_is_none_whose_entries_failed(self, base: SyncJobRun, other: SyncJobRun) -> None:
        completed(other, warning=WarningCode.FAILED)
        assert last_good_run(again(base)) == base

    def test_is_of_the_same_account_and_job(self, base: SyncJobRun) -> None:
        elsewhere = factories.account(integration=base.integrated_account.integration, tenant_id="other")
        assert last_good_run(factories.run(job=base.sync_job, account=elsewhere)) is None


class TestChange:
    @pytest.mark.parametrize(
        ("now", "was", "by", "percent"),
        [(112, 100, 12, 12), (0, 100, -100, -100), (5, 0, 5, None), (None, 5, None, None), (5, None, None, None)],
    )
    def test_has_a_size_and_a_share(
        self, now: int | None, was: int | None, by: int | None, percent: int | None
    ) -> None:
        change = Change(now, was)
        assert (change.by, change.percent) == (by, percent)

    def test_of_durations_is_one(self) -> None:
        change = Change(timedelta(seconds=90), timedelta(seconds=60))
        assert (change.by, change.percent) == (timedelta(seconds=30), 50)


class TestEntries:
    def test_are_matched_by_name(self, base: SyncJobRun, other: SyncJobRun) -> None:
        fetch(base, 0, 200, seconds=10)
        fetch(other, 0, 250, seconds=15)
        countries = Comparison(other, base).entries[0]
        assert (countries.name, countries.fetched.by, countries.fetched.percent) == ("countries", 50, 25)
        assert countries.took.by == timedelta(seconds=5)

    def test_that_never_started_have_no_figures(self, base: SyncJobRun, other: SyncJobRun) -> None:
        fetch(base, 1, 200)
        cities = Comparison(other, base).entries[1]
        assert (cities.fetched.now, cities.fetched.was, cities.fetched.by) == (None, 200, None)

    def test_of_one_run_alone_are_told_too(self, base: SyncJobRun) -> None:
        smaller = completed(again(base, resources=[{"resource": "countries", "method": "list", "persist": True}]))
        entries = Comparison(smaller, base).entries
        assert [(entry.name, entry.now is None) for entry in entries] == [("countries", False), ("cities", True)]


class TestErrorKinds:
    def test_are_new_common_or_gone(self, base: SyncJobRun, other: SyncJobRun) -> None:
        errors(base, 3, "gone")
        errors(base, 1, "both")
        errors(other, 2, "both")
        errors(other, 5, "new")
        kinds = Comparison(other, base).error_kinds
        assert [(kind.now, kind.was, kind.is_new, kind.is_gone) for kind in kinds] == [
            (5, 0, True, False), (2, 1, False, False), (0, 3, False, True),
        ]  # fmt: skip

    def test_include_the_failure_that_no_record_error_tells(self, base: SyncJobRun, other: SyncJobRun) -> None:
        completed(other, status=RunStatus.FAILED, error={"code": "timeout", "message": "It took too long."})
        (kind,) = Comparison(other, base).error_kinds
        assert (kind.code, kind.message, kind.is_new) == ("timeout", "It took too long.", True)

    def test_do_not_tell_a_failure_twice(self, base: SyncJobRun, other: SyncJobRun) -> None:
        errors(other, 1, "f")
        completed(other, status=RunStatus.FAILED, error={"code": "http_error", "message": "It broke."})
        assert len(Comparison(other, base).error_kinds) == 1


class TestSettings:
    def told(self, run: SyncJobRun, base: SyncJobRun) -> dict[str, tuple[Any, Any]]:
        return {found.path: (found.before, found.after) for found in Comparison(run, base).settings}

    def test_that_are_the_same_are_not_told(self, base: SyncJobRun, other: SyncJobRun) -> None:
        assert self.told(other, base) == {}

    def test_tell_arguments_modes_and_definitions(self, base: SyncJobRun) -> None:
        resources = [{**base.resources[0], "query": {"region": "eu"}}, base.resources[1]]
        run = completed(again(base, args={"since": 7}, resources=resources, ignore_previous_run=True))
        told = self.told(run, base)
        assert told["ignore previous run"] == (False, True)
        assert told["arguments.since"][1] == 7
        assert told["resources.countries.query"][1] == {"region": "eu"}

    def test_mask_what_is_named_like_a_secret(self, base: SyncJobRun) -> None:
        run = completed(again(base, args={"api_key": "hunter2hunter2", "nested": {"password": "hunter2hunter2"}}))
        assert "hunter2" not in str(self.told(run, base))
        assert "arguments.api_key" in self.told(run, base)

    def test_tell_of_a_mapping_that_has_changed(self, base: SyncJobRun, other: SyncJobRun) -> None:
        assert Comparison(other, base).changed_mappings == []
        other.steps.filter(index=1).update(incremental_key="of another mapping")
        assert Comparison(other, base).changed_mappings == ["cities"]

    def test_of_other_arguments_say_nothing_about_mappings(self, base: SyncJobRun) -> None:
        assert Comparison(completed(again(base, args={"a": 1})), base).changed_mappings == []
