"""Request bodies: JSON objects only, and nothing in them that the database could not hold."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja.parser import Parser

from runs.api.errors import UnsupportedMediaType
from runs.errors import Failure, InvalidInput

MAX_DEPTH = 100
_JSON = re.compile(r"application/([\w.-]+\+)?json")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class JsonParser(Parser):
    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """The body's object. Raises UnsupportedMediaType, or InvalidInput with the path of each fault."""
        if request.content_type and not _JSON.fullmatch(request.content_type):
            raise UnsupportedMediaType(f"The body must be application/json, not {request.content_type[:100]}.")
        try:
            body = json.loads(request.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise InvalidInput([Failure("body", "is not valid JSON")]) from error
        if not isinstance(body, dict):
            raise InvalidInput([Failure("body", "must be a JSON object")])
        failures = _failures(body)
        if failures:
            raise InvalidInput(failures)
        return body


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")  # RFC 8259, section 6: no NaN, no infinities


def _failures(body: dict[str, Any]) -> list[Failure]:
    """What PostgreSQL would refuse to store, wherever it is. Walked without recursion: the depth is the client's."""
    failures: list[Failure] = []
    waiting: list[tuple[str, int, Any]] = [("", 0, body)]
    while waiting:
        path, depth, value = waiting.pop()
        if isinstance(value, (dict, list)) and depth == MAX_DEPTH:
            return [Failure("body", f"must not be nested deeper than {MAX_DEPTH} levels")]
        message = _fault(value)
        if message:
            failures.append(Failure(path or "body", message))
        waiting += [(f"{path}.{key}" if path else str(key), depth + 1, item) for key, item in _items(value)]
    return failures


def _items(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return [(key, item) for key, item in value.items() if not _bad(key)]
    return list(enumerate(value)) if isinstance(value, list) else []


def _fault(value: Any) -> str:
    if isinstance(value, str) and _bad(value):
        return "must not contain NUL characters or lone surrogates"
    if isinstance(value, dict) and any(_bad(key) for key in value):
        return "has a name with NUL characters or lone surrogates"
    if isinstance(value, float) and not math.isfinite(value):
        return "is too large a number"
    return ""


def _bad(text: str) -> bool:
    return _UNSTORABLE.search(text) is not None
