"""`manage.py daemon`: a worker process of ours, which is a Celery worker of the queues of its groups."""

from __future__ import annotations

import os
import secrets
from typing import Any

from celery import current_app
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

    def handle(self, *, group: str, concurrency: int, pool: str, loglevel: str, **options: Any) -> None:
        groups = [key.strip() for key in group.split(",")]
        if not all(groups):
            raise CommandError("--group names one or more groups, separated by commas.")
        if concurrency < 1:
            raise CommandError("--concurrency is at least 1.")
        os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # the same checks
        current_app.worker_main(worker_arguments(groups, concurrency, pool, loglevel))


def worker_arguments(groups: list[str], concurrency: int, pool: str, loglevel: str) -> list[str]:
    """Celery's command line. Daemons know each other through the database, so they need no gossip by the broker."""
    name = f"daemon-{'-'.join(groups)}-{secrets.token_hex(3)}@%h"
    queues = ",".join(queue_of(key) for key in groups)
    limits = ["--concurrency", str(concurrency), "--pool", pool, "--loglevel", loglevel]
    return ["worker", "--queues", queues, "--hostname", name, *limits, "--without-mingle", "--without-gossip"]
