"""Others who move the same records into PostgreSQL: each a script of its own, for an interpreter of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.benchmarks.stage import LONGEST
from tests.processes import PROJECT

PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
# The virtual environments beside our packages, and what is in them. The two halves of Singer can't share one.
HOMES: Mapping[str, tuple[str, ...]] = {
    "peers": (
        "dlt[postgres]>=1.31,<2",
        "django>=5.2,<5.3",
        "psycopg[binary]>=3.2,<3.4",
        "requests>=2.32,<3",
        "msgspec>=0.20,<1",
        "urllib3>=2,<3",
    ),
    "peers-tap": ("tap-rest-api-msdk>=1.4,<2",),
    "peers-target": ("meltanolabs-target-postgres>=0.8,<0.9",),
}
# Whose script, in which home, and what it leaves behind in the database.
SCRIPTS = {
    "dlt, upsert": ("dlt_upsert", "peers", "DROP SCHEMA IF EXISTS dlt_peer, dlt_peer_staging CASCADE"),
    "Singer, COPY": ("singer", "peers-target", "DROP SCHEMA IF EXISTS singer_peer CASCADE"),
    "Django, bulk_create": ("plain_django", "peers", "DROP TABLE IF EXISTS plain_django"),
    "the limit": ("limit", "peers", "DROP TABLE IF EXISTS peer_limit"),
}


def install_others() -> None:
    """Into virtual environments of theirs, where they are not yet."""
    for name, packages in HOMES.items():
        if not _python(name).exists():
            subprocess.run([sys.executable, "-m", "venv", _python(name).parents[1]], check=True)
            subprocess.run([_python(name), *PIP, *packages], check=True)


def _python(home: str) -> Path:
    return Path(sys.prefix) / home / "bin" / "python"


@dataclass
class Other:
    """One of them, from the API at the URL into the database of the DSN. The name is one of the scripts'."""

    name: str
    url: str
    dsn: str
    page_size: int

    def clear(self) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as server:
            server.execute(SCRIPTS[self.name][2])

    def seconds(self) -> float:
        script, home, _ = SCRIPTS[self.name]
        with tempfile.TemporaryDirectory() as folder:
            path = PROJECT / "tests/benchmarks/peers" / f"{script}.py"
            command = [_python(home), path, self.url, self.dsn, str(self.page_size), folder]
            output = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=LONGEST).stdout
        return float(output.split()[-1])
