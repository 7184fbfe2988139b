"""Which pages are measured, and what each may cost. A new page that is read takes its line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import resolve

from tests.benchmarks.landmarks import Landmarks
from tests.dashboard.routes import access_of, page_routes

OK, CHANGED_TO_NOTHING, FINAL = 200, 204, 286
LEADS_ON, LACKS_SOMETHING = 302, 400
FLAT = (1.2, 1.0)
ADMIN_GROWTH = (1.5, 1.2)
# For those who are not logged in; the rest of the addresses that are read stand in `PAGES`.
NOT_MEASURED = {"login/", "password/<uidb64>/<token>/", "words/<slug:language>.js"}


@dataclass(frozen=True)
class Measured:
    """A page: its address among the landmarks, the p95 it may have (milliseconds) and the most SQL queries.

    `growth`: how many times as long it may take as with few runs, and what would be better still.
    """

    name: str
    address: Callable[[Landmarks], str]
    bar: float = 150
    most_queries: int = 12
    htmx: bool = False
    """Whether HTMX asks for it: a fragment within a page."""
    answers: tuple[int, ...] = (OK, CHANGED_TO_NOTHING, FINAL)
    growth: tuple[float, float] | None = None


def at(address: str) -> Callable[[Landmarks], str]:
    return lambda marks: address


def of(route: str, query: str = "") -> Callable[[Landmarks], str]:
    return lambda marks: marks.address(route) + query


def part(name: str, address: Callable[[Landmarks], str], **over: Any) -> Measured:
    """A fragment of a page, as HTMX asks for it."""
    return Measured(name, address, htmx=True, **over)


RUNS = (
    Measured("runs", at("/runs/"), growth=FLAT),
    Measured("runs, page 10 000", lambda marks: f"/runs/?since=all&cursor={marks.deep_cursor}", growth=FLAT),
    Measured("runs, failed", at("/runs/?status=failed")),
    Measured("runs, failed and open", at("/runs/?open=failed")),
    Measured("runs, completed with a warning", at("/runs/?warning=any")),
    Measured("runs of an account", lambda marks: f"/runs/?account={marks.ids['account_id']}"),
    Measured("runs of a job", lambda marks: f"/runs/?job={marks.ids['job_id']}"),
    Measured("runs of an error group", lambda marks: f"/runs/?error={marks.ids['group_id']}"),
    Measured("runs, search", at("/runs/?q=customer-77")),
    Measured("runs, search in vain", at("/runs/?q=nobody-is-called-so")),
    Measured("runs, running now", at("/runs/?status=running&status=created&since=all")),
    Measured("runs of a resource", at("/runs/?resource=contacts")),
    Measured("runs without a job", lambda marks: f"/runs/?not_job={marks.ids['job_id']}"),
    Measured("runs over an hour", at("/runs/?over=1h")),
    Measured("runs with errors", at("/runs/?errors=yes")),
    Measured("runs without records", at("/runs/?status=completed&records=none")),
    part("runs, counts", at("/runs/counts/")),
    part("runs, bars", at("/runs/histogram/")),
    part("runs, names of accounts", at("/runs/names/?of=account&account=77")),
    part("runs, names of resources", at("/runs/names/?of=resource&resource=c")),
    part("runs, poll of 50", lambda marks: marks.poll),
)
RUN = (
    Measured("run, completed", lambda marks: f"/runs/{marks.completed.pk}/", growth=FLAT),
    Measured("run, failed", of("runs/<uuid:run_id>/"), growth=FLAT),
    part("run, poll", lambda marks: f"/runs/{marks.live[0].pk}/live/", growth=FLAT),
    part("run, its entries", of("runs/<uuid:run_id>/entries/")),
    Measured("run, its log", of("runs/<uuid:run_id>/log/")),
    Measured("run, a line of its log", of("runs/<uuid:run_id>/log/<uuid:line_id>/")),
    Measured("run, its log as text", of("runs/<uuid:run_id>/log.txt")),
    Measured("run, its log as JSON", of("runs/<uuid:run_id>/log.jsonl")),
    Measured("run, compared", of("runs/<uuid:run_id>/compare/")),
    Measured("run, compared with another", of("runs/<uuid:run_id>/compare/<uuid:base_id>/")),
    part("run, resources of thirty", of("runs/<uuid:run_id>/matrix/")),
    Measured("run, incident", of("runs/<uuid:run_id>/incident.md"), most_queries=16),
    Measured("run, incident as JSON", of("runs/<uuid:run_id>/incident.json"), most_queries=16),
    Measured(
        "run, to the group of its error", of("runs/<uuid:run_id>/errors/<slug:fingerprint>/"), answers=(LEADS_ON,)
    ),
    Measured("run, to stop", lambda marks: f"/runs/{marks.live[0].pk}/stop/"),
    Measured("run, to force its stop", lambda marks: f"/runs/{marks.live[0].pk}/force-stop/"),
    Measured("run, to rerun", of("runs/<uuid:run_id>/rerun/")),
)
TROUBLE = (
    Measured("needs attention", at("/"), most_queries=14),
    part("needs attention, poll", at("/attention/live/"), most_queries=14),
    part("needs attention, count", at("/attention/count/")),
    Measured("records kept aside", at("/errors/kept-aside/")),
    Measured("errors", at("/errors/")),
    Measured("errors of thirty days", at("/errors/?window=30d")),
    Measured("error", of("errors/<uuid:group_id>/"), most_queries=14),
    Measured("audit", at("/audit/")),
    Measured("audit of an actor", at("/audit/?actor=person-7")),
    Measured("audit as CSV", at("/audit/export.csv?since=24h"), bar=1000),
    Measured("audit as JSON", at("/audit/export.jsonl?since=24h"), bar=1000),
)
BULK = (
    Measured("bulk actions", at("/bulk/")),
    Measured("bulk, to order for fifty", lambda marks: f"/bulk/new/?kind=stop&scope=selected&{marks.fifty}"),
    Measured("bulk, to order for all of a filter", at("/bulk/new/?kind=rerun&scope=matching&filter=open%3Dfailed")),
    part("bulk, count of a filter", at("/bulk/count/?kind=rerun&scope=matching&filter=status%3Dfailed")),
    Measured("bulk action", of("bulk/<uuid:action_id>/")),
    Measured("bulk action of thousands", lambda marks: f"/bulk/{marks.largest_bulk.pk}/"),
    part("bulk action, poll", lambda marks: f"/bulk/{marks.largest_bulk.pk}/live/"),
    Measured("bulk action, to cancel", of("bulk/<uuid:action_id>/cancel/")),
)
ACCOUNTS = (
    Measured("accounts", at("/accounts/")),
    Measured("accounts, overdue", at("/accounts/?state=overdue")),
    Measured("accounts, running", at("/accounts/?state=running")),
    Measured("accounts, least fresh first", at("/accounts/?sort=fresh")),
    part("accounts, counts", at("/accounts/counts/")),
    Measured("account", of("accounts/<uuid:account_id>/"), most_queries=16),
    Measured("account, credentials", of("accounts/<uuid:account_id>/credentials/")),
    Measured("account, new", at("/accounts/new/")),
    Measured("account, to connect", of("accounts/<uuid:account_id>/connect/"), answers=(LACKS_SOMETHING,)),
    Measured("account, back from its provider", at("/accounts/connected/"), answers=(LEADS_ON,)),
    Measured(
        "account, to run a job",
        lambda marks: f"/accounts/{marks.ids['account_id']}/run/?job={marks.ids['job_id']}",
        answers=(LEADS_ON,),
    ),
    Measured("records", at("/records/")),
    Measured("records of a resource", at("/records/?resource=tickets")),
    Measured("records, search by id", at("/records/?record_id=12")),
    Measured("record", of("records/<uuid:record_id>/")),
    Measured("record, raw", of("records/<uuid:record_id>/raw.json")),
    Measured(
        "records, export", lambda marks: f"/records/export.csv?account={marks.records_of.pk}", bar=1000, most_queries=20
    ),
)
JOBS = (
    Measured("jobs", at("/jobs/")),
    Measured("job", of("jobs/<uuid:job_id>/")),
    part("job, poll", of("jobs/<uuid:job_id>/live/")),
    Measured("job, new", at("/jobs/new/")),
    Measured("job, import", at("/jobs/import/")),
    Measured("job, definition", of("jobs/<uuid:job_id>/definition.yaml")),
    Measured("job, to edit", of("jobs/<uuid:job_id>/edit/")),
    Measured("job, to delete", of("jobs/<uuid:job_id>/delete/")),
    Measured("job, to run", of("jobs/<uuid:job_id>/run/")),
    Measured("job, to try", of("jobs/<uuid:job_id>/dry-run/")),
    Measured("job, to schedule", of("jobs/<uuid:job_id>/schedule/")),
    Measured("schedules", at("/schedules/")),
    Measured("schedule, new", of("schedules/new/"), answers=(LEADS_ON,)),
    Measured("schedule, to edit", of("schedules/<uuid:trigger_id>/edit/")),
    Measured("schedule, to delete", of("schedules/<uuid:trigger_id>/delete/")),
    Measured("integrations", at("/integrations/")),
    Measured("integration of the catalogue", of("integrations/catalog/<slug:name>/")),
)
WEBHOOKS = (
    Measured("webhooks", at("/webhooks/")),
    Measured("webhook, new", at("/webhooks/new/")),
    Measured("webhook", of("webhooks/<uuid:webhook_id>/")),
    Measured("webhook, failed deliveries", of("webhooks/<uuid:webhook_id>/", "?status=failed")),
    Measured("webhook, to edit", of("webhooks/<uuid:webhook_id>/edit/")),
    Measured("webhook, to delete", of("webhooks/<uuid:webhook_id>/delete/")),
    Measured("delivery", of("webhooks/<uuid:webhook_id>/<uuid:delivery_id>/")),
)
SYSTEM = (
    Measured("health", at("/health/"), most_queries=30),
    part("health, poll", at("/health/live/"), most_queries=30),
    Measured("alive", at("/healthz")),
    Measured("ready", at("/readyz"), most_queries=30, answers=(OK, 503)),  # without daemons it is not
    Measured("metrics", at("/metrics"), most_queries=70),
    Measured("daemons", at("/daemons/")),
    part("daemons, poll", at("/daemons/live/")),
    Measured("settings", at("/settings/")),
    Measured("alerts", at("/settings/alerts/")),
    Measured("alert, new", at("/settings/alerts/new/")),
    Measured("alert", of("settings/alerts/<uuid:rule_id>/")),
    Measured("alert, to edit", of("settings/alerts/<uuid:rule_id>/edit/")),
    Measured("alert, to delete", of("settings/alerts/<uuid:rule_id>/delete/")),
    Measured("environments", at("/settings/environments/")),
    Measured("environment, new", at("/settings/environments/new/")),
    Measured("environment", of("settings/environments/<uuid:environment_id>/")),
    Measured("tokens", at("/settings/tokens/")),
    Measured("token, new", at("/settings/tokens/new/")),
    Measured("token, to revoke", of("settings/tokens/<uuid:token_id>/revoke/")),
    Measured("people", at("/settings/people/")),
    Measured("person, new", at("/settings/people/new/")),
    Measured("person", of("settings/people/<int:person_id>/")),
    Measured("person, to deactivate", of("settings/people/<int:person_id>/deactivate/")),
    Measured("password", at("/password/")),
    Measured("shortcuts", at("/shortcuts/")),
)
ADMIN = tuple(
    Measured(name, address, growth=ADMIN_GROWTH)
    for name, address in (
        ("admin's runs", at("/admin/runs/syncjobrun/")),
        ("admin's runs, last page", lambda marks: f"/admin/runs/syncjobrun/?p={marks.last_page_of_admin}"),
        ("admin's runs, failed", at("/admin/runs/syncjobrun/?status__exact=failed")),
        ("admin's runs, started by the API", at("/admin/runs/syncjobrun/?trigger__exact=api")),
        ("admin's runs, search", at("/admin/runs/syncjobrun/?q=customer-7")),
        ("admin's runs, search in vain", at("/admin/runs/syncjobrun/?q=nobody-is-called-so")),
    )
)
PAGES = (*RUNS, *RUN, *TROUBLE, *BULK, *ACCOUNTS, *JOBS, *WEBHOOKS, *SYSTEM, *ADMIN)


def unmeasured(addresses: list[str]) -> set[str]:
    """The routes that are read, and that none of these addresses leads to."""
    measured = {str(resolve(address.partition("?")[0]).route) for address in addresses}
    return {route for route in page_routes() if access_of(route).get is not None} - measured - NOT_MEASURED
