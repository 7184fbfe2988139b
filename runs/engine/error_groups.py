"""Counting a run's errors in their groups.

Guarantee: counts are exact. They are written in the transaction that writes the errors themselves, under the lock of
the run's row, so what is rolled back is not counted, and no two workers count for one run. Runs share nothing but the
rows of their groups, which are only ever inserted, sorted, so that no two runs wait for each other crosswise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone
from uuid_utils.compat import uuid7

from runs.engine.fingerprint import fingerprint, title
from runs.errors import ErrorInfo
from runs.models import ErrorGroup, ErrorSighting, RecordError, SyncJobRun

MOST_KINDS = 200  # groups that one run may found; a hostile source has a new message for each request

# One statement for all groups that are there; it returns which these are.
COUNT = """
    INSERT INTO runs_errorsighting
      (id, group_id, run_id, environment_id, integrated_account_id, sync_job_id, count, created_at, last_at)
    WITH seen(id, fingerprint, count) AS (VALUES {rows})
    SELECT seen.id, known.id, %s, known.environment_id, %s, %s, seen.count, %s, %s
    FROM seen JOIN runs_errorgroup known ON known.fingerprint = seen.fingerprint AND known.environment_id = %s
    WHERE true
    ON CONFLICT (group_id, run_id) DO UPDATE
      SET count = runs_errorsighting.count + excluded.count, last_at = excluded.last_at
    RETURNING group_id"""


@dataclass(frozen=True)
class Kind:
    """What errors of one group have in common. The message is masked already."""

    code: str
    message: str
    resource: str = ""
    method: str = ""
    status_code: int | None = None

    @classmethod
    def of(cls, error: RecordError) -> Kind:
        """Without the record's id, which begins the message of a refused record."""
        own_id = error.record_id
        about_it = bool(own_id) and error.message.startswith(f"{own_id} ")
        message = f"A record{error.message[len(own_id) :]}" if about_it else error.message
        return cls(error.code, message, error.resource, error.method, error.status_code)

    @classmethod
    def of_failure(cls, info: ErrorInfo) -> Kind:
        return cls(info.code, info.message, info.resource or "", info.method or "", info.status_code)

    @classmethod
    def other(cls, code: str) -> Kind:
        """Errors of a code that have found no group of their own."""
        return cls(code, "Other errors, each with a message of its own")

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.resource, self.method, self.code, self.message, self.status_code)


def count_errors(run: SyncJobRun, errors: Sequence[RecordError]) -> None:
    """Give each error the fingerprint of its group, and count it there.

    Once the run has `MOST_KINDS` groups, errors of unknown kinds go into one of their code.
    """
    kinds = {}
    for error in errors:
        kind = Kind.of(error)
        error.fingerprint = kind.fingerprint
        kinds[error.fingerprint] = kind
    missing = _count(run, Counter(error.fingerprint for error in errors))
    if not missing:
        return
    room = max(0, MOST_KINDS - run.sightings.count())
    own = {found: kinds[found] for found in sorted(missing)[:room]}
    _found(run, own.values())
    ungrouped = [error for error in errors if error.fingerprint in missing]
    _send_to_others(run, [error for error in ungrouped if error.fingerprint not in own])
    _count(run, Counter(error.fingerprint for error in ungrouped))


def count_failure(run: SyncJobRun, info: ErrorInfo) -> str:
    """Count what ended the run, unless it has been counted as a record error. Returns its fingerprint."""
    if info.fingerprint:
        return info.fingerprint
    kind = Kind.of_failure(info)
    if _count(run, {kind.fingerprint: 1}):
        _found(run, [kind])
        _count(run, {kind.fingerprint: 1})
    return kind.fingerprint


def _send_to_others(run: SyncJobRun, errors: Iterable[RecordError]) -> None:
    others = {}
    for error in errors:
        kind = Kind.other(error.code)
        error.fingerprint = kind.fingerprint
        others[error.fingerprint] = kind
    _found(run, others.values())


def _found(run: SyncJobRun, kinds: Iterable[Kind]) -> None:
    """Groups for these kinds, where no other run has been first."""
    rows = [
        ErrorGroup(
            environment_id=run.environment_id,
            fingerprint=kind.fingerprint,
            code=kind.code,
            status_code=kind.status_code,
            resource=kind.resource,
            method=kind.method,
            title=title(kind.message, kind.status_code) or kind.code,
        )
        for kind in kinds
    ]
    ErrorGroup.objects.bulk_create(sorted(rows, key=lambda row: row.fingerprint), ignore_conflicts=True)


def _count(run: SyncJobRun, seen: Mapping[str, int]) -> set[str]:
    """Add so many errors to each group, by fingerprint. Returns the fingerprints that have no group."""
    if not seen:
        return set()
    now = timezone.now()
    rows = [value for found, count in seen.items() for value in (_id(uuid7()), found, count)]
    of = (_id(run.id), _id(run.integrated_account_id), _id(run.sync_job_id), _time(now), _time(now))
    with connection.cursor() as cursor:
        cursor.execute(
            COUNT.format(rows=", ".join(["(%s, %s, %s)"] * len(seen))), [*rows, *of, _id(run.environment_id)]
        )
        counted = [group for (group,) in cursor.fetchall()]
    if len(counted) == len(seen):
        return set()
    # By what was counted, not by what is there: another run may have founded a group since.
    return set(seen) - set(ErrorGroup.objects.filter(pk__in=counted).values_list("fingerprint", flat=True))


def _id(value: Any) -> Any:
    return ErrorSighting._meta.pk.get_db_prep_value(value, connection)


def _time(value: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(value)
