"""The list of the records that were kept aside: its filters, its pages, and whom it shows what."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.http import QueryDict

from runs.models import Environment, RecordError, SyncJobRun
from runs.quarantine import LIMIT, QuarantineFilter, has_kept_aside
from tests import factories

pytestmark = pytest.mark.django_db


def kept(run: SyncJobRun, record_id: str, **over: Any) -> RecordError:
    """A record of the run that was kept aside."""
    values = {"resource": "cities", "method": "list", "code": "no_id", "message": "A record has no usable id at id."}
    step = run.steps.first()
    return RecordError.objects.create(
        **{"run": run, "step": step, "record_id": record_id, "is_quarantine": True, **values, **over}
    )


def filtered(query: str = "") -> QuarantineFilter:
    return QuarantineFilter.from_params(QueryDict(query), Environment.objects.all())


def ids(query: str = "") -> list[str]:
    return [row.record_id for row in filtered(query).page(None).rows]


def test_the_newest_stand_first_and_other_errors_are_left_out(run: SyncJobRun) -> None:
    for number in range(3):
        kept(run, str(number))
    kept(run, "a request", is_quarantine=False)
    assert ids() == ["2", "1", "0"]


def test_each_filter_narrows(run: SyncJobRun) -> None:
    other = factories.run(account=factories.account(tenant_id="other", integration=run.sync_job.integration))
    kept(run, "a", code="too_deep")
    kept(run, "b", resource="countries")
    kept(other, "c")
    assert ids(f"run={run.pk}") == ["b", "a"]
    assert ids(f"account={other.integrated_account_id}") == ["c"]
    assert ids(f"job={run.sync_job_id}&code=too_deep") == ["a"]
    assert (ids("resource=countries"), ids("record_id=c"), ids("record_id=nobody")) == (["b"], ["c"], [])


def test_what_can_not_be_read_is_told_and_filters_nothing(run: SyncJobRun) -> None:
    kept(run, "a")
    filters = filtered("run=nonsense&code=%00")
    assert [row.record_id for row in filters.page("nonsense").rows] == ["a"]
    assert filters.errors.keys() == {"run", "code", "cursor"}


def test_pages_lead_both_ways(run: SyncJobRun) -> None:
    for number in range(LIMIT + 1):
        kept(run, str(number))
    first = filtered().page(None)
    second = filtered().page(first.next_cursor)
    assert ([row.record_id for row in second.rows], second.next_cursor) == (["0"], None)
    assert filtered().page(second.previous_cursor).rows == first.rows


def test_those_of_other_environments_are_nobodys_business(run: SyncJobRun) -> None:
    kept(run, "a")
    others = Environment.objects.exclude(pk=run.environment_id)
    assert QuarantineFilter.from_params(QueryDict(f"run={run.pk}"), others).page(None).rows == []


def test_whether_a_run_has_any_is_known_without_counting(run: SyncJobRun) -> None:
    kept(run, "a request", is_quarantine=False)
    assert (has_kept_aside(run.pk), has_kept_aside(uuid4())) == (False, False)
    kept(run, "a record")
    assert has_kept_aside(run.pk)
