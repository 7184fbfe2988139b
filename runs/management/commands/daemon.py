"""`manage.py daemon`: a worker process of ours, which is a Celery worker of the queues of its groups."""

from __future__ import annotations

import os
import secrets
from typing import Any

from celery import current_app
from celery.utils.nodenames import gethostname, nodename
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from runs.dispatch import queue_of

POOLS = ("threads", "prefork", "solo")


class Command(BaseCommand):
    help = "Execute the runs of one or more daemon groups."
    requires_system_checks: list[str] = []  # they load every page; `serve` and `check` make them

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--group", default="default", help="The group's key; several are separated by commas.")
        parser.add_argument("--concurrency", type=int, default=4, help="Runs worked on at the same time.")
        parser.add_argument("--pool", choices=POOLS, default="threads")
        parser.add_argument("--loglevel", default="INFO")
        parser.add_argument("--quiet", action="store_true", help="Print no banner.")

    def handle(self, *, group: str, concurrency: int, pool: str, loglevel: str, quiet: bool, **options: Any) -> None:
        groups = [key.strip() for key in group.split(",")]
        if not all(groups):
            raise CommandError("--group names one or more groups, separated by commas.")
        if concurrency < 1:
            raise CommandError("--concurrency is at least 1.")
        os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # the same checks
        worker = current_app.Worker(**worker_options(groups, concurrency, pool, loglevel, quiet))
        worker.start()
        raise SystemExit(worker.exitcode or 0)


def worker_options(
    groups: list[str], concurrency: int, pool: str, loglevel: str, quiet: bool = False
) -> dict[str, Any]:
    """What Celery's worker is told. Daemons know each other through the database, so they need no gossip by the broker,
    nor events that say they are alive: these also keep a thread that a daemon's end waits for.

    Not by its command line, with which comes an interactive shell that every daemon would keep loaded.
    """
    return {
        "hostname": nodename(f"daemon-{'-'.join(groups)}-{secrets.token_hex(3)}", gethostname()),
        "queues": [queue_of(key) for key in groups],
        "concurrency": concurrency,
        "pool_cls": pool,
        "loglevel": loglevel,
        "quiet": quiet or settings.LOGS_ARE_JSON,  # else it prints a banner
        "without_mingle": True,
        "without_gossip": True,
        "without_heartbeat": True,
    }
