"""python -m tests.faults [--kills 1000] [--seed N] [-k EXPRESSION]: all rows of the fault suite, and the table of them.

Without an expression, what the rows showed is written to `results.md`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults import report
from tests.processes import PROJECT

EVERYTHING = ("-m", "long or not long")


def main() -> int:
    """pytest's exit status."""
    wished = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, report.FOLDER: folder, "DATABASE_URL": "", "CELERY_BROKER_URL": "filesystem://"}
        if wished.kills:
            environment["FAULTS_KILLS"] = str(wished.kills)
        if wished.seed is not None:
            environment["FAULTS_SEED"] = str(wished.seed)
        command = [sys.executable, "-m", "pytest", "--show-capture=no", *EVERYTHING, "tests/faults"]
        if wished.k:
            command += ["-k", wished.k]
        status = subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode
        table = report.table(Path(folder))
        print(table)
        if not wished.k:
            report.RESULTS.write_text(table)
    return status


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, help="how many processes the nemesis kills on PostgreSQL.")
    parser.add_argument("--seed", type=int, help="of the nemesis.")
    parser.add_argument("-k", metavar="EXPRESSION", help="these rows alone, and no table is written.")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
