"""What one source may cost at most: in time, in tries, and in what it sends."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runs.depth import MAX_DEPTH


@dataclass(frozen=True)
class Bounds:
    """How much a page and a list may cost. All times are in seconds.

    `tries` after failures within the `retry_window`; the wait after the first failure is up to twice the `backoff`.
    Each wait that the source wants counts as `longest_limit` at most; `longest_wait` of them in all are waited within a
    request. Without those waits a page takes `page_seconds`. `total_seconds` bound all requests of the client together,
    those for an access token too.

    `page_bytes` of a page's body are read, decoded. A list has `pages`, and `empty_pages` in a row, and a record has
    `levels`, at most.
    """

    tries: int = 4
    backoff: float = 1.0
    retry_window: float = 30.0
    longest_wait: float = 30.0
    longest_limit: float = 3600.0
    page_seconds: float = 60.0
    total_seconds: float = math.inf
    page_bytes: int = 32 * 1024 * 1024
    pages: int = 100_000
    empty_pages: int = 3
    levels: int = MAX_DEPTH


OF_A_RUN = Bounds()
