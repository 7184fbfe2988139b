"""What the settings let a source cost, and where they let requests go."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.conf import settings

from runs.connectors import Bounds, PrivateHosts


def bounds(**over: Any) -> Bounds:
    """Of the requests of a run; `over` is what another caller of the source can't wait for."""
    usual = {
        "tries": settings.REQUEST_TRIES,
        "retry_window": settings.RETRY_SECONDS,
        "longest_wait": settings.INLINE_WAIT_SECONDS,
        "longest_limit": settings.LONGEST_WAIT_SECONDS,
        "page_seconds": settings.PAGE_SECONDS,
        "page_bytes": settings.PAGE_BYTES,
        "pages": settings.LIST_PAGES,
        "empty_pages": settings.EMPTY_PAGES,
        "levels": settings.RECORD_DEPTH,
    }
    return Bounds(**{**usual, **over})


def private_hosts() -> PrivateHosts:
    return _private_hosts(tuple(settings.ALLOWED_PRIVATE_HOSTS), settings.ALLOW_PRIVATE_NETWORKS)


@lru_cache(maxsize=8)
def _private_hosts(entries: tuple[str, ...], everywhere: bool) -> PrivateHosts:
    return PrivateHosts.of(entries, everywhere=everywhere)
