"""The client against the API's own description: each operation has its method, each object its fields."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from types import NoneType
from typing import Any, Required, get_args, get_origin, get_type_hints

import httpx2
import msgspec
import pytest

from runs.api import api
from runs.client import Syncdeck, bodies, nouns, objects
from runs.client.runs import Runs

ID = "0192f0c1-2b3c-7d4e-8f50-112233445566"
NOT_CALLED = {
    "change_run": "a second way to stop: runs.stop",
    "delete_run": "a third way to stop: runs.stop",
}
OBJECTS: dict[str, type[msgspec.Struct]] = {
    "Pong": objects.Ping,
    "IntegrationPayload": objects.Integration,
    "IntegrationName": objects.IntegrationName,
    "AccountPayload": objects.Account,
    "ConnectionFault": objects.ConnectionFault,
    "ConnectionPayload": objects.ConnectionTest,
    "MappingPayload": objects.Mapping,
    "EmbeddedJob": objects.EmbeddedJob,
    "JobPayload": objects.Job,
    "FailurePayload": objects.RunFailure,
    "RunPayload": objects.Run,
    "RunWithJob": objects.RunWithJob,
    "EntryPayload": objects.Entry,
    "EventPayload": objects.Event,
    "ErrorPayload": objects.RunError,
    "TriggerPayload": objects.CronTrigger,
    "Scheduled": objects.Success,
    "Success": objects.Success,
    "WebhookPayload": objects.Webhook,
    "WebhookWithSecret": objects.WebhookWithSecret,
    "AttemptPayload": objects.Attempt,
    "DeliveryPayload": objects.Delivery,
    "DeliveryWithBody": objects.DeliveryWithBody,
    "RecordPayload": objects.Record,
    "RecordFault": objects.RecordFault,
    "PagePayload": objects.SourcePage,
    "DaemonPayload": objects.Daemon,
    "PreviewPayload": objects.PlannedRequest,
    "DryFault": objects.DryFault,
    "RefusedPayload": objects.RefusedRecord,
    "SamplePayload": objects.Sample,
    "DryEntryPayload": objects.DryEntry,
    "DryRunPayload": objects.DryRun,
}
BODIES = {
    "IntegrationChanges": bodies.IntegrationFields,
    "NewAccount": bodies.NewAccount,
    "AccountChanges": bodies.AccountFields,
    "NewMapping": bodies.NewMapping,
    "MappingChanges": bodies.MappingFields,
    "NewJob": bodies.NewJob,
    "JobChanges": bodies.JobFields,
    "DryRunWishes": bodies.DryRunWishes,
    "NewRun": bodies.NewRun,
    "RerunWishes": bodies.RerunWishes,
    "NewTrigger": bodies.NewTrigger,
    "TriggerChanges": bodies.TriggerFields,
    "WebhookChanges": bodies.WebhookFields,
}
# Those that have no type of their own here: a list, what is only removed, one id, and another way to stop.
WITHOUT = {"Deleted", "WebhookTest", "RunChanges", "Error"}
FILTERS = {
    "list_runs": Runs.fields,
    "list_entries": Runs.entry_fields,
    "list_events": Runs.event_fields,
    "list_errors": Runs.error_fields,
    "list_integrations": nouns.Integrations.fields,
    "list_accounts": nouns.Accounts.fields,
    "list_mappings": nouns.Mappings.fields,
    "list_jobs": nouns.Jobs.fields,
    "list_triggers": nouns.Triggers.fields,
    "list_webhooks": nouns.Webhooks.fields,
    "list_deliveries": nouns.Webhooks.delivery_fields,
    "list_records": nouns.Records.fields,
    "list_daemons": nouns.Daemons.fields,
}
CALLS: dict[str, Callable[[Syncdeck], Any]] = {
    "ping": lambda deck: deck.ping(),
    "list_integrations": lambda deck: list(deck.integrations.list()),
    "create_integration": lambda deck: deck.integrations.create(name="crm"),
    "get_integration": lambda deck: deck.integrations.get(ID),
    "change_integration": lambda deck: deck.integrations.change(ID, label="CRM"),
    "remove_integration": lambda deck: deck.integrations.remove(ID),
    "list_accounts": lambda deck: list(deck.accounts.list()),
    "create_account": lambda deck: deck.accounts.create(integration_name="crm", tenant_id="acme"),
    "get_account": lambda deck: deck.accounts.get(ID),
    "change_account": lambda deck: deck.accounts.change(ID, tenant_id="acme"),
    "remove_account": lambda deck: deck.accounts.remove(ID),
    "test_account": lambda deck: deck.accounts.test(ID),
    "list_mappings": lambda deck: list(deck.mappings.list()),
    "create_mapping": lambda deck: deck.mappings.create(model="crm", resource="contacts", integration=ID),
    "get_mapping": lambda deck: deck.mappings.get(ID),
    "change_mapping": lambda deck: deck.mappings.change(ID, override={}),
    "remove_mapping": lambda deck: deck.mappings.remove(ID),
    "list_jobs": lambda deck: list(deck.jobs.list()),
    "create_job": lambda deck: deck.jobs.create(integration_name="crm", resources=[]),
    "get_job": lambda deck: deck.jobs.get(ID),
    "change_job": lambda deck: deck.jobs.change(ID, label="Contacts"),
    "remove_job": lambda deck: deck.jobs.remove(ID),
    "try_job": lambda deck: deck.jobs.dry_run(ID, integrated_account_id=ID),
    "list_runs": lambda deck: list(deck.runs.list()),
    "start_run": lambda deck: deck.runs.create(sync_job_id=ID, integrated_account_id=ID),
    "get_run": lambda deck: deck.runs.get(ID),
    "stop_run": lambda deck: deck.runs.stop(ID),
    "rerun_run": lambda deck: deck.runs.rerun(ID, ignore_previous_run=True),
    "list_entries": lambda deck: list(deck.runs.entries(ID)),
    "list_events": lambda deck: list(deck.runs.events(ID)),
    "list_errors": lambda deck: list(deck.runs.errors(ID)),
    "list_triggers": lambda deck: list(deck.triggers.list()),
    "create_trigger": lambda deck: deck.triggers.create(sync_job_id=ID, integrated_account_id=ID),
    "get_trigger": lambda deck: deck.triggers.get(ID),
    "change_trigger": lambda deck: deck.triggers.change(ID, is_active=False),
    "remove_trigger": lambda deck: deck.triggers.remove(ID),
    "schedule_trigger": lambda deck: deck.triggers.schedule(ID),
    "list_webhooks": lambda deck: list(deck.webhooks.list()),
    "create_webhook": lambda deck: deck.webhooks.create(target_url="https://example.com"),
    "test_webhook": lambda deck: deck.webhooks.test(ID),
    "get_webhook": lambda deck: deck.webhooks.get(ID),
    "change_webhook": lambda deck: deck.webhooks.change(ID, event_types=None),
    "remove_webhook": lambda deck: deck.webhooks.remove(ID),
    "list_deliveries": lambda deck: list(deck.webhooks.deliveries(ID)),
    "get_delivery": lambda deck: deck.webhooks.delivery(ID, ID),
    "resend_delivery": lambda deck: deck.webhooks.resend(ID, ID),
    "list_records": lambda deck: list(deck.records.list()),
    "list_raw": lambda deck: deck.proxy.list("contacts", ID),
    "get_raw": lambda deck: deck.proxy.get("contacts", "7", ID),
    "list_unified": lambda deck: deck.unified.list("crm/contacts", ID),
    "get_unified": lambda deck: deck.unified.get("crm/contacts", "7", ID),
    "list_daemons": lambda deck: list(deck.daemons.list()),
    "get_daemon": lambda deck: deck.daemons.get(ID),
}


@cache
def document() -> Any:
    return json.loads(json.dumps(api.get_openapi_schema(path_prefix=""), default=str))


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def names() -> set[str]:
    return {operation["operationId"] for _, _, operation in operations()}


def answered_by_example(request: httpx2.Request) -> httpx2.Response:
    """As the document says that it is answered."""
    _, operation = operation_of(request)
    status, told = next((int(code), told) for code, told in operation["responses"].items() if code.startswith("2"))
    return httpx2.Response(status, json=told["content"]["application/json"]["example"])


def operation_of(request: httpx2.Request) -> tuple[str, dict[str, Any]]:
    """Of those that fit the address the one with the fewest names to fill in."""
    fitting = [
        (path, operation)
        for method, path, operation in operations()
        if method == request.method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), request.url.path)
    ]
    return min(fitting, key=lambda found: found[0].count("{"))


def test_each_operation_has_its_method() -> None:
    assert CALLS.keys() | NOT_CALLED.keys() == names()
    assert CALLS.keys() & NOT_CALLED.keys() == set()


@pytest.mark.parametrize("name", CALLS)
def test_the_method_asks_for_its_operation_and_reads_the_answer(name: str) -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(operation_of(request)[1]["operationId"])
        assert ("Idempotency-Key" in request.headers) == (request.method == "POST")
        return answered_by_example(request)

    with Syncdeck("https://sync.example.com", "token", transport=httpx2.MockTransport(answer)) as deck:
        CALLS[name](deck)

    assert asked == [name]


def test_every_schema_has_its_type() -> None:
    schemas = {name for name in document()["components"]["schemas"] if not name.startswith("ListOf_")}
    assert schemas == OBJECTS.keys() | BODIES.keys() | WITHOUT


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_has_the_fields_of_the_wire(name: str) -> None:
    """And each takes null where the wire has it, and only there."""
    told = document()["components"]["schemas"][name]["properties"]
    hints = get_type_hints(OBJECTS[name])

    assert set(OBJECTS[name].__struct_fields__) == told.keys()
    for field, schema in told.items():
        is_anything = not schema.keys() - {"title", "description"}
        takes_null = hints[field] is Any or NoneType in get_args(hints[field])
        assert takes_null == (is_anything or {"type": "null"} in schema.get("anyOf", [])), field


@pytest.mark.parametrize("name", BODIES)
def test_a_body_has_the_fields_of_the_wire(name: str) -> None:
    schema = document()["components"]["schemas"][name]
    hints = get_type_hints(BODIES[name], include_extras=True)

    assert hints.keys() == schema["properties"].keys()
    required = {field for field, hint in hints.items() if get_origin(hint) is Required}
    assert required == set(schema.get("required", []))


@pytest.mark.parametrize("name", FILTERS)
def test_a_list_has_the_filters_of_the_wire(name: str) -> None:
    operation = next(operation for _, _, operation in operations() if operation["operationId"] == name)
    told = {parameter.get("name") for parameter in operation["parameters"] if parameter.get("in") == "query"}

    assert FILTERS[name] == told - {"limit", "next_cursor", "order", "comparisons"}


def test_every_list_is_held_to_its_filters() -> None:
    assert FILTERS.keys() == {name for name in names() if name.startswith("list_")} - {"list_raw", "list_unified"}
