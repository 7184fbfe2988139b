"""Masking what must not reach a log line, an error row or a page.

Two things are masked: what looks like a credential by its name or form (`redact`), and the credentials that are known
because they are being used (`Redactor`). `masked` does both: it knows the secrets of the work that it is called in,
which is what `masking` encloses. All that is told of that work goes through it before it is written down.

All expressions are linear in the text: what is masked comes from a source and may be hostile.
"""

from __future__ import annotations

import html
import json
import re
import threading
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

MASK = "***"
_SHORTEST_SECRET = 4
_SHORTEST_CORE = 8  # of a secret within base64: what is shorter is in any text by chance
_LONGEST_SECRET = 4_000
_DEEPEST = 50

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
_LINE = re.compile(r"(?<![\w\-.])([\w\-.]{1,64})([ \t]{0,8}:[ \t]{0,8})([^\s\"'<>;,]+)")
_MEMBER = re.compile(r'("([^"\\]{1,64})"\s{0,8}:\s{0,8})("(?:[^"\\]|\\.)*"?|[^\s,}\]\[{"]+)')
_PYTHON_MEMBER = re.compile(r"('([^'\\]{1,64})'\s{0,8}:\s{0,8})('(?:[^'\\]|\\.)*'?|[^\s,}\]\[{'\"]+)")
# Credentials that are known by their beginning: JSON web tokens, GitHub, GitLab, Slack, Stripe, AWS, webhook secrets.
_KNOWN_FORM = re.compile(
    r"\b(?:eyJ[\w\-]{8,}\.[\w\-]{8,}(?:\.[\w\-]*)?|gh[oprsu]_\w{20,}|github_pat_\w{20,}|glpat-[\w\-]{16,}"
    r"|xox[a-z]-[\w\-]{10,}|[rs]k_(?:live|test)_\w{10,}|AKIA[0-9A-Z]{16}|whsec_[\w+/\-]{16,}={0,2})"
)


def is_secret_name(name: str) -> bool:
    """Whether a value of this name (query parameter, JSON key, context key) is likely to be a credential."""
    return bool(_SECRET_NAME.search(name) or _CAMEL_KEY.search(name))


def redact(text: str) -> str:
    """The text or address without what looks like a credential by its name or form."""
    text = _USERINFO.sub(rf"\1{MASK}@", text)
    text = _HEADER.sub(rf"\1\2{MASK}", text)
    text = _SCHEME.sub(rf"\1 {MASK}", text)
    text = _MEMBER.sub(_masked_member, text)
    text = _PYTHON_MEMBER.sub(_masked_member, text)
    text = _PAIR.sub(_masked_pair, text)
    text = _LINE.sub(_masked_line, text)
    return _KNOWN_FORM.sub(MASK, text)


def _masked_pair(found: re.Match[str]) -> str:
    return f"{found[1]}={MASK}" if is_secret_name(found[1]) else found[0]


def _masked_line(found: re.Match[str]) -> str:
    """A header or a setting. A single word before a colon is part of a sentence: "Invalid token: expired"."""
    is_name = "-" in found[1] or "_" in found[1]
    return f"{found[1]}{found[2]}{MASK}" if is_name and is_secret_name(found[1]) else found[0]


def _masked_member(found: re.Match[str]) -> str:
    quoted = found[1][0]
    return f"{found[1]}{quoted}{MASK}{quoted}" if is_secret_name(found[2]) else found[0]


def has_known_form(text: str) -> bool:
    """Whether a credential is in the text that is known by its form alone, whatever it is called."""
    return _KNOWN_FORM.search(text) is not None


class Redactor:
    """Masks known secrets wherever they appear, in their usual encodings too, besides what `redact` masks.

    Values of fewer than four characters are left: masking them would only tear other text. Any thread may teach it
    more while others use it.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._secrets: frozenset[str] = frozenset()
        self._known: re.Pattern[str] | None = None
        self.learn(secrets)

    def __call__(self, text: str) -> str:
        return redact(self._known.sub(MASK, text) if self._known else text)

    def learn(self, secrets: Iterable[str]) -> None:
        """From now on these are masked too."""
        fresh = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        with self._lock:
            if fresh <= self._secrets:
                return
            self._secrets |= fresh
            longest_first = sorted(self._secrets, key=len, reverse=True)
            self._known = re.compile("|".join(pattern for secret in longest_first for pattern in _patterns(secret)))


_AT_WORK: ContextVar[Redactor | None] = ContextVar("at_work", default=None)


@contextmanager
def masking(redactor: Redactor | None = None) -> Iterator[Redactor]:
    """Work with secrets: within it, `masked` knows those that the redactor knows, or learns meanwhile."""
    redactor = redactor or Redactor()
    before = _AT_WORK.set(redactor)
    try:
        yield redactor
    finally:
        _AT_WORK.reset(before)


def redactor_at_work() -> Redactor:
    """The one that `masking` has set; outside of it a new one."""
    return _AT_WORK.get() or Redactor()


def masked(text: str) -> str:
    """The text as it may be written down: without the secrets of the present work, and what looks like one."""
    return redactor_at_work()(text)


def masked_start(text: str, length: int) -> str:
    """The beginning of the text, masked. It is cut afterwards: the end of a cut text may be a part of a secret."""
    return masked(text[: length + _LONGEST_SECRET])[:length]


def masked_value(value: Any) -> Any:
    """The JSON value as it may be shown: texts masked, and whatever is named like a secret, at any depth."""
    return _masked_value(value, redactor_at_work(), _DEEPEST)


def _masked_value(value: Any, mask: Redactor, levels: int) -> Any:
    if isinstance(value, str):
        return mask(value)
    if not levels:
        return MASK if isinstance(value, Mapping | list) else value
    if isinstance(value, Mapping):
        return {
            key: MASK if is_secret_name(str(key)) and item else _masked_value(item, mask, levels - 1)
            for key, item in value.items()
        }
    return [_masked_value(item, mask, levels - 1) for item in value] if isinstance(value, list) else value


def _patterns(secret: str) -> list[str]:
    """Expressions for the secret as it is, and as addresses, JSON, HTML and base64 write it."""
    as_json = {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    forms = {html.escape(secret), *as_json, *_in_base64(secret)} - {secret}
    return ["".join(map(_in_address, secret)), *map(re.escape, sorted(forms, key=len, reverse=True))]


def _in_address(character: str) -> str:
    """The character itself or encoded: which ones are encoded, and in which case, each program decides for itself."""
    if character.isalnum() and character.isascii():
        return character
    encoded = "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))
    plus = r"|\+" if character == " " else ""
    return f"(?:{re.escape(character)}|(?i:{encoded}){plus})"


def _in_base64(secret: str) -> set[str]:
    """What base64 makes of the secret alone, and of the part that is the same wherever it stands in a longer text.

    Three bytes are four characters, so there are three places; a character that a neighbour has a share in is left out.
    """
    raw = secret.encode("utf-8", "replace")
    forms: set[str] = set()
    for encode in (b64encode, urlsafe_b64encode):
        forms |= {encode(raw).decode(), encode(raw).decode().rstrip("=")}
        for ahead in range(3):
            characters = encode(bytes(ahead) + raw).decode()
            forms.add(characters[-(-ahead * 8 // 6) : (ahead + len(raw)) * 8 // 6])
    return {form for form in forms if len(form) >= _SHORTEST_CORE}


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
