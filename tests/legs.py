"""The suite on each database: on SQLite and files, then on PostgreSQL and Redis where they answer.

python -m tests.legs
"""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

from tests import services
from tests.processes import PROJECT

IN_PARALLEL = ("-n", "2", "--dist", "loadfile")
# The browser sees no difference between databases, and the acceptance tests run on both by themselves.
ONCE_ONLY = ("--ignore", "tests/browser", "--ignore", "tests/acceptance")
QUEUES = ("sync.default", "sync.east", "sync.elsewhere")  # of the groups that the tests name


def main() -> int:
    """The exit status of the first leg that fails, else 0. What a leg printed last is pytest's own summary."""
    lacking = services.lacking()
    if lacking:
        print(f"Only the SQLite leg runs: no answer from {' and '.join(lacking)}.", flush=True)
    status = leg("SQLite and files", "", "filesystem://")
    if status or lacking:
        return status
    with services.own_queues(*QUEUES):
        return leg("PostgreSQL and Redis", own_database_url(), services.BROKER_URL, *ONCE_ONLY)


def leg(name: str, database_url: str, broker_url: str, *options: str) -> int:
    print(f"\nTests on {name}", flush=True)
    environment = {**os.environ, "DATABASE_URL": database_url, "CELERY_BROKER_URL": broker_url}
    command = [sys.executable, "-m", "pytest", *IN_PARALLEL, *options]
    return subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode


def own_database_url() -> str:
    """A name that no other run of the suite uses; the test runner makes the databases, and drops them."""
    return urlunsplit(urlsplit(services.DATABASE_URL)._replace(path=f"/syncdeck_{os.getpid()}"))


if __name__ == "__main__":
    sys.exit(main())
