"""What a source's ways of paging, limiting and failing do to a run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from werkzeug import Request, Response

from runs.engine.runner import execute_slice
from runs.models import EventKind, Record, RunStatus, SyncJobRun
from tests import factories
from tests.sources import Source, json_response, serving

pytestmark = pytest.mark.django_db(transaction=True)

STRIPE = {
    "format": "cursor",
    "config": {
        "cursor_key": "starting_after",
        "cursor_path": "id",
        "cursor_from": "last_record",
        "has_next_path": "has_more",
        "limit_key": "limit",
        "limit": 2,
    },
}


@pytest.fixture
def source() -> Iterator[Source]:
    with serving({}) as found:
        yield found


def run_against(source: Source, answer: Any, **config: Any) -> SyncJobRun:
    """A run of one list, which the source answers by the function of its request; executed for one slice."""
    source.before = answer
    methods = {"list": {"path": "/charges", "response_path": "data"}}
    values = factories.integration_config(source.url, **{"resources": {"charges": methods}, **config})
    integration = factories.integration(config=values)
    entries = [{"resource": "charges", "method": "list", "persist": True}]
    job = factories.job(integration=integration, resources=entries)
    return executed(factories.run(account=factories.account(integration=integration), job=job))


def executed(run: SyncJobRun) -> SyncJobRun:
    execute_slice(run.id, "test-daemon")
    run.refresh_from_db()
    return run


def charges(request: Request, ids: list[str]) -> Response:
    """Pages as Stripe has them."""
    after, limit = request.args.get("starting_after"), int(request.args["limit"])
    start = ids.index(after) + 1 if after else 0
    page = [{"id": name} for name in ids[start : start + limit]]
    return json_response({"object": "list", "data": page, "has_more": start + limit < len(ids)})


def test_a_list_that_goes_on_after_its_last_record_comes_whole(source: Source) -> None:
    ids = [f"ch_{number}" for number in range(5)]
    run = run_against(source, lambda request: charges(request, ids), pagination=STRIPE)

    assert (run.status, run.fetched, run.persisted, run.error_count) == (RunStatus.COMPLETED, 5, 5, 0)
    assert [request.query.get("starting_after") for request in source.served] == [None, "ch_1", "ch_3"]


def test_the_page_before_a_cursor_that_can_not_be_used_is_stored(source: Source) -> None:
    cursors = {"format": "cursor", "config": {"cursor_key": "after", "cursor_path": "next"}}
    body = {"data": [{"id": "a"}], "next": "x\0y"}
    run = run_against(source, lambda request: json_response(body), pagination=cursors)

    assert (run.status, run.fetched, run.persisted, run.error_count) == (RunStatus.COMPLETED, 1, 1, 1)
    assert run.record_errors.get().code == "bad_cursor"
    assert run.steps.get().watermark is None
    assert Record.objects.get().record_id == "a"


def test_a_403_that_the_integration_knows_as_a_limit_parks_the_run(source: Source) -> None:
    reset = str(int(time.time()) + 900)
    rule = {
        "is_rate_limited": "status = 403 and headers.`x-ratelimit-remaining` = '0'",
        "rate_limit_header_expression": "headers.`x-ratelimit-reset`",
    }
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    run = run_against(source, lambda request: Response("", 403, headers), rate_limit=rule)

    assert (run.status, run.error_count) == (RunStatus.RUNNING, 0)
    assert run.resume_at is not None
    assert timedelta(seconds=890) < run.resume_at - timezone.now() < timedelta(seconds=910)
    assert run.events.filter(kind=EventKind.RATE_LIMITED).exists()


def test_a_limit_that_outlasts_the_run_ends_it_by_name(source: Source, settings: Any) -> None:
    run = run_against(source, lambda request: Response("", 429, {"Retry-After": "3600"}))
    parked = SyncJobRun.objects.filter(id=run.id)
    parked.update(
        resume_at=timezone.now() - timedelta(seconds=1),
        started_at=timezone.now() - timedelta(seconds=settings.RUN_TIMEOUT + 1),
    )
    run = executed(run)

    assert run.error is not None
    assert (run.status, run.error["code"]) == (RunStatus.FAILED, "timeout")
    assert len(source.served) == 1


def test_a_run_is_not_parked_beyond_its_time(source: Source, settings: Any) -> None:
    settings.RUN_TIMEOUT = 600
    run = run_against(source, lambda request: Response("", 429, {"Retry-After": "3000"}))
    assert run.started_at is not None
    assert run.resume_at is not None
    assert run.rate_limited_until is not None
    assert run.resume_at - run.started_at == timedelta(seconds=600)
    assert run.rate_limited_until - run.started_at > timedelta(seconds=2990)


def test_an_error_in_a_good_answer_is_an_error_and_never_no_records(source: Source) -> None:
    body = {"ok": False, "error": "missing_scope", "data": []}
    run = run_against(
        source, lambda request: json_response(body), error_expression="response.ok = false ? response.error"
    )

    assert (run.status, run.fetched, run.error_count) == (RunStatus.COMPLETED, 0, 1)
    error = run.record_errors.get()
    assert (error.code, error.message) == ("source_error", "The source answered 200 OK: missing_scope")
    assert run.steps.get().watermark is None
