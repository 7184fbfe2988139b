"""Every page there is, as the URL conf knows it, and who may open it: a page that is new takes its line here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from dashboard.urls import urlpatterns

ANY_ID = "0192f0c1-2b3c-7d4e-8f50-112233445566"
SAMPLES = {"name": "zendesk", "language": "en", "person_id": "999999999", "uidb64": "MQ", "token": "a-b"}


class Rank(IntEnum):
    """Who somebody is; each may what those before may."""

    ANYBODY = 0
    CUSTOMER = 1  # has a login, and is not staff
    VIEWER = 2
    OPERATOR = 3
    ADMIN = 4
    SUPERUSER = 5


@dataclass(frozen=True)
class Access:
    """Who may read the page, and who may post to it; None where the method is not for anybody."""

    get: Rank | None
    post: Rank | None = None

    @property
    def enters(self) -> Rank:
        """Who gets as far as to be told that a method is not for anybody."""
        return max(rank for rank in (self.get, self.post) if rank is not None)


LOOKS = Access(Rank.VIEWER)
OPERATES = Access(Rank.OPERATOR, Rank.OPERATOR)
ORDERS = Access(None, Rank.OPERATOR)
ADMINISTERS = Access(Rank.ADMIN, Rank.ADMIN)

# By the beginning of the route; the longest that fits holds. A route that none fits fails the tests.
ACCESS = {
    "healthz": Access(Rank.ANYBODY),
    "readyz": Access(Rank.ANYBODY),
    "metrics": Access(Rank.SUPERUSER),  # or a token of its own
    "login/": Access(Rank.ANYBODY, Rank.ANYBODY),
    "logout/": Access(None, Rank.ANYBODY),
    "look/": Access(None, Rank.ANYBODY),
    "words/": Access(Rank.ANYBODY),
    "password/": Access(Rank.CUSTOMER, Rank.CUSTOMER),
    "password/<uidb64>/": Access(Rank.ANYBODY, Rank.ANYBODY),
    "shortcuts/": LOOKS,
    "attention/": LOOKS,
    "attention/acknowledge/": ORDERS,
    "runs/": LOOKS,
    "runs/<uuid:run_id>/stop/": OPERATES,
    "runs/<uuid:run_id>/rerun/": OPERATES,
    "runs/<uuid:run_id>/force-stop/": OPERATES,
    "bulk/": LOOKS,
    "bulk/new/": OPERATES,
    "bulk/count/": LOOKS,
    "bulk/<uuid:action_id>/cancel/": OPERATES,
    "views/": Access(None, Rank.VIEWER),
    "runs/<uuid:run_id>/acknowledge/": ORDERS,
    "runs/<uuid:run_id>/reopen/": ORDERS,
    "jobs/": LOOKS,
    "jobs/new/": ADMINISTERS,
    "jobs/import/": ADMINISTERS,
    "jobs/check/": Access(None, Rank.ADMIN),
    "jobs/<uuid:job_id>/edit/": Access(Rank.VIEWER, Rank.ADMIN),
    "jobs/<uuid:job_id>/delete/": ADMINISTERS,
    "jobs/<uuid:job_id>/run/": OPERATES,
    "jobs/<uuid:job_id>/dry-run/": OPERATES,
    "jobs/<uuid:job_id>/schedule/": OPERATES,
    "schedules/": LOOKS,
    "schedules/new/": Access(Rank.OPERATOR),
    "schedules/<uuid:trigger_id>/edit/": OPERATES,
    "schedules/<uuid:trigger_id>/delete/": OPERATES,
    "schedules/<uuid:trigger_id>/arm/": ORDERS,
    "schedules/<uuid:trigger_id>/disarm/": ORDERS,
    "schedules/<uuid:trigger_id>/run/": ORDERS,
    "integrations/": LOOKS,
    "integrations/catalog/": Access(Rank.VIEWER, Rank.ADMIN),
    "accounts/": LOOKS,
    "accounts/new/": ADMINISTERS,
    "accounts/connected/": Access(Rank.ADMIN),
    "accounts/<uuid:account_id>/connect/": ADMINISTERS,
    "errors/": LOOKS,
    "errors/<uuid:group_id>/note/": ORDERS,
    "accounts/<uuid:account_id>/test/": ORDERS,
    "accounts/<uuid:account_id>/credentials/": ADMINISTERS,
    "accounts/<uuid:account_id>/run/": Access(Rank.OPERATOR),
    "records/": LOOKS,
    "webhooks/": LOOKS,
    "webhooks/new/": OPERATES,
    "webhooks/<uuid:webhook_id>/edit/": OPERATES,
    "webhooks/<uuid:webhook_id>/activate/": ORDERS,
    "webhooks/<uuid:webhook_id>/deactivate/": ORDERS,
    "webhooks/<uuid:webhook_id>/delete/": OPERATES,
    "webhooks/<uuid:webhook_id>/test/": ORDERS,
    "webhooks/<uuid:webhook_id>/<uuid:delivery_id>/resend/": ORDERS,
    "audit/": LOOKS,
    "daemons/": LOOKS,
    "health/": LOOKS,
    "settings/": Access(Rank.VIEWER, Rank.VIEWER),
    "settings/sessions/": Access(None, Rank.VIEWER),
    "settings/environments/": LOOKS,
    "settings/environments/new/": ADMINISTERS,
    "settings/environments/<uuid:environment_id>/": ADMINISTERS,
    "settings/alerts/": LOOKS,
    "settings/alerts/new/": ADMINISTERS,
    "settings/alerts/<uuid:rule_id>/edit/": ADMINISTERS,
    "settings/alerts/<uuid:rule_id>/delete/": ADMINISTERS,
    "settings/alerts/<uuid:rule_id>/mute/": ORDERS,
    "settings/alerts/<uuid:rule_id>/unmute/": ORDERS,
    "settings/alerts/<uuid:rule_id>/test/": ORDERS,
    "settings/tokens/": Access(Rank.ADMIN),
    "settings/tokens/new/": ADMINISTERS,
    "settings/tokens/<uuid:token_id>/revoke/": ADMINISTERS,
    "settings/people/": Access(Rank.ADMIN),
    "settings/people/new/": ADMINISTERS,
    "settings/people/<int:person_id>/": ADMINISTERS,
    "settings/people/<int:person_id>/link/": Access(None, Rank.ADMIN),
    "settings/people/<int:person_id>/sessions/": Access(None, Rank.ADMIN),
    "settings/people/<int:person_id>/activate/": Access(None, Rank.ADMIN),
}


def page_routes() -> list[str]:
    """The routes of all pages, such as `runs/<uuid:run_id>/stop/`; without the admin's and the API's."""
    return [str(pattern.pattern) for pattern in urlpatterns if isinstance(pattern, URLPattern)]


def all_routes() -> list[str]:
    """Those of the admin and the API too, whose patterns are regular expressions in part."""
    return list(_under("", get_resolver().url_patterns))


def access_of(route: str) -> Access:
    """Raises LookupError for a route of which nobody has said who may open it."""
    if not route:
        return LOOKS
    rules = [beginning for beginning in ACCESS if route.startswith(beginning)]
    if not rules:
        raise LookupError(f"Who may open {route}? Say so in tests/dashboard/routes.py.")
    return ACCESS[max(rules, key=len)]


def address_of(route: str, **rows: Any) -> str:
    """The route with ids in it: those of the given rows, else of none that exists."""
    ids = {**SAMPLES, **rows}
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(ids.get(found[1], ANY_ID)), route)


def _under(beginning: str, patterns: list[Any]) -> Any:
    for pattern in patterns:
        route = beginning + _readable(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _under(route, pattern.url_patterns)
        else:
            yield route


def _readable(pattern: str) -> str:
    """Of the admin's regular expressions: one of the addresses that they match."""
    return re.sub(r"\(\?P<app_label>[^)]*\)", "runs", re.sub(r"\(\?P<url>[^)]*\)", "x", pattern)).strip("^$")
