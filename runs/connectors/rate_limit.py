"""Which answers say that the source limits its rate, and how long it wants us to wait."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from runs.connectors.errors import ExpressionFailed, RequestFailed
from runs.connectors.expressions import Expression, evaluated
from runs.connectors.faults import Section
from runs.connectors.reply import Reply
from runs.connectors.retry import FOREVER, http_date, iso_date, retry_after

FIRST_EPOCH = 1e9  # September 2001; a smaller number is seconds from now, as in draft-ietf-httpapi-ratelimit-headers
LAST_EPOCH = 1e11  # the year 5138; a larger number counts milliseconds, or less
_NUMBER = re.compile(r"[+-]?\d{1,300}(\.\d{1,300})?", re.ASCII)


class LimitTold(Exception):
    """Control flow: the answer says that the source limits its rate."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply


@dataclass(frozen=True)
class RateLimit:
    """What `rate_limit` of an integration says. Its expressions see `headers` (names in lower case, values as texts)
    and `status`.

    A 429 is always a limit, and a 503 that says when to come back. Any other error except a 401 is one where
    `is_rate_limited` is true of it; an answer with a 2xx status never is, because its records would be lost (where a
    source limits so, `error_expression` may give the status 429).

    The wait is the larger of two: the seconds that `retry_after_header_expression` gives (else the header Retry-After
    tells), and the time until `rate_limit_header_expression`, which gives epoch seconds or milliseconds, or a date.
    """

    is_rate_limited: Expression | None = None
    retry_after: Expression | None = None
    reset: Expression | None = None

    @classmethod
    def parse(cls, section: Section) -> Self:
        return cls(
            section.expression("is_rate_limited"),
            section.expression("retry_after_header_expression"),
            section.expression("rate_limit_header_expression"),
        )

    def is_limit(self, reply: Reply, now: datetime) -> bool:
        """Raises RequestFailed where the expression fails on an answer that is an error anyway."""
        if reply.status_code == 429:
            return True
        if reply.status_code == 503 and self._standard(reply, now) is not None:
            return True
        if self.is_rate_limited is None or reply.status_code < 400 or reply.status_code == 401:
            return False
        try:
            return bool(evaluated(self.is_rate_limited, _roots(reply), "rate_limit.is_rate_limited"))
        except RequestFailed as error:
            error.status_code, error.excerpt = reply.status_code, reply.excerpt
            error.permanent = reply.status_code < 500
            raise

    def told(self, reply: Reply, now: datetime) -> float | None:
        """The seconds that the answer tells to wait; None if it tells nothing that can be used."""
        after = _seconds(_value(self.retry_after, reply), reply, now)
        until = _until(_value(self.reset, reply), reply, now)
        waits = [wait for wait in (self._standard(reply, now) if after is None else after, until) if wait is not None]
        return min(max(waits), FOREVER) if waits else None

    def _standard(self, reply: Reply, now: datetime) -> float | None:
        return retry_after(reply.headers.get("retry-after"), reply.headers.get("date"), now)


def _roots(reply: Reply) -> dict[str, Any]:
    return {"headers": reply.headers, "status": reply.status_code}


def _value(expression: Expression | None, reply: Reply) -> Any:
    """That it is a limit is known, so an expression that fails on an odd header only leaves the wait to the others."""
    try:
        return None if expression is None else expression.evaluate(_roots(reply))
    except ExpressionFailed:
        return None


def _seconds(value: Any, reply: Reply, now: datetime) -> float | None:
    number = _number(value)
    if number is None and isinstance(value, str):
        return retry_after(value, reply.headers.get("date"), now)
    return number


def _until(value: Any, reply: Reply, now: datetime) -> float | None:
    number, base = _number(value), http_date(reply.headers.get("date")) or now
    if number is None:
        reset = (iso_date(value) or http_date(value)) if isinstance(value, str) else None
        return None if reset is None else (reset - base).total_seconds()
    if number < FIRST_EPOCH:
        return number
    while number >= LAST_EPOCH:
        number /= 1000
    return number - base.timestamp()


def _number(value: Any) -> float | None:
    """A finite number, also where it is written as a text. Never NaN, which compares with nothing."""
    if isinstance(value, str) and _NUMBER.fullmatch(value := value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return FOREVER if value > 0 else 0.0
    return number if math.isfinite(number) else None
