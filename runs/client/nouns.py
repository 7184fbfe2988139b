"""What there is to call, a class per noun of the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar, Unpack
from uuid import UUID

from runs.client import objects
from runs.client.bodies import (
    AccountFields,
    DryRunWishes,
    IntegrationFields,
    JobFields,
    MappingFields,
    NewAccount,
    NewJob,
    NewMapping,
    NewTrigger,
    TriggerFields,
    WebhookFields,
)
from runs.client.lists import MOST_ROWS, Listing, filters_query
from runs.client.wire import Query, Wire

T = TypeVar("T")
Id = UUID | str
Params = Mapping[str, str | Sequence[str]]

ANYTHING: Any = Any

OWN = frozenset({"id", "environment_id", "created_at", "updated_at"})


def checked(body: Mapping[str, Any], kind: Any) -> dict[str, Any]:
    """The body, of which each field is one of this kind's. Raises TypeError as Python does for a wrong keyword: the API
    ignores unknown fields, and a slip of the pen would do something else than was meant."""
    known: set[str] = set(kind.__annotations__)
    if unknown := body.keys() - known:
        raise TypeError(f"{', '.join(sorted(unknown))}: no such field; there are {', '.join(sorted(known))}")
    return dict(body)


class Noun:
    """Operations on one noun."""

    path: ClassVar[str]

    def __init__(self, wire: Wire) -> None:
        self._wire = wire


class Listed(Noun, Generic[T]):
    """A noun that can be listed."""

    kind: type[T]
    fields: ClassVar[frozenset[str]]

    def list(self, *, page_size: int = 100, order: str = "desc", **filters: Any) -> Listing[T]:
        """Those that pass the filters, the newest first unless `order` is `asc`. Pages are asked for as they are read.

        Raises BadRequest for a filter that the list does not have.
        """
        return self._listing(self.kind, (self.path,), self.fields, page_size, order, filters)

    def _listing(
        self,
        kind: type[Any],
        path: tuple[object, ...],
        fields: frozenset[str],
        page_size: int,
        order: str,
        filters: Mapping[str, Any],
    ) -> Listing[Any]:
        paging = [("limit", str(min(max(page_size, 1), MOST_ROWS))), ("order", order)]
        return Listing(self._wire, kind, path, [*paging, *filters_query(filters, fields)])


class Found(Listed[T]):
    """A noun of which one can be found by its id."""

    def get(self, id: Id) -> T:
        """Raises NotFound."""
        return self._wire.ask(self.kind, "GET", self.path, id)


class Removable(Found[T]):
    def remove(self, id: Id) -> None:
        """Raises NotFound, and Refused where a live run needs it."""
        self._wire.remove(self.path, id)


class Integrations(Removable[objects.Integration]):
    path = "integration"
    kind = objects.Integration
    fields = OWN | {"name", "label", "category"}

    def create(self, **fields: Unpack[IntegrationFields]) -> objects.Integration:
        return self._wire.ask(self.kind, "POST", self.path, body=checked(fields, IntegrationFields))

    def change(self, id: Id, **fields: Unpack[IntegrationFields]) -> objects.Integration:
        return self._wire.ask(self.kind, "PATCH", self.path, id, body=checked(fields, IntegrationFields))


class Accounts(Removable[objects.Account]):
    path = "integrated-account"
    kind = objects.Account
    fields = OWN | {"tenant_id", "status", "integration_name", "integration.name"}

    def create(self, **fields: Unpack[NewAccount]) -> objects.Account:
        return self._wire.ask(self.kind, "POST", self.path, body=checked(fields, NewAccount))

    def change(self, id: Id, **fields: Unpack[AccountFields]) -> objects.Account:
        return self._wire.ask(self.kind, "PATCH", self.path, id, body=checked(fields, AccountFields))

    def test(self, id: Id) -> objects.ConnectionTest:
        """One real request with the account's credentials, of which nothing is stored."""
        return self._wire.ask(objects.ConnectionTest, "POST", self.path, id, "test")


class Mappings(Removable[objects.Mapping]):
    path = "unified-mapping"
    kind = objects.Mapping
    fields = OWN | {"model", "resource", "method", "integration", "integration_name", "integration_id"}

    def create(self, **fields: Unpack[NewMapping]) -> objects.Mapping:
        return self._wire.ask(self.kind, "POST", self.path, body=checked(fields, NewMapping))

    def change(self, id: Id, **fields: Unpack[MappingFields]) -> objects.Mapping:
        return self._wire.ask(self.kind, "PATCH", self.path, id, body=checked(fields, MappingFields))


