"""The suite on each database: on SQLite and files, then on PostgreSQL and Redis where they answer.

python -m tests.legs

The first leg has every test. The second has those that ask for the database, which `tests/conftest.py` marks by their
fixtures: no other reaches a database, nor a broker, whose messages are about rows. The browser and acceptance tests
and those of commands that start processes give these their databases themselves, the same ones in either leg.
"""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

from tests import services
from tests.processes import PROJECT

# One worker more than cores, since many tests wait for processes that they have started.
WORKERS = min(os.cpu_count() or 1, 4) + 1
# In the order of tests/conftest.py; by itself xdist takes files of few tests last, and these are the slow ones.
IN_PARALLEL = ("-n", str(WORKERS), "--dist", "loadfile", "--no-loadscope-reorder")
# Without it each of the hundreds of processes would compile all of the project again.
KEPT_BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
ON_THE_DATABASE = ("-m", "database")


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
        return leg("PostgreSQL and Redis", {"DATABASE_URL": own_database_url(), **broker}, *ON_THE_DATABASE)


def leg(name: str, settings: dict[str, str], *options: str) -> int:
    print(f"\nTests on {name}", flush=True)
    command = [sys.executable, "-m", "pytest", *IN_PARALLEL, *options]
    return subprocess.run(command, cwd=PROJECT, env={**os.environ, **KEPT_BYTECODE, **settings}, check=False).returncode


def own_database_url() -> str:
    """A name that no other run of the suite uses; the test runner makes the databases, and drops them."""
    return urlunsplit(urlsplit(services.DATABASE_URL)._replace(path=f"/syncdeck_{os.getpid()}"))


if __name__ == "__main__":
    sys.exit(main())
