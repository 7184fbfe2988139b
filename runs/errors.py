"""The tree of what can go wrong. Each boundary (API, pages, commands, tasks) translates it once.

SyncdeckError
├── InvalidInput        what a caller sent is wrong: every fault, each with its path
├── ChangedMeanwhile    what is to be changed is no longer what the caller has seen
├── Forbidden           whoever asks may not do this
├── NotAllowed          the run's state does not allow the action
│   └── LiveRunExists   the same run is live already
├── MissingKey          something stored is encrypted with a key that this process was not given
├── NotConnected        a person's way to an account's provider and back has not let the account in
├── RemoteError         a server of somebody else has not done what it was asked for
└── RunFailed           a run ends as failed, with a code and a sentence
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID


class SyncdeckError(Exception):
    """Something Syncdeck refuses or cannot do."""


@dataclass(frozen=True)
class Failure:
    """One fault of an input: where it is (dotted path, `resources.0.depends_on`), and what was expected."""

    path: str
    message: str


class InvalidInput(SyncdeckError):
    """The input is wrong."""

    def __init__(self, failures: list[Failure]) -> None:
        self.failures = failures
        super().__init__("; ".join(f"{failure.path}: {failure.message}" for failure in failures))


class ChangedMeanwhile(SyncdeckError):
    """Somebody else has changed it since the caller has read it. Nothing was stored."""


class Forbidden(SyncdeckError):
    """Whoever asks may not do this."""


class MissingKey(SyncdeckError):
    """Something stored is encrypted with a key that `CREDENTIALS_KEYS` does not have. `what` names its column."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Stored secrets ({what}) can't be read: CREDENTIALS_KEYS lacks the key that they were encrypted with. "
            "manage.py doctor tells more."
        )


class NotAllowed(SyncdeckError):
    """The run's state does not allow this action."""


class LiveRunExists(NotAllowed):
    """The same job is already running for this account, with these args and this destination.

    A run that is itself to be run again is told with a message of its own.
    """

    def __init__(self, live_run_id: UUID, message: str = "") -> None:
        self.live_run_id = live_run_id
        told = f"Run {live_run_id} of the same job, account, args and destination is still live."
        super().__init__(message or told)


class NotConnected(SyncdeckError):
    """A person's way to an account's provider and back has not let the account in. Nothing was stored.

    `code` is the kind; `account_id` is None where it is not known, or not the business of whoever came back.
    """

    def __init__(self, code: str, message: str, account_id: UUID | None = None) -> None:
        self.code = code
        self.account_id = account_id
        super().__init__(message)


class RemoteError(SyncdeckError):
    """A server of somebody else has not done what it was asked for.

    `status_code` is None where it has not answered at all; `raw_response` is the beginning of what it said.
    """

    def __init__(self, message: str, *, status_code: int | None = None, raw_response: str = "") -> None:
        self.status_code = status_code
        self.raw_response = raw_response
        super().__init__(message)


@dataclass(frozen=True)
class ErrorInfo:
    """Why a run, a request or a record failed: what the contract's `error` object tells.

    `fingerprint` is that of the record error which says the same, if there is one: it is counted once.
    """

    code: str
    message: str
    resource: str | None = None
    method: str | None = None
    status_code: int | None = None
    fingerprint: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class RunFailed(SyncdeckError):
    """The run cannot go on and ends as failed."""

    def __init__(self, info: ErrorInfo) -> None:
        self.info = info
        super().__init__(info.message)
