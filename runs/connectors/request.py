"""Making the request of one page: address, headers and body from the API's description and the entry's values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from runs.connectors.address_guard import parse_url
from runs.connectors.casts import as_text
from runs.connectors.errors import MissingValue, RequestFailed, UnknownCursor
from runs.connectors.header_names import may_be_set
from runs.connectors.pagination import Parts, laid_over
from runs.connectors.placeholders import filled, literal_text, placeholders_in, resolve
from runs.connectors.spec import ApiSpec, MethodSpec

USER_AGENT = "Syncdeck"
ALWAYS = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": USER_AGENT}
CONTENT_TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class RequestValues:
    """What an entry gives to its request. Nothing in here is read for placeholders any more."""

    id: str | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True)
class Outgoing:
    """A request ready to be sent. `asked` is what it asks for, before it was encoded."""

    verb: str
    url: str
    headers: Mapping[str, str] = field(repr=False)  # credentials
    content: bytes | None = field(repr=False)
    asked: Parts = field(repr=False)
    base_url: str

    def with_headers(self, over: Mapping[str, str]) -> Outgoing:
        """The same request, with these headers in place of its own of the same names."""
        return replace(self, headers=_with(self.headers, over))


@dataclass(frozen=True)
class RequestPreview:
    """A request as it may be shown: without headers, and without credentials in what is left."""

    verb: str
    url: str
    body: Any


@dataclass(frozen=True)
class Draft:
    """A request as far as all pages of a list have it in common."""

    method: MethodSpec
    base_url: str
    asked: Parts = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)  # credentials
    credentials: Mapping[str, str] = field(repr=False)

    def at(self, cursor: dict[str, Any] | None) -> Outgoing:
        """The request for the page at the cursor (None: the first).

        Raises RequestFailed where the cursor leads to another origin, or what it holds is unsafe, and UnknownCursor for
        one of another pagination.
        """
        method, own = self.method, self.asked
        page = self._page_at(cursor)
        query = {**own.query, **page.query}
        url = _address(own.url or "", query) if page.url is None else page.url
        check_origin(self.base_url, url)
        body = laid_over(own.body, page.body)
        content = _content(method, body)
        headers = _headers(self.headers, page.headers, self.credentials) if page.headers else self._usual_headers
        if content is not None:
            headers = _with({"Content-Type": CONTENT_TYPES[method.body_format]}, headers)
        asked = Parts(query, page.headers, body, url, page.values)
        return Outgoing(method.verb.upper(), url, headers, content, asked, self.base_url)

    def _page_at(self, cursor: dict[str, Any] | None) -> Parts:
        if self.method.pagination is None:
            return Parts()
        try:
            return self.method.pagination.parts(self.asked, cursor)
        except (KeyError, TypeError, ValueError) as error:
            if cursor is None:
                raise
            raise UnknownCursor from error

    @cached_property
    def _usual_headers(self) -> dict[str, str]:
        return _headers(self.headers, {}, self.credentials)


def drafted(spec: ApiSpec, method: MethodSpec, values: RequestValues, context: Mapping[str, Any]) -> Draft:
    """The request that all pages have in common. Raises RequestFailed where a value is missing or unsafe."""
    roots = {"context": context, "query": values.query, **({} if values.id is None else {"id": values.id})}
    try:
        base_url = filled_address(spec.base_url, roots).rstrip("/")
        address = base_url + _path(method.path, roots)
        own = Parts(_query(spec, method, values, roots), {}, _body(method, values, roots), address)
        given = {name: filled(text, roots) for name, text in {**spec.headers, **method.headers}.items()}
    except MissingValue as missing:
        raise RequestFailed("missing_value", f"{missing.placeholder} of the integration has no value.") from missing
    credentials = spec.authorization.headers(roots) if spec.authorization else {}
    return Draft(method, base_url, own, _with(ALWAYS, given), credentials)


def check_origin(base_url: str, url: str) -> None:
    """Raises RequestFailed if the address has another scheme, host or port than the integration's, or a user name.

    A source must not be able to send our credentials elsewhere.
    """
    base, target = parse_url(base_url), parse_url(url)
    if (base.scheme, base.host, base.port) != (target.scheme, target.host, target.port):
        raise RequestFailed("foreign_origin", "The source's next address is one of another origin.")


def filled_address(template: str, roots: Mapping[str, Any]) -> str:
    """The address with its placeholders filled. Raises MissingValue.

    One at the very start stands for the beginning of the address, so nothing is encoded there.
    """
    return filled(template, roots, str if template.startswith("{{") else _quoted)


def _path(template: str, roots: Mapping[str, Any]) -> str:
    path = filled(template, roots, _quoted)
    if any(part in (".", "..") for part in path.split("/")) and not _has_dots(template):
        raise RequestFailed("unsafe_path", "A value would lead to another path: it is . or ..")
    return path if path.startswith("/") else f"/{path}"


def _has_dots(template: str) -> bool:
    return any(part in (".", "..") for part in literal_text(template).split("/"))


def _quoted(value: str) -> str:
    return quote(value.encode("utf-8", "replace"), safe="")


def _query(spec: ApiSpec, method: MethodSpec, values: RequestValues, roots: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, each layer over the one before: integration, method, entry. The pagination's come over them."""
    own = {key: value for key, value in values.query.items() if key not in method.query_in_path}
    return {**_given(spec.query, roots), **_given(method.query, roots), **own}


