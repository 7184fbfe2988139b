"""Request bodies: JSON objects only, and nothing in them that the database could not hold."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja.parser import Parser

from runs.api.errors import UnsupportedMediaType
from runs.errors import Failure, InvalidInput
from runs.storable import storage_failures

_JSON = re.compile(r"application/([\w.-]+\+)?json")


class JsonParser(Parser):
    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """The body's object. Raises UnsupportedMediaType, or InvalidInput with the path of each fault."""
        if request.content_type and not _JSON.fullmatch(request.content_type):
            raise UnsupportedMediaType(f"The body must be application/json, not {request.content_type[:100]}.")
        coding = request.headers.get("Content-Encoding", "identity")
        if coding.lower() != "identity":
            raise UnsupportedMediaType(f"The body must not be compressed ({coding[:100]}).")
        try:
            body = json.loads(request.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise InvalidInput([Failure("body", "is not valid JSON")]) from error
        if not isinstance(body, dict):
            raise InvalidInput([Failure("body", "must be a JSON object")])
        failures = storage_failures(body)
        if failures:
            raise InvalidInput([Failure(failure.path or "body", failure.message) for failure in failures])
        return body


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")  # RFC 8259, section 6: no NaN, no infinities
