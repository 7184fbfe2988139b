"""What the OpenAPI document says of every operation alike, so that no route has to say it.

The statuses it may answer beside its own, in one error model; `Idempotency-Key`; examples; which texts are times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from http import HTTPStatus
from typing import Any

from django.conf import settings

from runs.api.errors import PLAIN_MESSAGES
from runs.api.examples import ID, example_of

Document = dict[str, Any]

_PARAMETER = re.compile(r"{(\w+)}")
_TIME = re.compile(r"(\w+_)?(at|until|since)|previous_run_date")
DESCRIPTION = """Sync jobs, their runs, and the records they brought.

Every request but `/ping` carries a token, `Authorization: Bearer <token>`, which opens one environment. What belongs
to another environment is not there. A token with the scope `read` alone may GET, and nothing else.

A list answers `{"result": […], "next_cursor": "…", "limit": 100}`. Ask again with `next_cursor` until it is null.

Fields of a body that are read-only or unknown are ignored. Times are ISO 8601 in UTC."""
_SECONDS = {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait before trying again."}
_TEXT = {"schema": {"type": "string"}}

_REPLAYED = {
    "schema": {"type": "string", "enum": ["true"]},
    "description": "Only where the answer is that of an earlier request with the same `Idempotency-Key`.",
}

ERROR = {
    "title": "Error",
    "type": "object",
    "required": ["statusCode", "error", "message"],
    "properties": {
        "statusCode": {"type": "integer", "description": "The status of the answer."},
        "error": {"type": "string", "description": "The status in words."},
        "message": {"type": "string", "description": "What is wrong, in a sentence."},
        "details": {
            "type": "object",
            "properties": {
                "failures": {
                    "type": "array",
                    "description": "Every fault of the input.",
                    "items": {
                        "type": "object",
                        "required": ["path", "message"],
                        "properties": {
                            "path": {"type": "string", "description": "Where it is: `resources.0.depends_on`."},
                            "message": {"type": "string", "description": "What was expected."},
                        },
                    },
                },
                "live_run_id": {"type": "string", "format": "uuid", "description": "The run that is in the way."},
            },
        },
        "truto_is_remote_error": {"type": "boolean", "description": "True: the customer's API said it."},
        "raw_response": {"description": "What the customer's API answered."},
    },
}
# By status: when it is answered, an example of its message, and its headers.
_REFUSALS: dict[int, tuple[str, str, dict[str, Any]]] = {
    400: ("The input is not valid; `details.failures` lists every fault.", "version: must be 1 or 2.", {}),
    401: ("The token is missing, unknown, expired or revoked.", PLAIN_MESSAGES[401], {"WWW-Authenticate": _TEXT}),
    403: ("The token may read only.", "This token may read only; a POST needs one with the scope write.", {}),
    404: ("There is none with this id in the token's environment.", f"There is no sync job run {ID}.", {}),
    405: ("The path does not have this method.", PLAIN_MESSAGES[405], {"Allow": _TEXT}),
    409: (
        "Something is in the way that will pass.",
        "The first request with this key is still running.",
        {"Retry-After": _SECONDS},
    ),
    413: (f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes.", PLAIN_MESSAGES[413], {}),
    415: ("The body is not JSON.", "The body must be application/json, not text/plain.", {}),
    429: ("The token asks more often than it may.", "Too many requests.", {"Retry-After": _SECONDS}),
}
_IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "A text of your choice, such as a UUID, in printable ASCII. Within 24 hours the same request with "
    "the same key is not done again: it answers what the first one answered, if that succeeded.",
}


def complete(document: Document) -> Document:
    """The document with everything that holds for all operations."""
    document = deepcopy(document)
    document["paths"] = {_with_plain_id(path, methods): methods for path, methods in document["paths"].items()}
    components = document["components"]
    schemas = components["schemas"]
    _mark_times(schemas)
    components["parameters"] = {"IdempotencyKey": _IDEMPOTENCY_KEY}
    components["responses"] = {_name(status): _refusal(status) for status in _REFUSALS}
    for path, method, operation in _operations(document):
        _add_refusals(path, method, operation)
        if method == "post":
            _add_idempotency(operation)
        for content in _contents(operation):
            if "schema" in content and "example" not in content:
                content["example"] = example_of(content["schema"], schemas)
    schemas["Error"] = ERROR
    return document


def _add_refusals(path: str, method: str, operation: dict[str, Any]) -> None:
    """Those of every operation, and the error model to those that the route documents itself."""
    responses = operation["responses"] = {int(status): told for status, told in operation["responses"].items()}
    for status in _statuses(path, method, operation):
        responses.setdefault(status, {"$ref": f"#/components/responses/{_name(status)}"})
    for status, told in responses.items():
        if status >= 400 and "$ref" not in told:
            told.setdefault("content", _error_content(status, told["description"]))


def _add_idempotency(operation: dict[str, Any]) -> None:
    operation["parameters"].append({"$ref": "#/components/parameters/IdempotencyKey"})
    for status, told in operation["responses"].items():
        if status < 300:
            told.setdefault("headers", {})["Idempotent-Replayed"] = _REPLAYED


def _with_plain_id(path: str, methods: dict[str, Any]) -> str:
    """The path with `{id}`, as the seed page prints it, where the object's own id is its only parameter."""
    names = _PARAMETER.findall(path)
    if len(names) != 1 or not names[0].endswith("_id"):
        return path
    for operation in methods.values():
        for parameter in operation["parameters"]:
            if parameter["in"] == "path":
                parameter["name"] = "id"
                parameter["schema"].pop("title", None)
    return path.replace(names[0], "id")


def _operations(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _statuses(path: str, method: str, operation: dict[str, Any]) -> Iterator[int]:
    """What the operation may refuse with."""
    yield 405
    if "security" not in operation:
        return
    yield from (400, 401, 429)
    if method != "get":
        yield 403
    if "{" in path or path == "/webhook/test":  # whose webhook is named in the body
        yield 404
    if method == "post":
        yield 409
    if method == "post" or "requestBody" in operation:
        yield 413
    if "requestBody" in operation:
        yield 415


def _refusal(status: int) -> dict[str, Any]:
    when, message, headers = _REFUSALS[status]
    content = _error_content(status, message)
    return {"description": when, "content": content, **({"headers": headers} if headers else {})}


def _error_content(status: int, message: str) -> dict[str, Any]:
    example: dict[str, Any] = {"statusCode": status, "error": HTTPStatus(status).phrase, "message": message}
    path, colon, text = message.partition(": ")
    if status == 400 and colon:
        example["details"] = {"failures": [{"path": path, "message": text}]}
    return {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}, "example": example}}


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "")


def _contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The bodies that go in and out, each with its schema."""
    for part in (operation.get("requestBody", {}), *operation["responses"].values()):
        yield from part.get("content", {}).values()


def _mark_times(schemas: dict[str, Any]) -> None:
    """A text field with the name of a time is one, wherever it is."""
    for schema in schemas.values():
        for name, field in schema.get("properties", {}).items():
            if not _TIME.fullmatch(name):
                continue
            for option in field.get("anyOf", [field]):
                if option.get("type") == "string":
                    option["format"] = "date-time"
