"""What of a failed request is told to those outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runs.connectors.errors import RateLimited, RequestFailed
from runs.connectors.redaction import Redactor


@contextmanager
def redacting(redact: Redactor, excerpt: int, url: str = "") -> Iterator[None]:
    """What fails in here tells its address (`url`, unless it names one), the first `excerpt` characters of the answer,
    and nothing that `redact` knows as a secret."""
    try:
        yield
    except RequestFailed as error:
        error.url = redact(error.url or url)
        error.excerpt = redact(error.excerpt)[:excerpt]
        error.message = redact(error.message)
        error.args = (error.message,)
        raise
    except RateLimited as limit:
        limit.excerpt = redact(limit.excerpt)[:excerpt]
        raise
