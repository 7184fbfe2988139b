"""Ids in the lines of the log: for as long as the work lasts, and in its threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from structlog.contextvars import get_contextvars

from runs.log_ids import log_ids, tell_ids


def test_they_hold_within_and_what_was_before_is_back_afterwards() -> None:
    with log_ids(run_id=1, webhook_id=None):
        with log_ids(job_id=2):
            tell_ids(account_id=3)
            assert get_contextvars() == {"run_id": "1", "job_id": "2", "account_id": "3"}
        assert get_contextvars() == {"run_id": "1"}
    assert get_contextvars() == {}


def test_they_are_gone_after_an_error_too() -> None:
    try:
        with log_ids(run_id=1):
            raise ValueError
    except ValueError:
        assert get_contextvars() == {}


def test_a_thread_has_those_of_its_context_and_the_next_task_in_it_none() -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        with log_ids(run_id=1):
            assert pool.submit(copy_context().run, get_contextvars).result() == {"run_id": "1"}
        assert pool.submit(get_contextvars).result() == {}
