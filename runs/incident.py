"""What somebody needs who is to find out what went wrong in a run, in one piece and without its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.utils import timezone

from runs.comparison import Change, ComparedEntry, Comparison, compared_entries, last_good_run
from runs.connectors import masked_value, redact
from runs.differences import ABSENT, Difference
from runs.log_export import line_payload
from runs.models import Daemon, SyncJobRun
from runs.run_log import LogLine, RunLog
from runs.versions import versions
from runs.wire import run_payload, wire_time


@dataclass(frozen=True)
class Incident:
    """`told` is fit for JSON; `lines` are the end of the log. Neither has a secret in it."""

    told: dict[str, Any]
    lines: list[LogLine]

    def payload(self) -> dict[str, Any]:
        """All of it, fit for JSON."""
        return self.told | {"log": [line_payload(line) for line in self.lines]}


def incident(run: SyncJobRun) -> Incident:
    """Facts, resources, what differs from the last good run, the error, the end of the log, and versions."""
    good = last_good_run(run)
    comparison = None if good is None else Comparison(run, good)
    entries = comparison.entries if comparison else compared_entries(run, list(run.steps.all()), None, ())
    payload: Any = run_payload(run)
    told = {
        "run": masked_value(payload),
        "account": str(run.integrated_account),
        "integration": run.integrated_account.integration.name,
        "job": run.sync_job.label,
        "environment": run.environment.name,
        "resources": [_entry(compared) for compared in entries],
        "last_good_run": None if comparison is None else _good(comparison),
        "versions": versions(),
        "daemon": _daemon(run),
        "written_at": wire_time(timezone.now()),
    }
    return Incident(told, [_masked(line) for line in RunLog(run).end()])


def _masked(line: LogLine) -> LogLine:
    return replace(line, message=redact(line.message), url=redact(line.url), excerpt=redact(line.excerpt))


def _entry(compared: ComparedEntry) -> dict[str, Any]:
    step = compared.now
    return {
        "name": compared.name,
        "status": step.status if step else None,
        "from": wire_time(step.previous_run_date) if step else None,
        "started_at": wire_time(step.started_at) if step else None,
        "finished_at": wire_time(step.finished_at) if step else None,
        "fetched": _change(compared.fetched),
        "persisted": _change(compared.persisted),
        "errors": _change(compared.errors),
        "seconds": _change(compared.took),
    }


def _change(change: Change[Any]) -> dict[str, Any]:
    return {"now": _plain(change.now), "last_good": _plain(change.was), "change": _plain(change.by)}


def _plain(value: int | timedelta | None) -> float | None:
    return round(value.total_seconds(), 3) if isinstance(value, timedelta) else value


def _good(comparison: Comparison) -> dict[str, Any]:
    base = comparison.base
    return {
        "id": base.id,
        "created_at": wire_time(base.created_at),
        "finished_at": wire_time(base.finished_at),
        "differs_in": [_differs(found) for found in comparison.settings],
        "changed_mappings": comparison.changed_mappings,
        "errors": [
            {
                "code": kind.code,
                "resource": kind.resource or None,
                "message": masked_value(kind.message),
                "now": kind.now,
                "last_good": kind.was,
            }
            for kind in comparison.error_kinds
        ],
    }


def _differs(found: Difference) -> dict[str, Any]:
    """A side that has nothing at the path is left out."""
    sides = {"before": found.before, "now": found.after}
    return {"path": found.path} | {name: value for name, value in sides.items() if value is not ABSENT}


def _daemon(run: SyncJobRun) -> Mapping[str, Any]:
    """What the daemon that had the run told of itself; empty where none is known."""
    daemon = Daemon.objects.filter(daemon_id=run.daemon_id or "").first()
    return {} if daemon is None else {"daemon_id": daemon.daemon_id, "groups": daemon.groups, **daemon.metadata}
