"""References of a definition to variables of the environment: `${CRM_TOKEN}`, in texts at any depth.

Only such names are one: `${` before anything else stays as it is, since JSONata may have it. `$${CRM_TOKEN}` is the
text `${CRM_TOKEN}`; each further `$` in front stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from runs.errors import Failure

_REFERENCE = re.compile(r"(\$+)\{([A-Z_][A-Z0-9_]*)\}")
# Whoever writes a definition is not to read by it what protects the installation.
OWN_SETTINGS = frozenset(
    {"CELERY_BROKER_URL", "CREDENTIALS_KEYS", "DATABASE_URL", "EMAIL_URL", "METRICS_TOKEN", "SECRET_KEY"}
)

Lookup = Callable[[str], Any]
"""What a name stands for; None where it stands for nothing."""


def reference(name: str) -> str:
    return f"${{{name}}}"


def escaped(text: str) -> str:
    """The text as a file has it, in which nothing is taken for a reference."""
    return _REFERENCE.sub(r"$\g<0>", text)


def refers(text: Any) -> bool:
    """Whether it is a text with a reference in it."""
    return isinstance(text, str) and any(len(found[1]) == 1 for found in _REFERENCE.finditer(text))


def filled(value: Any, lookup: Lookup, path: str = "") -> tuple[Any, list[Failure]]:
    """The value with its references filled, and which of them can't be."""
    failures: list[Failure] = []
    return _filled(value, lookup, path, failures), failures


def _filled(value: Any, lookup: Lookup, path: str, failures: list[Failure]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(item, lookup, _below(path, name), failures) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, lookup, _below(path, index), failures) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    failures += [Failure(path, message) for message in _faults(value, lookup)]
    if whole and len(whole[1]) == 1:
        return lookup(whole[2])
    return _REFERENCE.sub(lambda found: found[0][1:] if len(found[1]) > 1 else str(lookup(found[2])), value)


def _faults(text: str, lookup: Lookup) -> Iterator[str]:
    for dollars, name in _REFERENCE.findall(text):
        if len(dollars) > 1:
            continue
        if name in OWN_SETTINGS:
            yield f"may not refer to {name}, which is a setting of Syncdeck's own."
        elif lookup(name) is None:
            yield f"refers to {name}, which is not set in the environment."


def _below(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)
