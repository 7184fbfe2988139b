"""Which answers are worth another try, and when.

Every request may be sent again: a GET asks, a PATCH and a DELETE come to the same twice, and a POST carries an
`Idempotency-Key`, by which Syncdeck does it once.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from runs.client.errors import Refused, RemoteError

PASSING = (502, 503, 504)
FIRST_WAIT = 0.5  # seconds; each further one is twice as long
LONGEST_BACKOFF = 10.0


@dataclass(frozen=True)
class Patience:
    """`tries` in all; a wait that Syncdeck asks for is kept up to `longest_wait` seconds, a longer one is an error."""

    tries: int = 5
    longest_wait: float = 60.0

    def wait_after(self, number: int, error: Exception) -> float | None:
        """Seconds before the next try, after this one (the first is 1) has come to the error. None: it stands."""
        if number >= self.tries or not _may_pass(error):
            return None
        asked = error.retry_after if isinstance(error, Refused) else None
        if asked is not None:
            return asked if asked <= self.longest_wait else None
        backoff = min(FIRST_WAIT * 2 ** (number - 1), LONGEST_BACKOFF)
        return backoff * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients, hides nothing


def _may_pass(error: Exception) -> bool:
    if not isinstance(error, Refused):
        return True
    if error.status in PASSING:
        return not isinstance(error, RemoteError)  # Syncdeck has tried its source again itself
    return error.status == 429 or (error.status == 409 and error.retry_after is not None)


def retry_after(text: str | None) -> float | None:
    """Seconds, of a number or a date (RFC 9110, section 10.2.3); None for what is neither."""
    if text is None:
        return None
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
