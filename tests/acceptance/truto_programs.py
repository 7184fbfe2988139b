"""Two programs written for Truto's API. Only their base address tells them that they talk to somebody else.

They write their requests as Truto's two public libraries do (trutohq/truto-ts-sdk 2.0 and truto-python-sdk 0.1.6):
the address always has a `?`, the content is always called JSON, the first page is asked for in two different ways,
and each writes arrays and times in its own form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, quote_plus, urlencode, urlsplit

Params = dict[str, Any]


class TrutoProgram:
    """What both have in common: one connection per request, and nothing but the address they were given."""

    def __init__(self, base_url: str, token: str) -> None:
        self._address = urlsplit(base_url).netloc
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }

    def query(self, params: Params) -> str:
        raise NotImplementedError

    def first_page(self) -> Params:
        raise NotImplementedError

    def call(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """The answer, which must be a success."""
        connection = HTTPConnection(self._address, timeout=20)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, f"/{path}?{self.query(params)}", sent, self._headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        assert 200 <= answer.status < 300, f"{method} {path}: {answer.status} {text}"
        return json.loads(text)

    def list(self, resource: str, **params: Any) -> Iterator[Any]:
        cursor = self.first_page()
        while True:
            page = self.call("GET", resource, **params, **cursor)
            yield from page["result"]
            if not page["next_cursor"]:
                return
            cursor = {"next_cursor": page["next_cursor"]}

    def get(self, resource: str, row_id: str) -> Any:
        return self.call("GET", f"{resource}/{quote(row_id, safe='')}")

    def create(self, resource: str, body: Any = None) -> Any:
        return self.call("POST", resource, body)

    def update(self, resource: str, row_id: str, body: Any) -> Any:
        return self.call("PATCH", f"{resource}/{quote(row_id, safe='')}", body)

    def delete(self, resource: str, row_id: str) -> Any:
        return self.call("DELETE", f"{resource}/{quote(row_id, safe='')}")


class TypeScriptProgram(TrutoProgram):
    """Arrays with indices, times with `Z`, an empty cursor for the first page, and `status` in what it creates."""

    def first_page(self) -> Params:
        return {"next_cursor": ""}

    def query(self, params: Params) -> str:
        return "&".join(f"{quote(name, safe='')}={quote(text, safe='')}" for name, text in _flat(params, _indexed))

    def create(self, resource: str, body: Any = None) -> Any:
        return super().create(resource, {**body, "status": "created"} if resource == "sync-job-run" else body)


class PythonProgram(TrutoProgram):
    """Arrays with empty brackets, times without a zone, no cursor for the first page."""

    def first_page(self) -> Params:
        return {}

    def query(self, params: Params) -> str:
        return urlencode(list(_flat(params, _bracketed)), quote_via=quote_plus)


def _indexed(index: int) -> str:
    return str(index)


def _bracketed(index: int) -> str:
    return ""


def _flat(value: Any, key_of: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The parameters as the libraries write nested objects and arrays."""
    match value:
        case dict():
            for name, item in value.items():
                yield from _flat(item, key_of, f"{prefix}[{name}]" if prefix else name)
        case list():
            for index, item in enumerate(value):
                yield from _flat(item, key_of, f"{prefix}[{key_of(index)}]")
        case bool():
            yield prefix, str(value).lower()
        case datetime():
            yield prefix, value.isoformat() if key_of is _bracketed else f"{value.isoformat(timespec='milliseconds')}Z"
        case _:
            yield prefix, str(value)
