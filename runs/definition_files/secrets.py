"""Which texts of a definition are secrets, and what stands for them in a file and in a diff.

A definition is meant to have none, as placeholders take them from the account (`{{context.token}}`), but it may. Where
in doubt a text is one: then a file has a reference in its place, which loses nothing.
"""

from __future__ import annotations

import re
from typing import Any

from runs.connectors import has_known_form, is_secret_name, literal_text, placeholders_in, redact
from runs.connectors.errors import PlaceholderError
from runs.definition_files.kinds import Kind

# Of an authorization's config; everything else in it is a credential.
_PUBLIC = frozenset(
    {
        "auth_style",
        "authorize_query",
        "authorize_url",
        "client_id",
        "grant",
        "header_name",
        "issuer",
        "scope",
        "token_url",
    }
)
_CREDENTIALS = ("config", "authorization", "config")
_SENT = frozenset({"args", "base_url", "body", "headers", "id", "path", "query", "target_url", "webhook"})
_OF_SCHEMA = frozenset({"default", "const", "enum", "examples"})
_SCHEME = re.compile(r"[A-Za-z]{0,10}(?:[ =:\"]+[A-Za-z]{0,10}){0,3}[ =:\"]*")

Path = tuple[str, ...]


def is_secret(kind: Kind, path: Path, value: Any) -> bool:
    """Whether the value at the path of an object of this kind is one."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        return False
    text = str(value)
    if has_known_form(text):
        return True
    sent = _sent(kind, path)
    if sent is None:
        return False
    literal = literal_text(text)
    return redact(literal) != literal or (_is_named(path, sent) and not _only_places(text, literal))


def _sent(kind: Kind, path: Path) -> Path | None:
    """The names that the value goes to somebody under; None where it goes nowhere, as expressions and descriptions."""
    if kind is Kind.MAPPING:
        return None
    if path[0] == "args_schema":
        return None if _OF_SCHEMA.isdisjoint(path) else path[1:]
    if path[:3] == _CREDENTIALS:
        return path[3:]
    own = path[4:] if path[:2] == ("config", "resources") else path[1:] if path[0] == "config" else path
    if kind is Kind.INTEGRATION:
        return own[1:] if own[:1] and own[0] in _SENT else None
    return next((own[place + 1 :] for place, name in enumerate(own) if name in _SENT), None)


def _is_named(path: Path, sent: Path) -> bool:
    """Whether a name that it goes under is one of a credential."""
    if path[:3] == _CREDENTIALS:
        return sent[0] not in _PUBLIC
    return any(is_secret_name(name) for name in sent)


def _only_places(text: str, literal: str) -> bool:
    """Whether there is nothing but placeholders without a default, and a scheme's name: `Bearer {{context.key}}`."""
    try:
        found = placeholders_in(text)
    except PlaceholderError:
        return False
    return bool(found) and not any(one.default for one in found) and _SCHEME.fullmatch(literal) is not None
