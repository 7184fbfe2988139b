"""A client of Syncdeck's HTTP API. It needs neither Django nor the rest of Syncdeck, and imports none of either.

    from runs.client import Syncdeck

    with Syncdeck("https://sync.example.com", token) as deck:
        run = deck.runs.create(sync_job_id=job_id, integrated_account_id=account_id)
        ended = deck.runs.wait(run.id, timeout=600)
        for error in deck.runs.errors(ended.id, code="http_error"):
            print(error.resource, error.message)

Lists are read lazily, page by page. Filters are keywords, `created_at__gte=…` for the API's `created_at[gte]=…`.
"""

from runs.client.deck import Syncdeck
from runs.client.errors import (
    BadRequest,
    Conflict,
    NoAnswer,
    NotFound,
    RateLimited,
    Refused,
    RemoteError,
    SyncdeckError,
    Unauthorized,
    UnreadableAnswer,
    WaitedTooLong,
)

__all__ = [
    "BadRequest",
    "Conflict",
    "NoAnswer",
    "NotFound",
    "RateLimited",
    "Refused",
    "RemoteError",
    "Syncdeck",
    "SyncdeckError",
    "Unauthorized",
    "UnreadableAnswer",
    "WaitedTooLong",
]
