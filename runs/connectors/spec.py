"""An integration's config (contract 5), parsed once into frozen values. Nothing else reads the raw one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

from runs.connectors.addresses import address
from runs.connectors.auth import Authorization, parse_authorization
from runs.connectors.errors import SpecError, UnknownMethod
from runs.connectors.expressions import Expression
from runs.connectors.faults import Section
from runs.connectors.header_names import REFUSED, may_be_set
from runs.connectors.pagination import InBody, Pagination, page_size, parse_pagination, with_page_size
from runs.connectors.placeholders import literal_text, placeholders_in
from runs.connectors.rate_limit import RateLimit
from runs.connectors.redaction import is_secret_name, without_secrets
from runs.connectors.unified import ID, Mappings, MethodMapping, parse_mapping

BODY_FORMATS = ("json", "form")
VERBS = ("get", "post", "put", "patch", "delete")
DEFAULT_VERBS = {"create": "post", "update": "patch", "delete": "delete"}
WRITES = frozenset(DEFAULT_VERBS)
READS = frozenset({"get", "list"})
SINGLE = WRITES | {"get"}  # methods that don't have the integration's pagination
DEFAULT_OVERLAP = 300
LONGEST_OVERLAP = 31 * 24 * 3600
DEFAULT_CONCURRENCY = 16
HIGHEST_CONCURRENCY = 64
LONGEST_RESOURCE = 200  # with a method and a number still a name of a step
LONGEST_METHOD = 50
_PUBLIC = {"token_url", "scope", "authorize_url", "authorize_query", "issuer"}  # of an authorization's config

Named = TypeVar("Named")


@dataclass(frozen=True)
class MethodSpec:
    """One method of one resource. Texts are templates with the roots `context`, `id` and `query`.

    With a `mapping` it is one of the Unified API: `resource` and `name` are still what is called, `record_id` is the
    path of the id in the unified record.
    """

    resource: str
    name: str
    verb: str
    path: str
    query: Mapping[str, Any]
    headers: Mapping[str, str]
    body: Any
    body_format: str
    response_path: str | None
    record_id: str
    pagination: Pagination | None
    error_expression: Expression | None
    mapping: MethodMapping | None = None

    @property
    def answers(self) -> tuple[type, ...]:
        """What the answer holds: a list, one record, or (a write, a method of its own without pages) either."""
        if self.pagination is not None or self.name == "list":
            return (list,)
        return (dict,) if self.name == "get" else (dict, list)

    @property
    def page_size(self) -> int | None:
        """How many records a page is asked for; None where the source is not told."""
        return page_size(self.pagination)

    def with_page_size(self, size: int) -> MethodSpec:
        """The same method with pages of another size. Only for one that has a size."""
        return self if self.pagination is None else replace(self, pagination=with_page_size(self.pagination, size))

    @property
    def is_write(self) -> bool:
        """Whether it changes the source. A method of the integration's own is judged by its verb; what has pages
        reads, also by POST."""
        if self.name in READS or self.pagination is not None:
            return False
        return self.name in WRITES or self.verb != "get"

    @property
    def may_be_sliced(self) -> bool:
        """Whether nothing but the store needs its records parsed."""
        if self.is_write or self.mapping is not None or self.error_expression is not None or "." in self.record_id:
            return False
        return list in self.answers and not (self.pagination and self.pagination.reads_records(self.response_path))

    @property
    def needs_id(self) -> bool:
        """Whether the path can't be filled without the entry's id."""
        found = placeholders_in(self.path)
        return any(
            set(placeholder.paths) == {"id"} and not placeholder.default and "undefined" not in placeholder.types
            for placeholder in found
        )

    @property
    def may_repeat(self) -> bool:
        """Whether a request may be sent again when its answer is lost (RFC 9110, section 9.2.2)."""
        return not self.is_write or self.verb in ("put", "delete")

    @property
    def query_in_path(self) -> frozenset[str]:
        """The keys of the entry's query that go into the path, and so are not sent as parameters too."""
        paths = [path.split(".") for placeholder in placeholders_in(self.path) for path in placeholder.paths]
        return frozenset(path[1] for path in paths if path[0] == "query" and len(path) > 1)


@dataclass(frozen=True)
class Inherited:
    """What the methods of an integration have unless they say otherwise."""

    pagination: Pagination | None
    error_expression: Expression | None