def _given(template: Any, roots: Mapping[str, Any]) -> Any:
    """The template filled. What has no value is left out: a source is never sent a placeholder's text."""
    paths = frozenset(path for placeholder in placeholders_in(template) for path in placeholder.paths)
    return resolve(template, roots, droppable=paths)


def _address(url: str, query: Mapping[str, Any]) -> str:
    parameters = urlencode(_pairs(query), quote_via=quote)
    return f"{url}?{parameters}" if parameters else url


def _pairs(values: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    """Lists as repeated keys, null left out."""
    return [
        (key, _quotable(item))
        for key, value in values.items()
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]


def _quotable(value: Any) -> bytes:
    text = json.dumps(value) if isinstance(value, Mapping) else as_text(value)
    return text.encode("utf-8", "replace")


def _headers(own: Mapping[str, str], paging: Mapping[str, str], credentials: Mapping[str, str]) -> dict[str, str]:
    """All headers (RFC 9110). Those of the pagination may come from a source: they are no others than it may set."""
    for name in paging:
        if not may_be_set(name):
            raise RequestFailed("bad_header", f"The pagination may not set the header {name[:100]!r}.")
    headers = _with(_with(own, paging), credentials)
    for name, value in headers.items():
        if not value.isprintable() or not name.isascii() or not name.isprintable():
            raise RequestFailed("bad_header", f"The header {name!r} would hold a line break or a control character.")
    return {name: value.strip() for name, value in headers.items()}  # white space around is no part of it: section 5.5


def _with(headers: Mapping[str, str], over: Mapping[str, str]) -> dict[str, str]:
    """The headers with others in place of those of the same name, however that is written."""
    names = {name.lower() for name in over}
    return {**{name: value for name, value in headers.items() if name.lower() not in names}, **over}


def _body(method: MethodSpec, values: RequestValues, roots: Mapping[str, Any]) -> Any:
    """The method's body with the entry's laid over it where both are objects, else the entry's."""
    body = _given(method.body, roots)
    if isinstance(body, Mapping) and isinstance(values.body, Mapping):
        return {**body, **values.body}
    return body if values.body is None else values.body


def _content(method: MethodSpec, body: Any) -> bytes | None:
    if body is None or method.verb == "get":
        return None
    if method.body_format == "json":
        return json.dumps(body).encode()
    if not isinstance(body, Mapping):
        raise RequestFailed("bad_body", "The body of a form must be an object.")
    return urlencode(_pairs(body)).encode()
