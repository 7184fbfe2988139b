"""What can go wrong between Syncdeck and a source.

ConnectorError
├── SpecError              an integration's config is wrong: every fault, each with its path
├── PlaceholderError       a placeholder names an unknown type
├── MissingValue           a placeholder that has to have a value has none
├── ExpressionFailed       a JSONata expression can't be read or evaluated
├── UnknownMethod          the integration does not describe this method
├── UnknownCursor          a cursor is none of this version's, or of another way of paging
├── RateLimited            the source wants us to wait longer than a request may
└── RequestFailed          a request did not bring what it should have brought
    └── AuthenticationFailed   the source refuses the credentials, or there are none
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self


class ConnectorError(Exception):
    """Something between us and a source went wrong."""


class SpecError(ConnectorError):
    """An integration's config is wrong. `failures` are pairs of dotted path and message."""

    def __init__(self, failures: Sequence[tuple[str, str]]) -> None:
        self.failures = list(failures)
        super().__init__("; ".join(f"{path}: {message}" for path, message in self.failures))


class PlaceholderError(ConnectorError):
    """Placeholders name unknown types. `failures` are pairs of dotted path and message."""

    def __init__(self, failures: Sequence[tuple[str, str]]) -> None:
        self.failures = list(failures)
        super().__init__("; ".join(f"{path}: {message}" if path else message for path, message in self.failures))


class MissingValue(ConnectorError):
    """A placeholder that has to have a value has none."""

    def __init__(self, placeholder: str) -> None:
        self.placeholder = placeholder
        super().__init__(f"{placeholder} has no value.")


class ExpressionFailed(ConnectorError):
    """A JSONata expression can't be read, or does not come to a value."""


class UnknownMethod(ConnectorError):
    """The integration does not describe this method; the message lists those that it does."""

    def __init__(self, wanted: str, known: Iterable[str]) -> None:
        super().__init__(f"{wanted} is not described by the integration, which knows: {', '.join(known) or 'none'}.")


class UnknownCursor(ConnectorError):
    """The place where the list was left can't be read: another version has written it, or the pagination has changed
    since."""


class RateLimited(ConnectorError):
    """The source wants us to come back in `seconds`, which is longer than a request may wait.

    `excerpt` is of its answer, redacted; empty where another thread or run was told.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.excerpt = ""
        super().__init__(f"The source limits its rate: wait {seconds:.0f} s.")


class RequestFailed(ConnectorError):
    """A request did not bring what it should have brought.

    `code` names the kind for machines. `url` and `excerpt` (of the response) are redacted. `permanent`: the same
    request would fail again.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status_code: int | None = None,
        url: str = "",
        excerpt: str = "",
        permanent: bool = True,
    ) -> None:
        self.code = code
        self.message = message
        self.status_code = status_code
        self.url = url
        self.excerpt = excerpt
        self.permanent = permanent
        super().__init__(message)

    def bare(self) -> Self:
        """Itself without its traceback and causes, to be kept: they hold what the frames held, such as a whole body."""
        self.__cause__ = self.__context__ = None
        return self.with_traceback(None)


class AuthenticationFailed(RequestFailed):
    """The source refuses the account's credentials, or the account has none."""
