"""`manage.py migrate`: Django's own, by one process at a time."""

from __future__ import annotations

from typing import Any

from django.core.management.commands.migrate import Command as Migrate
from django.db import connections

from runs.management.setting_up import setting_up


class Command(Migrate):
    def execute(self, *args: Any, **options: Any) -> str | None:
        """The lock comes before the checks, which open the database already."""
        with setting_up(connections[options["database"]]):
            return super().execute(*args, **options)
