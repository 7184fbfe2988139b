"""The places of the navigation, in their order. A new page takes its line here."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

# `g` and one of these goes to a place, by its segment: letters that stay when places come or go.
_KEYS = {
    "": "n", "runs": "r", "accounts": "a", "errors": "e", "bulk": "b", "jobs": "j", "schedules": "s",
    "integrations": "i", "records": "d", "webhooks": "w", "daemons": "m", "audit": "u", "health": "h", "settings": "t",
}  # fmt: skip
# On a phone the first four of these stand in a dock at the foot; all places are behind its "More".
_DOCK = ("", "runs", "accounts", "errors", "jobs")
_IN_DOCK = 4


@dataclass(frozen=True)
class Place:
    """A page of the navigation. `segment` is the first part of its address, by which the rail knows where one is."""

    url_name: str
    icon: str
    words: str
    segment: str
    short: str = ""

    @property
    def address(self) -> str:
        return reverse(self.url_name)

    @property
    def key(self) -> str:
        """The key that goes there after `g`; empty for a place that has none."""
        return _KEYS.get(self.segment, "")

    @property
    def short_words(self) -> str:
        return self.short or self.words


RAIL = (
    (
        Place("attention", "bell", "Needs attention", "", "Attention"),
        Place("run_list", "activity", "Runs", "runs"),
        Place("account_list", "plug", "Accounts", "accounts"),
        Place("error_list", "triangle-alert", "Errors", "errors"),
        Place("bulk_list", "list-checks", "Bulk actions", "bulk", "Bulk"),
    ),
    (
        Place("job_list", "layers", "Jobs", "jobs"),
        Place("schedule_list", "clock", "Schedules", "schedules"),
        Place("integration_list", "blocks", "Integrations", "integrations"),
        Place("record_list", "database", "Records", "records"),
        Place("webhook_list", "webhook", "Webhooks", "webhooks"),
    ),
    (
        Place("daemon_list", "server", "Daemons", "daemons"),
        Place("audit_list", "scroll-text", "Audit", "audit"),
        Place("health", "heart-pulse", "Health", "health"),
        Place("settings", "settings", "Settings", "settings"),
    ),
)


def dock() -> list[Place]:
    """The places that a phone shows at once."""
    by_segment = {place.segment: place for places in RAIL for place in places}
    return [by_segment[segment] for segment in _DOCK if segment in by_segment][:_IN_DOCK]
