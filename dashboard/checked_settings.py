"""Settings that are looked at when they are read, and refused in one sentence: which it is, and what was expected."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from environs import Env

from runs.connectors import PrivateHosts


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
