"""The board of accounts: which filters and orders it has, and what a page of it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, F, Q, QuerySet, When
from django.db.models.functions import Cast, Coalesce, Lower
from django.http import QueryDict
from django.utils import timezone

from runs.keyset import ListOrder, Page, page_or_first
from runs.lookups import parse_choice, parse_text
from runs.models import AccountStatus, CronTrigger, Environment, IntegratedAccount, SyncJobRun
from runs.parameters import changed_query, read_parameters
from runs.punctuality import Punctuality, accounts_that_are


class AccountState(StrEnum):
    """What the board can be narrowed to: its punctuality, of several schedules the worst; and what else is notable."""

    OVERDUE = "overdue"
    LATE = "late"
    NEEDS_CREDENTIALS = "reauth"
    RUNNING = "running"
    ON_TIME = "on_time"
    UNSCHEDULED = "unscheduled"


BY_PUNCTUALITY = {
    AccountState.OVERDUE: Punctuality.OVERDUE,
    AccountState.LATE: Punctuality.LATE,
    AccountState.ON_TIME: Punctuality.ON_TIME,
}

# What a page is sorted by: the name of the key, and which end comes first.
SORTS = {
    "name": ("name", ListOrder.OLDEST_FIRST),
    "-name": ("name", ListOrder.NEWEST_FIRST),
    "fresh": ("fresh_at", ListOrder.OLDEST_FIRST),
    "-fresh": ("fresh_at", ListOrder.NEWEST_FIRST),
}
DEFAULT_SORT = "name"
HIDDEN = ("context", "unified_model_override", "integration__config")

_PARSERS: dict[str, Callable[[str], Any]] = {
    "state": parse_choice(list(AccountState)),
    "integration": parse_text,
    "q": parse_text,
    "sort": parse_choice(SORTS),
}


@dataclass(frozen=True)
class AccountFilter:
    """What the address of the board asks for, within the environments that its reader may see.

    A value that cannot be read is told in `errors` and filters nothing.
    """

    params: QueryDict
    environments: QuerySet[Environment]
    now: datetime
    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_params(cls, params: QueryDict, environments: QuerySet[Environment]) -> AccountFilter:
        """Read `state`, `integration` (its name), `q` and `sort`."""
        return cls(params, environments, timezone.now(), *read_parameters(params, _PARSERS))

    @property
    def sort(self) -> str:
        return self.values.get("sort", DEFAULT_SORT)

    @property
    def in_force(self) -> list[str]:
        """The names of what narrows the list."""
        return [name for name in self.values if name != "sort"]

    def page(self, cursor: str | None, limit: int = 50) -> Page[IntegratedAccount]:
        """The page at `cursor`; a bad one, or one of a list in another order, gives the first page and an error."""
        key, order = SORTS[self.sort]
        rows = _keyed(self._matching(self.values).select_related("integration", "freshness").defer(*HIDDEN))
        return page_or_first(rows, cursor, limit, self.errors, (key, "id"), order)

    def state_counts(self, cap: int = 1000) -> dict[str, int]:
        """How many accounts each state has within the other filters; `cap + 1` means more than `cap`."""
        others = {name: value for name, value in self.values.items() if name != "state"}
        return {
            state: self._matching({**others, "state": state}).order_by()[: cap + 1].count() for state in AccountState
        }

    def query_string(self, **changes: Any) -> str:
        """The address's query with these parameters changed (None removes one).

        A change of any filter leaves the page's cursor out: it belongs to the former list.
        """
        return changed_query(self.params, {"cursor": None, **changes})

    @cached_property
    def _environment_ids(self) -> list[UUID]:
        return list(self.environments.values_list("id", flat=True))

    def _matching(self, values: dict[str, Any]) -> QuerySet[IntegratedAccount]:
        accounts = IntegratedAccount.objects.live().filter(environment__in=self._environment_ids)
        if "integration" in values:
            accounts = accounts.filter(integration__name=values["integration"])
        if "q" in values:
            accounts = accounts.filter(_named(values["q"]))
        return accounts.filter(_in_state(values["state"], self.now)) if "state" in values else accounts


def _keyed(accounts: QuerySet[IntegratedAccount]) -> QuerySet[IntegratedAccount]:
    """With the keys of `SORTS`. An account without a name is called by its id; one that has never completed a run
    grows old from its creation on."""
    own_name = Case(When(tenant_id="", then=Cast("id", CharField())), default=F("tenant_id"))
    return accounts.annotate(
        name=Lower(own_name), fresh_at=Coalesce(F("freshness__last_completed_at"), F("created_at"))
    )


def _named(text: str) -> Q:
    """Accounts whose name contains the text, or whose id it is."""
    try:
        return Q(tenant_id__icontains=text) | Q(pk=UUID(text))
    except ValueError:
        return Q(tenant_id__icontains=text)


def _in_state(state: str, now: datetime) -> Q:
    match state:
        case AccountState.NEEDS_CREDENTIALS:
            return Q(status=AccountStatus.NEEDS_REAUTH)
        case AccountState.RUNNING:
            return Q(pk__in=SyncJobRun.objects.live().values("integrated_account"))
        case AccountState.UNSCHEDULED:
            armed = CronTrigger.objects.live().filter(is_active=True)
            return ~Q(pk__in=armed.values("integrated_account"))
    return Q(pk__in=accounts_that_are(BY_PUNCTUALITY[AccountState(state)], now))
