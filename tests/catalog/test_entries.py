"""The files of the catalogue, the schema that checks them, and the parser that reads them: they agree."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from runs.catalog import catalog, parse_entry
from runs.catalog.entries import FOLDER
from runs.connectors import SpecError, parse_integration, placeholders_in
from runs.connectors.auth import AUTHORIZATIONS
from runs.connectors.pagination import PAGINATIONS
from runs.connectors.unified import parse_mapping
from runs.engine.entries import parse_entries
from runs.errors import InvalidInput

FILES = sorted(FOLDER.glob("*.yaml"))
SCHEMA = json.loads((FOLDER / "schema.json").read_bytes())
WHOLE: dict[str, Any] = {
    "name": "acme",
    "label": "Acme",
    "category": "crm",
    "description": "Contacts.",
    "links": ["https://acme.example.com/docs"],
    "credentials": [{"name": "token", "label": "Token", "secret": True}],
    "config": {
        "base_url": "https://api.acme.example.com",
        "headers": {"Accept": "application/json"},
        "authorization": {"format": "bearer", "config": {"token": "{{context.token}}"}},
        "pagination": {"format": "cursor", "config": {"cursor_key": "after", "cursor_path": "next"}},
        "resources": {"contacts": {"list": {"path": "/contacts", "response_path": "data"}}},
    },
    "unified_mappings": [
        {
            "model": "crm",
            "resource": "contacts",
            "method": "list",
            "config": {"response_mapping": {"id": "response.id"}},
        }
    ],
    "sync_jobs": [{"label": "Contacts", "resources": [{"resource": "contacts", "method": "list"}]}],
}


def changed(path: str, value: Any) -> bytes:
    """The whole entry as a file, with another value at the path; `...` takes it out."""
    entry = deepcopy(WHOLE)
    *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    inner: Any = entry
    for key in parents:
        inner = inner[key]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return yaml.safe_dump(entry).encode()


def test_the_catalogue_has_what_it_is_to_have() -> None:
    wanted = {"zendesk", "circleci", "hubspot", "github", "gitlab", "stripe", "jira", "intercom"}
    assert catalog().keys() == wanted
    unified = {name for entry in catalog().values() for name in entry.unified}
    assert unified >= {"crm/contacts", "crm/deals", *(f"ticketing/{name}" for name in
                       ("tickets", "users", "contacts", "comments"))}  # fmt: skip
    assert all(entry.jobs for entry in catalog().values())


def test_the_catalogues_mappings_are_objects_so_that_an_override_may_change_one_field() -> None:
    mappings = [mapping["config"]["response_mapping"] for entry in catalog().values() for mapping in entry.mappings]
    assert all(isinstance(mapping, dict) and "id" in mapping for mapping in mappings)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_names_its_schema_and_is_called_as_its_integration(path: Path) -> None:
    assert path.read_text().startswith("# yaml-language-server: $schema=./schema.json\n")
    assert parse_entry(path.read_bytes()).name == path.stem


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_declares_just_what_its_config_takes_from_an_accounts_context(path: Path) -> None:
    entry = parse_entry(path.read_bytes())
    paths = [name.split(".") for placeholder in placeholders_in(entry.config) for name in placeholder.paths]
    assert {path[1] for path in paths if path[0] == "context"} == {credential.name for credential in entry.credentials}
    secret = {credential.name for credential in entry.credentials if credential.secret}
    assert secret <= parse_integration(entry.config).credential_keys


def test_a_whole_entry_is_taken() -> None:
    entry = parse_entry(changed("label", "Acme & Sons"))
    assert (entry.label, entry.resources, entry.unified) == (
        "Acme & Sons",
        {"contacts": ["list"]},
        {"crm/contacts": ["list"]},
    )
    assert [(item.name, item.secret, item.required) for item in entry.credentials] == [("token", True, True)]


@pytest.mark.parametrize(
    ("path", "value", "at"),
    [
        ("name", "Acme CRM", "name"),
        ("description", ..., ""),
        ("links", ["http://acme.example.com"], "links.0"),
        ("credentials.0.label", ..., "credentials.0"),
        ("config.base_url", "api.acme.example.com", "config.base_url"),
        ("config.base_urls", "https://x.example.com", "config"),
        ("config.headers.Accept", 7, "config.headers.Accept"),
        ("config.authorization.format", "token", "config.authorization.format"),
        ("config.authorization.config.token", ..., "config.authorization.config"),
        ("config.authorization.config.tokens", "x", "config.authorization.config"),
        ("config.pagination.format", "cursors", "config.pagination.format"),
        ("config.pagination.config.cursor_path", ..., "config.pagination.config"),
        ("config.pagination.config.cursor_header", "x-next", "config.pagination.config"),
        ("config.pagination.config.limit", "100", "config.pagination.config.limit"),
        ("config.resources.contacts.list.pathh", "/contacts", "config.resources.contacts.list"),
        ("config.resources.contacts.list.path", "/contacts?limit=5", "config.resources.contacts.list.path"),
        ("config.resources.contacts.list.method", "GET ", "config.resources.contacts.list.method"),
        ("config.resources.contacts", {}, "config.resources.contacts"),
        ("unified_mappings.0.config.response_mapping", ..., "unified_mappings.0.config"),
        ("unified_mappings.0.model", "CRM", "unified_mappings.0.model"),
        ("sync_jobs.0.resources.0.method", ..., "sync_jobs.0.resources.0"),
        ("sync_jobs.0.resources.0.dependson", "x", "sync_jobs.0.resources.0"),
    ],
)
def test_a_mistake_is_told_where_it_is(path: str, value: Any, at: str) -> None:
    with pytest.raises(InvalidInput) as told:
        parse_entry(changed(path, value))
    assert at in {failure.path for failure in told.value.failures}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"name: acme\nname: other", "there twice"),
        (b"!!python/object/apply:os.system ['true']", "no plain YAML"),
        (b"a: &a [*a]", "holds itself"),
        (b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
            b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 10)) for n in range(9)
        ), "aliases"),
        (b"[" * 1000, "no plain YAML"),
        (b"\xff\xfe\x00", "no plain YAML"),
        (b"x" * 1_000_001, "larger"),
        (b"", "is not of type 'object'"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_plain_yaml_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        parse_entry(text)


def test_dates_stay_texts() -> None:
    entry = parse_entry(changed("config.headers.Accept", "x").replace(b"Accept: x", b"Version: 2022-11-28"))
    assert entry.config["headers"] == {"Version": "2022-11-28"}


class Heard(dict[str, Any]):
    """A config that remembers which keys it was asked for, at which path."""

    def __init__(self, values: dict[str, Any], heard: dict[str, set[str]], path: str = "") -> None:
        super().__init__(values)
        self.heard, self.path = heard, path

    def __bool__(self) -> bool:
        return True

    def get(self, key: str, default: Any = None) -> Any:
        self.heard[self.path].add(key)
        value = super().get(key, default)
        return Heard(value, self.heard, f"{self.path}.{key}".strip(".")) if isinstance(value, dict) else value

    def __getitem__(self, key: str) -> Any:
        return self.get(key)

    def __contains__(self, key: object) -> bool:
        self.heard[self.path].add(str(key))
        return super().__contains__(key)


def asked_by_parser(**config: Any) -> dict[str, set[str]]:
    heard: dict[str, set[str]] = defaultdict(set)
    with suppress(SpecError):
        parse_integration(Heard(config, heard))
    return heard


def in_schema(name: str) -> set[str]:
    return set(SCHEMA["$defs"][name]["properties"])


def formats(name: str) -> Iterator[tuple[str, str]]:
    """Each format of the section, and the name of its config's schema."""
    for case in SCHEMA["$defs"][name]["allOf"]:
        yield (
            case["if"]["properties"]["format"]["const"],
            case["then"]["properties"]["config"]["$ref"].rpartition("/")[2],
        )


