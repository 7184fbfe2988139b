"""How often one token may ask: `API_RATE_LIMIT` requests in any window of ten seconds, per web process."""

from __future__ import annotations

import math
import time
from uuid import UUID

from django.conf import settings
from django.core.cache import cache

from runs.errors import SyncdeckError

WINDOW = 10  # seconds


class TooManyRequests(SyncdeckError):
    """The token has asked too often; `wait` is for how many seconds it must not."""

    def __init__(self, limit: int, wait: int) -> None:
        self.wait = wait
        super().__init__(f"This token may send {limit} requests in {WINDOW} seconds. Try again in {wait} s.")


def count_request(token_id: UUID) -> None:
    """Raises TooManyRequests beyond the limit, if there is one.

    Windows are fixed, and counted by the cache's own atomic step, so that threads do not lose each other's requests.
    """
    limit = settings.API_RATE_LIMIT
    if not limit:
        return
    window, elapsed = divmod(time.time(), WINDOW)
    key = f"requests of {token_id} in {window:.0f}".replace(" ", "-")
    cache.add(key, 0, timeout=2 * WINDOW)
    if cache.incr(key) > limit:
        raise TooManyRequests(limit, math.ceil(WINDOW - elapsed))
