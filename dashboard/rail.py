"""The places of the navigation, in their order. A new page takes its line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

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
    words: _StrPromise
    segment: str
    short: _StrPromise | None = None

    @property
    def address(self) -> str:
        return reverse(self.url_name)

    @property
    def key(self) -> str:
        """The key that goes there after `g`; empty for a place that has none."""
        return _KEYS.get(self.segment, "")

    @property
    def short_words(self) -> _StrPromise:
        return self.short or self.words


RAIL = (
    (
        Place("attention", "bell", _("Needs attention"), "", _("Attention")),
        Place("run_list", "activity", _("Runs"), "runs"),
        Place("account_list", "plug", _("Accounts"), "accounts"),
        Place("error_list", "triangle-alert", _("Errors"), "errors"),
        Place("bulk_list", "list-checks", _("Bulk actions"), "bulk", _("Bulk")),
    ),
    (
        Place("job_list", "layers", _("Jobs"), "jobs"),
        Place("schedule_list", "clock", _("Schedules"), "schedules"),
        Place("integration_list", "blocks", _("Integrations"), "integrations"),
        Place("record_list", "database", _("Records"), "records"),
        Place("webhook_list", "webhook", _("Webhooks"), "webhooks"),
    ),
    (
        Place("daemon_list", "server", _("Daemons"), "daemons"),
        Place("audit_list", "scroll-text", _("Audit"), "audit"),
        Place("health", "heart-pulse", _("Health"), "health"),
        Place("settings", "settings", _("Settings"), "settings"),
    ),
)


def dock() -> list[Place]:
    """The places that a phone shows at once."""
    by_segment = {place.segment: place for places in RAIL for place in places}
    return [by_segment[segment] for segment in _DOCK if segment in by_segment][:_IN_DOCK]
