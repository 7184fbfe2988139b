"""Where pages lead: never to what their reader may not do; and what each role may do."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.urls import resolve
from django.utils import timezone

from runs.engine.outbox import new_delivery, note_errors
from runs.models import (
    ApiToken,
    BulkAction,
    BulkKind,
    DeliveryStatus,
    Environment,
    ErrorGroup,
    RecordError,
    Role,
    RunStatus,
    SyncJobRun,
    WebhookEvent,
)
from runs.services import BulkOrder, run_set, start_bulk
from tests import factories
from tests.dashboard.conftest import logged_in, member, person_of
from tests.dashboard.routes import Rank, access_of, address_of, page_routes
from tests.runs.records import store


class Ways(HTMLParser):
    """Where a page leads: addresses to read, and addresses to post to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.read: set[str] = set()
        self.posted: set[str] = set()
        self._form: dict[str, Any] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        given = dict(attributes)
        if tag == "form":
            self._form = given
            (self.posted if given.get("method") == "post" else self.read).add(given.get("action") or "")
        if "formaction" in given:
            (self.posted if self._form.get("method") == "post" else self.read).add(given["formaction"])
        self.read |= {given[name] for name in ("href", "hx-get") if tag != "link" and name in given}
        self.posted |= {given[name] for name in ("hx-post",) if name in given}


def _ordered_stop(run: SyncJobRun) -> BulkAction:
    """A bulk action that nobody carries out."""
    runs = SyncJobRun.objects.filter(pk=run.pk)
    found = run_set(runs)
    order = BulkOrder(uuid4(), BulkKind.STOP, len(found.rows), found.hash, "olga", "", is_selection=True)
    return start_bulk(order, runs)


@pytest.fixture
def rows(environment: Environment) -> Iterator[dict[str, Any]]:
    """One of each, by the names of the routes' parameters."""
    run = factories.run()
    ended = factories.run(account=run.integrated_account, job=run.sync_job, force=True)
    SyncJobRun.objects.filter(pk=ended.pk).update(status=RunStatus.FAILED, finished_at=timezone.now())
    webhook = factories.webhook()
    delivery = new_delivery(webhook, WebhookEvent.TEST, {})
    delivery.status, delivery.next_attempt_at = DeliveryStatus.FAILED, None
    delivery.save(force_insert=True)
    factories.token(environment)
    note_errors(run, [RecordError(run=run, step=run.steps.first(), resource="r", method="list", code="c", message="m")])
    group = ErrorGroup.objects.get()
    yield {
        "run_id": run.pk,
        "line_id": run.events.get().pk,
        "base_id": ended.pk,
        "job_id": run.sync_job_id,
        "account_id": run.integrated_account_id,
        "trigger_id": factories.trigger(account=run.integrated_account, job=run.sync_job).pk,
        "webhook_id": webhook.pk,
        "delivery_id": delivery.pk,
        "group_id": group.pk,
        "record_id": store(ended, "a", {"name": "Ada"}).pk,
        "environment_id": environment.pk,
        "token_id": ApiToken.objects.get().pk,
        "person_id": member("colleague", environment, role=Role.VIEWER).pk,
        "action_id": _ordered_stop(run).pk,
        "rule_id": factories.alert_rule().pk,
        "ended": ended.pk,
    }


@pytest.mark.parametrize("rank", [Rank.VIEWER, Rank.OPERATOR, Rank.ADMIN])
def test_no_page_shows_a_way_that_its_reader_may_not_go(
    rank: Rank, environment: Environment, rows: dict[str, Any]
) -> None:
    """No link, no button: whoever sees one can use it."""
    client = logged_in(person_of(rank, environment))

    @cache  # most ways stand on every page
    def may(way: tuple[str, str]) -> bool:
        return may_go(client, rank, *way)

    readable = [route for route in page_routes() if rank >= (access_of(route).get or Rank.ANYBODY)]
    addresses = [address_of(route, **rows) for route in readable if access_of(route).get is not None]
    for address in [*addresses, f"/runs/{rows['ended']}/"]:
        page = client.get(address)
        assert page.status_code in (200, 302, 400, 503), f"{address}: {page.status_code}"
        if page.streaming:  # a file
            continue
        ways = Ways(page.content.decode())
        wanted = {(urljoin(address, way), "get") for way in ways.read}
        wanted |= {(urljoin(address, way), "post") for way in ways.posted}
        assert {way for way in wanted if not may(way)} == set(), address


def may_go(client: Client, rank: Rank, address: str, method: str) -> bool:
    target = urlsplit(address)
    if target.netloc:  # a provider's own documents
        return method == "get"
    path = target.path
    if path.startswith("/admin/"):
        return client.get(path).status_code == 200
    if path.startswith("/static/"):
        return True
    needed = getattr(access_of(str(resolve(path).route)), method)
    return needed is not None and rank >= needed


@pytest.mark.parametrize(
    ("role", "may_do", "may_not_do"),
    [
        (Role.VIEWER, ["view_syncjobrun", "view_record"], ["operate_runs", "change_syncjob", "view_user"]),
        (Role.OPERATOR, ["view_syncjobrun", "operate_runs"], ["change_syncjob", "view_apitoken", "change_webhook"]),
        (Role.ADMIN, ["operate_runs", "delete_syncjob", "add_user", "add_apitoken"], ["delete_user", "delete_record"]),
    ],
)
def test_a_role_is_a_group_with_its_permissions(
    environment: Environment, role: Role, may_do: list[str], may_not_do: list[str]
) -> None:
    person = member("somebody", environment, role=role)
    assert person.role == role
    assert all(person.has_perm(f"runs.{name}") for name in may_do)
    assert not any(person.has_perm(f"runs.{name}") for name in may_not_do)
    assert not any(name.startswith(("auth.", "axes.")) for name in person.get_all_permissions())


def test_whoever_is_nobody_has_no_rights() -> None:
    assert not AnonymousUser().has_perm("runs.operate_runs")
