"""Which ids stand in every log line: those of the run, of the request or of the message that is being worked on.

They are kept by thread and context, so that runs side by side don't mix, and a thread that is given a copy of the
context tells the same ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

_OF_RUN = {
    "run_id": "id",
    "job_id": "sync_job_id",
    "account_id": "integrated_account_id",
    "environment_id": "environment_id",
}
RUN_COLUMNS = tuple(_OF_RUN.values())


@contextmanager
def log_ids(**ids: object) -> Iterator[None]:
    """Lines within carry these ids, and what `tell_run` and `tell_ids` add; afterwards those of before."""
    before = get_contextvars()
    tell_ids(**ids)
    try:
        yield
    finally:
        clear_contextvars()
        bind_contextvars(**before)


def tell_ids(**ids: object) -> None:
    """Lines carry these from now on, until the end of the `log_ids` around; None is no id."""
    bind_contextvars(**{name: str(id) for name, id in ids.items() if id is not None})


def tell_run(run: Any) -> None:
    """The same, for a row of a run with its RUN_COLUMNS."""
    tell_ids(**{name: getattr(run, column) for name, column in _OF_RUN.items()})
