"""Settings that are looked at when they are read, and refused in one sentence: which it is, and what was expected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import SimpleLazyObject
from environs import Env

from dashboard.keys import kept_keys, require_folder
from runs.connectors import PrivateHosts

A_KEY = "32 bytes in URL-safe base64, as `manage.py rotate_keys --generate` makes them where none is set"


def number(name: str, usual: int, least: int, most: int) -> int:
    """The whole number that the environment has for the setting, else the usual one. Raises ImproperlyConfigured."""
    text: str = Env().str(name, "").strip()
    if not text:
        return usual
    try:
        found = int(text)
    except ValueError:
        found = least - 1
    if not least <= found <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least:,} to {most:,}, not {text[:50]!r}.")
    return found


def hosts(name: str) -> list[str]:
    """The hosts and networks that the environment has for the setting, separated by commas. Raises ImproperlyConfigured
    for one that `PrivateHosts` does not take."""
    listed: str = Env().str(name, "")
    entries = [entry.strip() for entry in listed.split(",") if entry.strip()]
    try:
        PrivateHosts.of(entries)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error
    return entries


def keys(name: str) -> list[str]:
    """The Fernet keys that the environment has for the setting, separated by commas. Raises ImproperlyConfigured for
    what is none, which tells its position alone."""
    listed: str = Env().str(name, "")
    return _checked([key.strip() for key in listed.split(",") if key.strip()], name)


def keys_in(file: Path, make: Callable[[], str]) -> list[str]:
    """The Fernet keys kept in the file, one a line. One that is not there is made when the keys are first asked for, so
    that a process that needs none leaves none behind. Raises ImproperlyConfigured likewise."""
    if file.exists():
        return _checked(kept_keys(file, make), str(file))
    require_folder(file.parent)
    return cast("list[str]", SimpleLazyObject(lambda: kept_keys(file, make)))


def _checked(found: list[str], where: str) -> list[str]:
    broken = [str(place) for place, key in enumerate(found, 1) if not _is_key(key)]
    if broken:
        raise ImproperlyConfigured(f"{where} has what is no key, at position {', '.join(broken)}: a key is {A_KEY}.")
    return found


def _is_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True
