"""What can go wrong between a program and Syncdeck.

SyncdeckError
├── BadRequest          the call itself: an address, a token or a filter that can't be one; nothing was sent
├── NoAnswer            the network, after the last try
├── UnreadableAnswer    an answer that Syncdeck does not give: too large, no JSON, a redirect
├── WaitedTooLong       a run that had not ended in time
└── Refused             an answer of 400 or more
    ├── Unauthorized    401, 403
    ├── NotFound        404
    ├── Conflict        409
    ├── RateLimited     429, or more patience was asked for than there was
    └── RemoteError     the source of an account said it, or a webhook's receiver

None of their texts holds the token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

MOST_FAILURES_TOLD = 20


class SyncdeckError(Exception):
    """The base of all that the client raises."""


class BadRequest(SyncdeckError, ValueError):
    """The call can't be sent as it is."""


class NoAnswer(SyncdeckError):
    """No connection, or no answer in time, after the last try. What was asked may have been done all the same."""


class UnreadableAnswer(SyncdeckError):
    """An answer that is none of Syncdeck's."""


class WaitedTooLong(SyncdeckError, TimeoutError):
    """The run had not ended in the time that was given. It goes on."""


@dataclass(frozen=True)
class Failure:
    """One fault of an input: where it is, and what was expected."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class Refused(SyncdeckError):
    """Syncdeck answered with a status of 400 or more.

    `message` is the answer's sentence, `failures` every fault of the input, `details` and `raw_response` as they came;
    `retry_after` in seconds, where the answer named it.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        raw_response: Any = None,
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        self.message = message
        self.details = details or {}
        self.failures = tuple(_failures(self.details.get("failures")))
        self.raw_response = raw_response
        self.retry_after = retry_after
        super().__init__(self._told())

    def _told(self) -> str:
        """The sentence, and the faults that it does not quote itself."""
        faults = [str(failure) for failure in self.failures if failure.message not in self.message]
        more = len(faults) - MOST_FAILURES_TOLD
        lines = [self.message, *faults[:MOST_FAILURES_TOLD], *([f"and {more} more"] if more > 0 else [])]
        return "\n".join(lines)


class Unauthorized(Refused):
    """The token is missing, unknown, expired or revoked (401), or may not do this (403)."""


class NotFound(Refused):
    """There is none with this id in the token's environment."""


class Conflict(Refused):
    """Something is in the way that will pass."""

    @property
    def live_run_id(self) -> UUID | None:
        """The run that is in the way, if one is."""
        try:
            return UUID(str(self.details["live_run_id"]))
        except (KeyError, ValueError):
            return None


class RateLimited(Refused):
    """Too many requests; `retry_after` is longer than the client waits, or it has been asked to wait too often."""


class RemoteError(Refused):
    """The API of an account said it, or a webhook's receiver: `raw_response` is what it answered."""


_BY_STATUS: dict[int, type[Refused]] = {
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}


def refusal(status: int, told: Any, retry_after: float | None) -> Refused:
    """The error of an answer; `told` is its body, which a proxy in between may have written."""
    body = told if isinstance(told, dict) else {}
    kind = RemoteError if body.get("truto_is_remote_error") is True else _BY_STATUS.get(status, Refused)
    details = body.get("details")
    return kind(
        status,
        str(body.get("message") or f"The answer was {status}."),
        details=details if isinstance(details, dict) else None,
        raw_response=body.get("raw_response"),
        retry_after=retry_after,
    )


def _failures(told: Any) -> list[Failure]:
    found = told if isinstance(told, list) else []
    return [Failure(str(one.get("path")), str(one.get("message"))) for one in found if isinstance(one, dict)]