@dataclass(frozen=True)
class ApiSpec:
    """The description of one HTTP API, and the unified mappings that an account of it has."""

    base_url: str
    headers: Mapping[str, str]
    query: Mapping[str, Any]
    concurrency: int
    incremental_overlap: timedelta
    authorization: Authorization | None
    authorization_config: Mapping[str, Any]
    rate_limit: RateLimit
    resources: Mapping[str, Mapping[str, MethodSpec]]
    mappings: Mappings = field(default_factory=dict)

    @property
    def credential_config(self) -> dict[str, Any]:
        """The parts of the authorization's config that are credentials, or name them."""
        return {key: value for key, value in self.authorization_config.items() if key not in _PUBLIC}

    @cached_property
    def credential_keys(self) -> set[str]:
        """The top-level keys of an account's context that the authorization uses as credentials, or a header
        or parameter that is named like one."""
        sent: list[Mapping[str, Any]] = [self.headers, self.query]
        for method in (method for methods in self.resources.values() for method in methods.values()):
            sent += [method.headers, method.query]
        named = [value for values in sent for name, value in values.items() if is_secret_name(name)]
        found = placeholders_in([self.credential_config, *named])
        paths = [path.split(".") for placeholder in found for path in placeholder.paths]
        return {path[1] for path in paths if path[0] == "context" and len(path) > 1}

    def public_context(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """The account's context without its credentials: what authorization uses, and what is named like a secret."""
        hidden = self.credential_keys
        return without_secrets({key: value for key, value in context.items() if key not in hidden})

    def is_unified(self, resource: str) -> bool:
        """Whether the name is one of the Unified API (`crm/contacts`), and not of the API itself."""
        return resource in self.mappings or ("/" in resource and resource not in self.resources)

    def method(self, resource: str, method: str) -> MethodSpec:
        """The method of the resource, of the API itself or unified.

        Raises UnknownMethod, whose message lists what there is, and SpecError for a mapping that is not valid.
        """
        if self.is_unified(resource):
            return self._unified(resource, method)
        return _known(self.resources, resource, method, "resource")

    def _unified(self, resource: str, method: str) -> MethodSpec:
        config = _known(self.mappings, resource, method, "unified resource")
        mapping = parse_mapping(config, resource, method)
        called = _known(self.resources, mapping.resource, mapping.method, "mapped resource")
        return replace(called, mapping=replace(mapping, raw_id=called.record_id), record_id=ID)


def _known(described: Mapping[str, Mapping[str, Named]], resource: str, method: str, kind: str) -> Named:
    if resource not in described:
        raise UnknownMethod(f"The {kind} {resource}", sorted(described))
    methods = described[resource]
    if method not in methods:
        raise UnknownMethod(f"The method {method} of {resource}", sorted(methods))
    return methods[method]


def parse_integration(config: Any) -> ApiSpec:
    """The parsed `integration.config`. Raises SpecError with every fault at its path."""
    if not isinstance(config, Mapping):
        raise SpecError([("", "must be an object.")])
    root = Section(config)
    authorization = root.section("authorization")
    inherited = Inherited(parse_pagination(root.section("pagination")), root.expression("error_expression"))
    concurrency = root.number("concurrency", DEFAULT_CONCURRENCY, 1, HIGHEST_CONCURRENCY)
    overlap = root.number("incremental_overlap", DEFAULT_OVERLAP, 0, LONGEST_OVERLAP)
    spec = ApiSpec(
        base_url=address(root, "base_url", with_query=False),
        headers=_headers(root),
        query=root.templates("query"),
        concurrency=concurrency or DEFAULT_CONCURRENCY,
        incremental_overlap=timedelta(seconds=overlap or 0),
        authorization=parse_authorization(authorization),
        authorization_config=authorization.section("config").values,
        rate_limit=RateLimit.parse(root.section("rate_limit")),
        resources=_resources(root.section("resources"), inherited),
    )
    if root.failures:
        raise SpecError(list(dict.fromkeys(root.failures)))
    return spec


def _headers(section: Section) -> dict[str, str]:
    headers = section.templates("headers")
    for name, value in headers.items():
        if not may_be_set(name):
            section.fail(f"headers.{name}", REFUSED)
        if not isinstance(value, str) or not literal_text(value).isprintable():
            section.fail(f"headers.{name}", "must be a text on one line.")
    return {name: str(value) for name, value in headers.items()}


def _resources(section: Section, inherited: Inherited) -> dict[str, dict[str, MethodSpec]]:
    resources = {}
    for resource in section.values:
        methods = section.section(resource)
        _check_name(section, resource, LONGEST_RESOURCE)
        for name in methods.values:
            _check_name(methods, name, LONGEST_METHOD)
        resources[resource] = {
            name: _method(methods.section(name), resource, name, inherited) for name in methods.values
        }
    return resources


def _check_name(section: Section, name: str, longest: int) -> None:
    if not 0 < len(name) <= longest:
        section.fail(name, f"must have a name of 1 to {longest} characters.")


def _method(section: Section, resource: str, name: str, inherited: Inherited) -> MethodSpec:
    verb, pagination = _verb(section, name), _pagination(section, name, inherited.pagination)
    if isinstance(pagination, InBody) and verb == "get":
        section.fail("method", "must be one with a body, such as post: the pagination has add_to_body.")
    return MethodSpec(
        resource=resource,
        name=name,
        verb=verb,
        path=_path(section),
        query=section.templates("query"),
        headers=_headers(section),
        body=section.any_template("body"),
        body_format=_body_format(section),
        response_path=section.text("response_path"),
        record_id=section.text("record_id", "id") or "id",
        pagination=pagination,
        error_expression=_error_expression(section, inherited.error_expression),
    )


def _verb(section: Section, name: str) -> str:
    verb = section.text("method", DEFAULT_VERBS.get(name, "get")) or ""
    if verb.lower() not in VERBS:
        section.fail("method", f"{verb!r} is not known; must be one of: {', '.join(VERBS)}.")
    return verb.lower()


def _body_format(section: Section) -> str:
    given = section.value("body_format") is not None
    return (section.choice("body_format", BODY_FORMATS) if given else None) or "json"


def _path(section: Section) -> str:
    path = section.template("path", required=True)
    fixed = literal_text(path)
    if "://" in fixed or path.startswith("//") or "?" in fixed or "#" in fixed:
        section.fail("path", "must be a path below base_url; parameters belong into query.")
    return path


def _error_expression(section: Section, inherited: Expression | None) -> Expression | None:
    """The method's own; null means none. Without one it has the integration's."""
    return section.expression("error_expression") if "error_expression" in section.values else inherited


def _pagination(section: Section, name: str, inherited: Pagination | None) -> Pagination | None:
    """The method's own; null means a single page. Without one a list has the integration's, and so has a method of
    its own that only reads."""
    if "pagination" in section.values:
        return parse_pagination(section.section("pagination"))
    reads = name == "list" or (name not in SINGLE and _verb(section, name) == "get")
    return inherited if reads else None
