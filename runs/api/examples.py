"""The examples of the OpenAPI document: one value per field, the seed page's own where it has one.

Every body and every answer is put together from them, so that an object looks alike wherever it appears, and a new
one has an example as soon as it has fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

TIME = "2021-08-10T10:00:00.000Z"
ID = "4a4de828-f4db-4c9e-adfd-434e0864c3c7"
_QUERY = {"page": 1, "per_page": 100, "user_id": "{{args.user_id}}"}

FIELDS: dict[str, Any] = {
    "args": {"project_slug": "vcs_provider/org_name/repo_name"},
    "args_schema": {
        "type": "object",
        "properties": {
            "project_slug": {
                "type": "string",
                "description": "The project slug of the project on CircleCI. "
                "Its in the format vcs_provider/org_name/repo_name.",
                "required": True,
            }
        },
    },
    "resources": [
        {"resource": "contacts", "method": "list", "query": _QUERY, "persist": True},
        {
            "resource": "deals",
            "method": "list",
            "depends_on": "contacts",
            "query": {"contact_id": "{{resources.contacts.id}}"},
            "persist": True,
        },
    ],
    "resource_stats": {
        "crm/contacts": {"list": {"fetched": 100, "persisted": 100}},
        "crm/deals": {
            "list": {"fetched": 100, "persisted": 0},
            "get": {"fetched": 100, "persisted": 100},
        },
    },
    "config": {
        "base_url": "https://{{context.subdomain}}.zendesk.com/api/v2",
        "authorization": {"format": "bearer", "config": {"token": "{{context.token}}"}},
        "pagination": {
            "format": "cursor",
            "config": {
                "cursor_key": "page[after]",
                "cursor_path": "meta.after_cursor",
                "has_next_path": "meta.has_more",
                "limit_key": "page[size]",
                "limit": 100,
            },
        },
        "resources": {
            "contacts": {"list": {"method": "get", "path": "/users", "response_path": "users"}},
            "deals": {"list": {"method": "get", "path": "/deals", "response_path": "deals"}},
        },
    },
    "integrated_account_id": "94801e49-a652-42f9-af14-dd203d7897da",
    "environment_id": "05daecaf-4365-42e8-8370-8127de5dd717",
    "integration_name": "zendesk",
    "name": "zendesk",
    "label": "Contacts and deals",
    "category": "helpdesk",
    "tenant_id": "acme",
    "context": {"subdomain": "acme", "token": "a secret of the customer's"},
    "unified_model_override": {},
    "daemon_id": "default",
    "daemon_group_key": "default",
    "group_key": "default",
    "webhook_id": None,
    "error_handling": "ignore",
    "error": None,
    "version": 1,
    "default_runtime_version": 1,
    "attempt": 1,
    "error_count": 0,
    "created_by": "backend",
    "stop_requested_at": None,
    "rate_limited_until": None,
    "rerun_of_id": None,
    "index": 0,
    "requests_done": 1,
    "request_total": 1,
    "previous_run_date": None,
    "resource": "contacts",
    "method": "list",
    "record_id": "35436",
    "data": {"id": 35436, "name": "Ada Lovelace"},
    "metadata": {"host": "worker-1", "pid": 4711, "concurrency": 4},
    "kind": "step_finished",
    "message": "contacts: 100 fetched, 100 persisted, 0 errors.",
    "actor": "backend",
    "code": "http_error",
    "status_code": 500,
    "url": "https://acme.zendesk.com/api/v2/users",
    "excerpt": '{"error": "internal"}',
    "target_url": "https://example.com/hooks/syncdeck",
    "event_types": ["sync_job_run:completed", "sync_job_run:failed"],
    "event": "sync_job_run:completed",
    "failing_since": None,
    "disabled_reason": None,
    "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    "is_active": True,
    "success": True,
    "cron_expression": "0 2 * * *",
    "model": "crm",
    "integration": "zendesk",
    "override": {},
    "last_skipped_at": None,
    "last_skip_code": None,
    "last_skip_reason": None,
    "next_cursor": None,
    "limit": 100,
    "ping": "pong",
    "force": False,
    "works": True,
    "usual_fetched": 1200,
    "usual_seconds": 42.5,
}
_MAPPING = {
    "config": {
        "resource": "contacts",
        "method": "list",
        "query_mapping": {"updated_since": "query.updated_at.gt"},
        "response_mapping": {"id": "response.id", "name": "response.name"},
    }
}
# Where a field means something else than elsewhere.
OBJECTS: dict[str, dict[str, Any]] = {
    "RunChanges": {"status": "stopped"},
    "NewMapping": _MAPPING,
    "MappingChanges": _MAPPING,
    "MappingPayload": _MAPPING,
    "DryEntryPayload": {
        "name": "contacts",
        "kind": "proxy",
        "depends_on": None,
        "persist": True,
        "outcome": "fetched",
        "why": None,
        "previous_run_date": TIME,
        "request_total": 1,
        "request": {"method": "GET", "url": "https://acme.zendesk.com/api/v2/users?page%5Bsize%5D=100", "body": None},
        "unfilled": [],
        "status_code": 200,
        "milliseconds": 184,
        "fetched": 100,
        "has_more": True,
        "refused_count": 1,
        "refused": [{"record_id": None, "code": "no_id", "message": "A record has no usable id at id."}],
        "samples": [{"record": {"id": 35436, "name": "Ada Lovelace"}, "excerpt": None, "size": 35}],
        "error": None,
    },
    "EntryPayload": {
        "name": "contacts",
        "status": "completed",
        "fetched": 100,
        "persisted": 100,
    },
    "FailurePayload": {
        "code": "http_error",
        "message": "It answered 500.",
        "resource": "contacts",
        "method": "list",
        "status_code": 500,
    },
}
_BY_FORMAT = {"date-time": TIME, "uuid": ID, "uri": "https://example.com"}
_BY_TYPE: dict[str, Any] = {"string": "text", "integer": 1, "number": 1, "boolean": False, "object": {}, "array": []}


def example_of(schema: Schema, components: Mapping[str, Schema], name: str = "") -> Any:
    """A value that the schema allows; `name` is the field that holds it."""
    if "$ref" in schema:
        component = schema["$ref"].rpartition("/")[2]
        whole = example_of(components[component], components, name)
        return {**whole, **OBJECTS[component]} if component in OBJECTS else whole
    options = schema.get("anyOf", [schema])
    known = FIELDS.get(name)
    if name in FIELDS and (known is not None or {"type": "null"} in options) and "properties" not in schema:
        return known
    option = options[0]
    if option is not schema:
        return example_of(option, components, name)
    if "properties" in schema:
        return {field: example_of(of, components, field) for field, of in schema["properties"].items()}
    if "enum" in schema:
        return schema["enum"][0]
    if "items" in schema:
        return [example_of(schema["items"], components)]
    return _BY_FORMAT.get(schema.get("format", "")) or _BY_TYPE.get(schema.get("type", ""), {})
