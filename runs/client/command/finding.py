"""What a person names on the command line: by id, by the beginning of one, or by the name that it goes under."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any
from uuid import UUID

from runs.client import nouns
from runs.client.deck import Syncdeck
from runs.client.errors import BadRequest
from runs.client.objects import Account, Job, Run
from runs.words import harmless

SHORTEST = 6  # characters of an id
HEX = frozenset("0123456789abcdef")
NAMED_AT_MOST = 10


def run_named(deck: Syncdeck, text: str) -> Run:
    """The run whose id is, or begins with, the text. Raises BadRequest when there is not exactly one."""
    digits = text.lower().replace("-", "")
    if not SHORTEST <= len(digits) <= 32 or set(digits) - HEX:
        raise BadRequest(f"{text} is no id of a run, nor the beginning of one ({SHORTEST} characters at least).")
    between: dict[str, Any] = {"id__gte": UUID(digits.ljust(32, "0")), "id__lte": UUID(digits.ljust(32, "f"))}
    found = list(islice(deck.runs.list(page_size=2, **between), 2))
    if not found:
        raise BadRequest(f"There is no run {text}.")
    if len(found) > 1:
        raise BadRequest(f"More than one run has an id that begins with {text}: write more of it.")
    return found[0]


def job_named(deck: Syncdeck, text: str) -> Job:
    """The job with this id or label. Raises BadRequest likewise, and names the candidates."""
    found = _by_id_or(deck.jobs, text, label=text)
    return _only(found, text, "job", deck.jobs.list(page_size=NAMED_AT_MOST), "label")


def account_named(deck: Syncdeck, text: str, job: Job) -> Account:
    """The account with this id, or of this tenant and of the job's integration. Raises BadRequest likewise."""
    of_job = {"integration_name": job.integration_name}
    found = _by_id_or(deck.accounts, text, tenant_id=text, **of_job)
    return _only(found, text, "account", deck.accounts.list(page_size=NAMED_AT_MOST, **of_job), "tenant_id")


def _by_id_or(noun: nouns.Listed[Any], text: str, **name: str) -> list[Any]:
    wanted = _as_id(text)
    filters: dict[str, Any] = {"id": wanted} if wanted else name
    return list(islice(noun.list(page_size=NAMED_AT_MOST, **filters), NAMED_AT_MOST))


def _only(found: list[Any], text: str, noun: str, others: Iterable[Any], name: str) -> Any:
    if len(found) == 1:
        return found[0]
    if found:
        raise BadRequest(f"Several {noun}s are called {text}; name one by its id:\n{_listed(found, name)}")
    there_are = _listed(islice(others, NAMED_AT_MOST), name)
    hint = f"There are:\n{there_are}" if there_are else "There is none yet."
    raise BadRequest(f"There is no {noun} {text}. {hint}")


def _listed(rows: Iterable[Any], name: str) -> str:
    return "\n".join(f"  {row.id}  {harmless(getattr(row, name))}  ({row.integration_name})" for row in rows)


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
