"""Which versions of what are at work."""

from __future__ import annotations

import platform
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import django
from django.db import connection

_PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


@cache
def syncdeck_version() -> str:
    """Of the installed package; in a checkout, that of its `pyproject.toml`."""
    try:
        return version("syncdeck")
    except PackageNotFoundError:
        return str(tomllib.loads(_PROJECT.read_text())["project"]["version"])


def versions() -> dict[str, str]:
    """Of Syncdeck and of what this process stands on."""
    return {
        "Syncdeck": syncdeck_version(),
        "Python": platform.python_version(),
        "Django": django.get_version(),
        connection.display_name: _database_version(),
    }


def _database_version() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version")
        found: tuple[Any, ...] = cursor.fetchone() or ("",)
    return str(found[0])
