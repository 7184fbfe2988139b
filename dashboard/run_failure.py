"""Why a run failed, in the words that somebody needs who is to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runs.models import RecordError, SyncJobRun
from runs.wire import wire_time

LOOKED_AT = 5  # the latest record errors, among which the one that ended the run is


@dataclass(frozen=True)
class RunFailure:
    """The run's error, and the record error that it came from, where there is one: that knows the request."""

    run: SyncJobRun
    origin: RecordError | None

    @classmethod
    def of(cls, run: SyncJobRun) -> RunFailure | None:
        """None for a run that has no error."""
        if not run.error:
            return None
        latest = run.record_errors.order_by("-created_at", "-id")[:LOOKED_AT]
        same = (
            error
            for error in latest
            if error.code == run.error["code"] and error.resource == (run.error.get("resource") or "")
        )
        return cls(run, next(same, None))

    @property
    def code(self) -> str:
        return str(self._error["code"])

    @property
    def message(self) -> str:
        return str(self._error["message"])

    @property
    def resource(self) -> str:
        return str(self._error.get("resource") or "")

    @property
    def method(self) -> str:
        return str(self._error.get("method") or "")

    @property
    def status_code(self) -> int | None:
        status: int | None = self._error.get("status_code")
        return status

    @property
    def trace(self) -> str:
        """All of it as a text to send to somebody."""
        run, origin = self.run, self.origin
        facts = {
            "resource": f"{self.resource} {self.method}".strip(),
            "HTTP status": self.status_code,
            "record": origin.record_id if origin else "",
            "address": origin.url if origin else "",
            "answer": origin.excerpt if origin else "",
            "fingerprint": origin.fingerprint if origin else "",
            "account": f"{run.integrated_account} ({run.integrated_account_id})",
            "job": f"{run.sync_job.label} ({run.sync_job_id})",
            "run": f"{run.pk}, attempt {run.attempt}",
            "daemon": run.daemon_id,
            "started": wire_time(run.started_at),
            "failed": wire_time(run.finished_at),
        }
        told = [f"{name}: {value}" for name, value in facts.items() if value]
        return "\n".join([f"{self.code}: {self.message}", *told])

    @property
    def _error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.run.error or {}
        return error
