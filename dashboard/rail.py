"""The places of the navigation, in their order. A new page takes its line here."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse


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
    def short_words(self) -> str:
        return self.short or self.words


RAIL = (
    (
        Place("attention", "bell", "Needs attention", "", "Attention"),
        Place("run_list", "activity", "Runs", "runs"),
        Place("account_list", "plug", "Accounts", "accounts"),
        Place("bulk_list", "list-checks", "Bulk actions", "bulk", "Bulk"),
    ),
    (
        Place("job_list", "layers", "Jobs", "jobs"),
        Place("schedule_list", "clock", "Schedules", "schedules"),
        Place("integration_list", "blocks", "Integrations", "integrations"),
        Place("record_list", "database", "Records", "records"),
        Place("webhook_list", "webhook", "Webhooks", "webhooks"),
    ),
    (Place("daemon_list", "server", "Daemons", "daemons"),),
)
