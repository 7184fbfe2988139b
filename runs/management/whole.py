"""What one installation on one machine consists of: web, one daemon of the default group, scheduler."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from django.conf import settings

from runs.addresses import address_to_open
from runs.management.supervisor import Service


def manage(*arguments: str) -> tuple[str, ...]:
    """The command line of a management command, with this very Python."""
    return (sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), *arguments)


def whole(host: str, port: int, concurrency: int) -> list[Service]:
    """The services; each is told the address that people open, unless PUBLIC_URL says otherwise."""
    shared = {"PUBLIC_URL": os.environ.get("PUBLIC_URL") or address_to_open(host, port), "PYTHONPATH": project_path()}
    beat = (sys.executable, "-m", "celery", "--quiet", "--app", "dashboard", "beat", "--pidfile=", "--loglevel", "INFO")
    daemon = manage("daemon", "--quiet", "--group", "default", "--concurrency", str(concurrency))
    return [
        Service("web", manage("serve", "--host", host, "--port", str(port)), shared),
        Service("daemon", daemon, shared),
        Service("scheduler", beat, shared),
    ]


def project_path() -> str:
    """With the project's directory first: Celery's own command is started from anywhere."""
    return os.pathsep.join(filter(None, [str(settings.BASE_DIR), os.environ.get("PYTHONPATH", "")]))
