"""python -m tests.upgrade.make VERSION COMMIT: what the database of that version looks like, for the upgrade tests.

Runs the commit's own processes through `tests.upgrade.story`, and writes `tests/upgrade/VERSION/`: the database as SQL,
and what its API told of it, for SQLite and for PostgreSQL. It takes a minute, and needs PostgreSQL, Redis, `pg_dump`
and the history of the repository.
"""

from __future__ import annotations

import logging
import os
import sys

import django


def main(version: str, commit: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    from tests.upgrade.making import make

    make(version, commit)


if __name__ == "__main__":
    main(*sys.argv[1:])
