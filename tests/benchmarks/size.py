"""How large the reference load is, and what its names are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

RESOURCES = ("contacts", "companies", "deals", "tickets", "comments", "users", "invoices", "products")
CODES = ("request_failed", "timeout", "invalid_response", "mapping_failed", "record_refused")
LIVE = 200
DAYS = 90
DAEMONS = 7
WEBHOOKS = 5  # of each environment; the first is switched off, the second wants all events


@dataclass(frozen=True)
class Size:
    """How many rows the load has."""

    runs: int = 1_000_000
    accounts: int = 10_000
    jobs: int = 200
    environments: int = 3
    records: int = 1_000_000

    @classmethod
    def of(cls, runs: int) -> Size:
        """A load in the same proportions."""
        return cls(runs, max(20, runs // 100), max(6, min(200, runs // 100)), 3, max(1000, runs))

    @property
    def live(self) -> int:
        return min(LIVE, self.runs // 5)
