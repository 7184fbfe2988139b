"""`manage.py doctor`: looks at the whole installation from this host, and says what to do."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from dashboard.health_checks import LOOKS, Check, looked, verdict
from dashboard.host_checks import HOST_LOOKS
from dashboard.key_checks import KEY_LOOKS
from dashboard.marks import Kind

LEVELS = {Kind.COMPLETED: "ok", Kind.WARNED: "warning", Kind.FAILED: "failure"}


class Command(BaseCommand):
    help = "Check database, broker, daemons, schedules, keys, folders, address and mail. Exit status 1: a failure."
    requires_system_checks = ()  # it tells of them in its own words, however bad it is

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="For programs.")

    def handle(self, *, as_json: bool, **options: Any) -> None:
        checks = looked({**LOOKS, **HOST_LOOKS, **KEY_LOOKS})
        self.stdout.write(_json(checks) if as_json else _text(checks))
        if _verdict(checks) == LEVELS[Kind.FAILED]:
            sys.exit(1)


def _json(checks: list[Check]) -> str:
    lines = [
        {"name": check.name, "level": _level(check), "words": check.words, "advice": check.advice} for check in checks
    ]
    return json.dumps({"level": _verdict(checks), "checks": lines}, indent=2)


def _text(checks: list[Check]) -> str:
    """A line each, and below it what to do; the counts at the end."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{_level(check):7}  {check.name:{width}}  {check.words}")
        lines += [f"{'':7}  {'':{width}}  {check.advice}"] if check.advice else []
    counts = Counter(map(_level, checks))
    return "\n".join([*lines, ", ".join(f"{level}: {counts[level]}" for level in LEVELS.values())])


def _level(check: Check) -> str:
    return LEVELS[check.mark.kind]


def _verdict(checks: list[Check]) -> str:
    return LEVELS[verdict(checks).kind]
