"""Runs whose account has OAuth credentials."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from pytest_httpserver import HTTPServer
from werkzeug import Response

from runs.engine.runner import execute_slice
from runs.models import AccountStatus, IntegratedAccount, Record, RecordError, RunEvent, RunStatus, SyncJobRun
from runs.services import save_account
from runs.services.pass_through import Asked, pass_through
from tests import factories
from tests.runs.connectors.token_endpoint import (
    CLIENT_SECRET,
    REFRESH_TOKEN,
    TokenSource,
    context,
    refreshing,
    serving_tokens,
)

pytestmark = pytest.mark.django_db(transaction=True)
THINGS = [{"resource": "things", "method": "list", "persist": True}]
LIMIT = 20.0  # seconds


@pytest.fixture
def source(httpserver: HTTPServer) -> Iterator[TokenSource]:
    with serving_tokens(httpserver) as found:
        yield found


@pytest.fixture
def account(source: TokenSource) -> IntegratedAccount:
    resources = {"things": {"list": {"path": "/things", "response_path": "data"}}}
    config = {"base_url": source.url, "authorization": refreshing(source.url), "resources": resources}
    return factories.account(integration=factories.integration(config=config), context=context())


def a_run(account: IntegratedAccount, **over: Any) -> SyncJobRun:
    job = factories.job(integration=account.integration, resources=THINGS)
    return factories.run(account=account, job=job, **over)


def executed(run: SyncJobRun, daemon: str = "d1") -> SyncJobRun:
    execute_slice(run.id, daemon)
    run.refresh_from_db()
    return run


def test_the_token_of_one_run_serves_the_next(source: TokenSource, account: IntegratedAccount) -> None:
    assert [executed(a_run(account)).status for _ in range(2)] == [RunStatus.COMPLETED] * 2
    assert (source.given, source.shown, Record.objects.count()) == (1, ["access-1", "access-1"], 1)


def test_runs_that_need_a_token_at_once_ask_for_one(source: TokenSource, account: IntegratedAccount) -> None:
    runs = [a_run(account) for _ in range(4)]
    together = threading.Barrier(4, timeout=LIMIT)
    source.rotates = True

    def execute(run: SyncJobRun) -> str:
        try:
            together.wait()
            return executed(run, str(run.id)).status
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(execute, runs)) == [RunStatus.COMPLETED] * 4
    assert [form["refresh_token"] for form in source.asked] == [REFRESH_TOKEN]


def test_a_token_that_was_revoked_is_renewed_without_an_error(source: TokenSource, account: IntegratedAccount) -> None:
    executed(a_run(account))
    source.revoke()
    run = executed(a_run(account))

    assert (run.status, run.error_count, source.given) == (RunStatus.COMPLETED, 0, 2)


def test_a_401_after_a_token_refresh_fails_the_run_and_marks_the_account(
    source: TokenSource, account: IntegratedAccount, httpserver: HTTPServer
) -> None:
    executed(a_run(account))
    httpserver.clear()
    httpserver.expect_request("/token").respond_with_handler(source.answer)
    httpserver.expect_request("/things").respond_with_data("no", status=401)
    run = executed(a_run(account))

    account.refresh_from_db()
    assert run.error is not None
    assert (run.status, run.error["code"], run.error["status_code"]) == (RunStatus.FAILED, "http_401", 401)
    assert (account.status, source.given) == (AccountStatus.NEEDS_REAUTH, 2)


def test_a_refresh_token_that_is_gone_fails_the_run_by_name_and_marks_the_account(
    source: TokenSource, account: IntegratedAccount
) -> None:
    source.refresh_tokens = set()
    run = executed(a_run(account))

    account.refresh_from_db()
    assert run.error is not None
    assert (run.status, run.error["code"]) == (RunStatus.FAILED, "invalid_grant")
    assert (account.status, source.shown) == (AccountStatus.NEEDS_REAUTH, [])


def test_new_credentials_bring_the_account_back(source: TokenSource, account: IntegratedAccount) -> None:
    source.refresh_tokens = {"given anew"}
    executed(a_run(account))
    save_account(account.environment, {"context": {"refresh_token": "given anew"}}, account)
    run = executed(a_run(account))

    account.refresh_from_db()
    assert (run.status, account.status) == (RunStatus.COMPLETED, AccountStatus.ACTIVE)


def test_credentials_that_came_while_the_old_ones_failed_are_not_blamed(
    source: TokenSource, account: IntegratedAccount
) -> None:
    def replace_meanwhile(request: Any) -> Response:
        save_account(account.environment, {"context": {"refresh_token": "given anew"}}, account)
        connection.close()
        return Response('{"error": "invalid_grant"}', 400, content_type="application/json")

    source.before = replace_meanwhile
    run = executed(a_run(account))

    account.refresh_from_db()
    assert (run.status, account.status) == (RunStatus.FAILED, AccountStatus.ACTIVE)


def test_what_people_read_tells_no_secret(source: TokenSource, account: IntegratedAccount) -> None:
    executed(a_run(account))
    source.revoke()
    source.refresh_tokens = set()
    executed(a_run(account))

    rows = [*SyncJobRun.objects.values(), *RunEvent.objects.values(), *RecordError.objects.values()]
    for secret in (REFRESH_TOKEN, CLIENT_SECRET, "access-1"):
        assert secret not in str(rows)


def test_a_page_that_is_passed_through_is_asked_for_with_the_same_token(
    source: TokenSource, account: IntegratedAccount
) -> None:
    executed(a_run(account))
    passed = pass_through(Asked(account, "things", "list", {}))

    assert passed.page.records == [{"id": 1}]
    assert (source.given, source.shown) == (1, ["access-1", "access-1"])
