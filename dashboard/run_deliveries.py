"""What a run's webhook was sent of it, as far as it is worth showing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from dashboard.live import version_of
from dashboard.marks import Mark, delivery_mark
from runs.models import Delivery, DeliveryStatus, SyncJobRun

SHOWN = 20
COUNTED = 1_000  # the last ones: a run may have sent a million


@dataclass(frozen=True)
class RunDeliveries:
    """The last deliveries, the latest first; and how many of the last thousand have each status."""

    rows: list[tuple[Delivery, Mark]]
    counts: list[tuple[str, Mark, int]]
    counted: int

    @classmethod
    def of(cls, run: SyncJobRun) -> RunDeliveries | None:
        """None for a run without a webhook."""
        if run.webhook_id is None:
            return None
        latest = Delivery.objects.filter(run=run, webhook=run.webhook_id).order_by("-sequence")
        rows = list(latest.defer("body", "attempt_log")[:SHOWN])
        statuses = Counter(latest.values_list("status", flat=True)[:COUNTED])
        counts = [
            (status, delivery_mark(Delivery(status=status)), statuses[status])
            for status in DeliveryStatus.values
            if statuses[status]
        ]
        return cls([(row, delivery_mark(row)) for row in rows], counts, statuses.total())

    @property
    def is_all(self) -> bool:
        return self.counted < COUNTED

    @property
    def version(self) -> str:
        shown = [(row.pk, row.status, row.attempts) for row, _ in self.rows]
        return version_of(*shown, *((status, count) for status, _, count in self.counts))
