"""Masking what must not reach a log line, an error row or a page.

All expressions are linear in the text: what is masked comes from a source and may be hostile.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
_SHORTEST_SECRET = 4

_SECRET_NAME = re.compile(
    r"token|secret|passw(or)?d|passphrase|api[-_]?key|credential|authorization|cookie|session|signature"
    r"|(^|[-_.])(key|pwd|pin|sig|auth)$",
    re.IGNORECASE,
)
_CAMEL_KEY = re.compile(r"[a-z]Key$")
_USERINFO = re.compile(r"(://)[^/\s@\"'<>?#]{1,512}@")
_SCHEME = re.compile(r"\b(Bearer|Basic)[ \t]{1,8}[\w\-.~+/]{4,}={0,2}", re.IGNORECASE)
_HEADER = re.compile(r"\b((?:Proxy-)?Authorization|(?:Set-)?Cookie)([ \t]{0,8}:[ \t]{0,8})[^\r\n\"',]+", re.IGNORECASE)
_PAIR = re.compile(r"(?<![\w\-.])([\w\-.]{1,64})=([^&\s\"'<>;,]+)")
_MEMBER = re.compile(r'("([^"\\]{1,64})"\s{0,8}:\s{0,8})("(?:[^"\\]|\\.)*"?|[^\s,}\]\[{"]+)')


def is_secret_name(name: str) -> bool:
    """Whether a value of this name (query parameter, JSON key, context key) is likely to be a credential."""
    return bool(_SECRET_NAME.search(name) or _CAMEL_KEY.search(name))


def redact(text: str) -> str:
    """The text or address without what looks like a credential by its name or form."""
    text = _USERINFO.sub(rf"\1{MASK}@", text)
    text = _HEADER.sub(rf"\1\2{MASK}", text)
    text = _SCHEME.sub(rf"\1 {MASK}", text)
    text = _MEMBER.sub(_masked_member, text)
    return _PAIR.sub(_masked_pair, text)


def _masked_pair(found: re.Match[str]) -> str:
    return f"{found[1]}={MASK}" if is_secret_name(found[1]) else found[0]


def _masked_member(found: re.Match[str]) -> str:
    return f'{found[1]}"{MASK}"' if is_secret_name(found[2]) else found[0]


class Redactor:
    """Masks known secrets wherever they appear, in their usual encodings too, besides what `redact` masks.

    Values of fewer than four characters are left: masking them would only tear other text.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {form for secret in secrets if len(secret) >= _SHORTEST_SECRET for form in _forms(secret)}
        longest_first = sorted(known, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def __call__(self, text: str) -> str:
        return redact(self._known.sub(MASK, text) if self._known else text)


def _forms(secret: str) -> set[str]:
    as_json = {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    return {secret, quote(secret, safe="", errors="replace"), quote_plus(secret, errors="replace"), *as_json}


def secrets_in(context: Mapping[str, Any], used_keys: Iterable[str]) -> set[str]:
    """The texts that are credentials: those under the given top-level keys, and under any key named like a secret."""
    used = set(used_keys)
    return {text for key, value in context.items() for text in _texts(value, key in used or is_secret_name(key))}


def without_secrets(value: Any) -> Any:
    """The value without what is named like a secret, at any depth."""
    if isinstance(value, Mapping):
        return {key: without_secrets(item) for key, item in value.items() if not is_secret_name(key)}
    return [without_secrets(item) for item in value] if isinstance(value, list) else value


def _texts(value: Any, is_secret: bool) -> set[str]:
    if isinstance(value, Mapping):
        return {text for key, item in value.items() for text in _texts(item, is_secret or is_secret_name(key))}
    if isinstance(value, list):
        return {text for item in value for text in _texts(item, is_secret)}
    is_text = isinstance(value, str | int) and not isinstance(value, bool)
    return {str(value)} if is_secret and is_text else set()


def masked_value(value: Any) -> Any:
    """The JSON value as it may be shown: texts redacted, and whatever is named like a secret masked, at any depth."""
    if isinstance(value, Mapping):
        return {key: MASK if is_secret_name(str(key)) and item else masked_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [masked_value(item) for item in value]
    return redact(value) if isinstance(value, str) else value