class Jobs(Removable[objects.Job]):
    path = "sync-job"
    kind = objects.Job
    fields = OWN | {"integration_name", "label", "default_runtime_version"}

    def create(self, **fields: Unpack[NewJob]) -> objects.Job:
        return self._wire.ask(self.kind, "POST", self.path, body=checked(fields, NewJob))

    def change(self, id: Id, **fields: Unpack[JobFields]) -> objects.Job:
        return self._wire.ask(self.kind, "PATCH", self.path, id, body=checked(fields, JobFields))

    def dry_run(self, id: Id, **wishes: Unpack[DryRunWishes]) -> objects.DryRun:
        """What a run would do, by each entry's first page, of which nothing is stored. It takes up to 45 seconds."""
        return self._wire.ask(objects.DryRun, "POST", self.path, id, "dry-run", body=checked(wishes, DryRunWishes))


class Triggers(Removable[objects.CronTrigger]):
    path = "sync-job-cron-trigger"
    kind = objects.CronTrigger
    fields = OWN | {
        *("sync_job_id", "integrated_account_id", "webhook_id", "daemon_group_key", "cron_expression"),
        *("ignore_previous_run", "error_handling", "is_active", "next_run_at", "last_run_id", "last_skipped_at"),
    }

    def create(self, **fields: Unpack[NewTrigger]) -> objects.CronTrigger:
        return self._wire.ask(self.kind, "POST", self.path, body=checked(fields, NewTrigger))

    def change(self, id: Id, **fields: Unpack[TriggerFields]) -> objects.CronTrigger:
        return self._wire.ask(self.kind, "PATCH", self.path, id, body=checked(fields, TriggerFields))

    def schedule(self, id: Id) -> None:
        """Arm it."""
        self._wire.ask(objects.Success, "POST", self.path, id, "schedule")


class Webhooks(Removable[objects.Webhook]):
    path = "webhook"
    kind = objects.Webhook
    fields = OWN | {"target_url", "is_active"}
    delivery_fields: ClassVar = frozenset(
        {"id", "sync_job_run_id", "event", "status", "last_status_code", "created_at", "updated_at"}
    )

    def create(self, **fields: Unpack[WebhookFields]) -> objects.WebhookWithSecret:
        """The only answer that tells the signing secret."""
        return self._wire.ask(objects.WebhookWithSecret, "POST", self.path, body=checked(fields, WebhookFields))

    def change(self, id: Id, **fields: Unpack[WebhookFields]) -> objects.Webhook:
        return self._wire.ask(self.kind, "PATCH", self.path, id, body=checked(fields, WebhookFields))

    def test(self, id: Id) -> None:
        """Send it the event `test` now. Raises RemoteError if its receiver does not take it."""
        self._wire.ask(objects.Success, "POST", self.path, "test", body={"id": str(id)})

    def deliveries(
        self, id: Id, *, page_size: int = 100, order: str = "desc", **filters: Any
    ) -> Listing[objects.Delivery]:
        path = (self.path, id, "delivery")
        return self._listing(objects.Delivery, path, self.delivery_fields, page_size, order, filters)

    def delivery(self, id: Id, delivery_id: Id) -> objects.DeliveryWithBody:
        return self._wire.ask(objects.DeliveryWithBody, "GET", self.path, id, "delivery", delivery_id)

    def resend(self, id: Id, delivery_id: Id) -> objects.Delivery:
        """Send the same event again, with the same id and bytes. Raises Conflict while it is on its way."""
        return self._wire.ask(objects.Delivery, "POST", self.path, id, "delivery", delivery_id, "resend")


class Records(Listed[objects.Record]):
    path = "record"
    kind = objects.Record
    fields = OWN - {"environment_id"} | {
        *("integrated_account_id", "resource", "record_id", "first_run_id", "last_run_id", "deleted_at"),
    }


class Daemons(Found[objects.Daemon]):
    path = "daemon"
    kind = objects.Daemon
    fields = frozenset({"id", "daemon_id", "group_key", "status", "last_active_at", "created_at"})


class PassThrough(Noun):
    """One page, or one record, of an account's own API, fetched now and not stored. `path` is `proxy` or `unified`."""

    def __init__(self, wire: Wire, path: str) -> None:
        super().__init__(wire)
        self._path = path

    def list(
        self, resource: str, integrated_account_id: Id, *, params: Params | None = None, cursor: str | None = None
    ) -> objects.SourcePage:
        """`resource` is `contacts`, or `crm/contacts` for `unified`; `params` go to the source.

        Raises RemoteError with what the source has said.
        """
        query = self._query(integrated_account_id, cursor, params or {})
        return self._wire.ask(objects.SourcePage, "GET", self._path, *resource.split("/"), query=query)

    def get(self, resource: str, id: Id, integrated_account_id: Id, *, params: Params | None = None) -> Any:
        """The record, as the source or the mapping has it."""
        query = self._query(integrated_account_id, None, params or {})
        return self._wire.ask(ANYTHING, "GET", self._path, *resource.split("/"), id, query=query)

    @staticmethod
    def _query(account_id: Id, cursor: str | None, params: Params) -> Query:
        ours = [("integrated_account_id", str(account_id)), *([("next_cursor", cursor)] if cursor else [])]
        values = {name: [value] if isinstance(value, str) else value for name, value in params.items()}
        return [*ours, *((name, str(one)) for name, several in values.items() for one in several)]