def test_schema_and_parser_know_the_same_keys() -> None:
    heard = asked_by_parser(rate_limit={}, resources={"x": {"list": {}}})
    assert heard[""] == in_schema("config")
    assert heard["resources.x.list"] == in_schema("method")
    assert heard["rate_limit"] == in_schema("rate_limit")


def test_schema_and_parser_know_the_same_authorizations() -> None:
    assert dict(formats("authorization")).keys() == AUTHORIZATIONS.keys()
    for name, schema in formats("authorization"):
        heard = asked_by_parser(authorization={"format": name, "config": {}})
        assert heard["authorization"] == in_schema("authorization")
        assert heard["authorization.config"] == in_schema(schema), name


def test_schema_and_parser_know_the_same_paginations() -> None:
    assert dict(formats("pagination")).keys() == PAGINATIONS.keys()
    for name, schema in formats("pagination"):
        heard = asked_by_parser(pagination={"format": name, "config": {}})
        assert heard["pagination"] == in_schema("pagination")
        assert heard["pagination.config"] == in_schema(schema), name


def test_schema_and_parser_know_the_same_keys_of_a_mapping() -> None:
    heard: dict[str, set[str]] = defaultdict(set)
    with suppress(SpecError):
        parse_mapping(Heard({}, heard), "crm/contacts", "list")
    assert heard[""] == in_schema("mapping_config")


def test_schema_and_parser_know_the_same_keys_of_a_jobs_entries() -> None:
    heard: dict[str, set[str]] = defaultdict(set)
    request = {"resource": "contacts", "method": "list"}
    derived = {"name": "slim", "type": "transform", "config": {"expression": "response"}, "depends_on": "contacts"}
    parse_entries([Heard(request, heard), Heard(derived, heard)], parse_integration(WHOLE["config"]))
    assert heard[""] == in_schema("entry")
