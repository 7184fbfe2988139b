"""When a request is tried again, and after which wait (contract 3.7). Decides only; the client carries it out."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from runs.connectors.bounds import OF_A_RUN, Bounds
from runs.connectors.errors import RateLimited

SHORTEST_LIMIT = 1.0
FOREVER = 1e10  # seconds, three centuries: a number that is larger still says no more


class Patience:
    """What one request has left: tries after failures, and seconds of waiting for a source that limits its rate.

    Only waits up to `longest_wait` in all are spent inside a request; a longer one is the run's to wait.
    """

    def __init__(self, started: float, *, jitter: random.Random, bounds: Bounds = OF_A_RUN) -> None:
        self._started = started
        self._jitter = jitter
        self._bounds = bounds
        self._failures = 0
        self._limits = 0
        self._waited = 0.0

    def after_failure(self, now: float) -> float | None:
        """The seconds until the next try; None when there is none."""
        self._failures += 1
        delay = self._backoff(self._failures)
        spent = now - self._started - self._waited
        bounds = self._bounds
        return None if self._failures >= bounds.tries or spent + delay > bounds.retry_window else delay

    def after_limit(self, told: float | None) -> float:
        """The seconds to wait in this request: what the source told, else a backoff with full jitter.

        Raises RateLimited if the request would wait for too long in all.
        """
        self._limits += 1
        wait = self._backoff(self._limits + 1) if told is None else told
        wait = min(max(wait, SHORTEST_LIMIT), self._bounds.longest_limit)
        self.spend(wait)
        return wait

    def spend(self, wait: float) -> None:
        """Count a wait for the source. Raises RateLimited if the request would wait for too long in all."""
        if self._waited + wait > self._bounds.longest_wait:
            raise RateLimited(wait)
        self._waited += wait

    def _backoff(self, step: int) -> float:
        return self._jitter.uniform(0, self._bounds.backoff * 2**step)


def retry_after(value: str | None, date: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110, section 10.2.3); None if it is absent or malformed.

    A date counts from the response's own Date header, so that the source's clock may be wrong. The number may be
    negative (a date that has passed).
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), FOREVER)
    until = http_date(text)
    return None if until is None else (until - (http_date(date) or now)).total_seconds()


def http_date(text: str | None) -> datetime | None:
    """The moment of an HTTP date (RFC 9110, section 5.6.7). One that names no zone (`-0000`) is UTC."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def iso_date(text: str) -> datetime | None:
    """The moment of an ISO 8601 date. One that names no zone is UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
