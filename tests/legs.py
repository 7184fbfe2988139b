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


def main() -> int:
    """The exit status of the first leg that fails, else 0. What a leg printed last is pytest's own summary."""
    lacking = services.lacking()
    if lacking:
        print(f"Only the SQLite leg runs: no answer from {' and '.join(lacking)}.", flush=True)
    status = leg("SQLite and files", {"DATABASE_URL": "", "CELERY_BROKER_URL": "filesystem://"})
    if status or lacking:
        return status
    with services.own_keys() as prefix:
        broker = {"CELERY_BROKER_URL": services.BROKER_URL, "BROKER_KEY_PREFIX": prefix}
        return leg("PostgreSQL and Redis", {"DATABASE_URL": own_database_url(), **broker}, *ONCE_ONLY)


def leg(name: str, settings: dict[str, str], *options: str) -> int:
    print(f"\nTests on {name}", flush=True)
    command = [sys.executable, "-m", "pytest", *IN_PARALLEL, *options]
    return subprocess.run(command, cwd=PROJECT, env={**os.environ, **settings}, check=False).returncode


def own_database_url() -> str:
    """A name that no other run of the suite uses; the test runner makes the databases, and drops them."""
    return urlunsplit(urlsplit(services.DATABASE_URL)._replace(path=f"/syncdeck_{os.getpid()}"))


if __name__ == "__main__":
    sys.exit(main())
