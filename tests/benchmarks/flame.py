"""`make profile`: where a run spends its time, as a flame graph (SVG).

`manage.py sync` is the process that is looked at: it executes the whole run by itself, with everything on that a daemon
has on. py-spy has a virtual environment of its own, beside the peers of the benchmarks.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from runs.addresses import any_free_port
from tests import services
from tests.processes import PROJECT, processes

PAGE_SIZE = 1_000
LABEL, TENANT = "profiled", "acme"
SAMPLES_PER_SECOND = 200


def main() -> int:
    wished = _arguments()
    lacking = services.lacking()
    if lacking:
        print(f"A profile needs PostgreSQL and Redis: no answer from {' and '.join(lacking)}.")
        return 1
    drawn = flame_graph(wished.records, wished.output)
    print(f"{drawn}: {wished.records:,} records. Open it in a browser; the wider, the longer.")
    return 0


def flame_graph(records: int, output: Path) -> Path:
    """The file with the graph of a first load of so many records into an empty database, dropped afterwards."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with services.own_database(f"syncdeck_profile_{os.getpid()}") as url, tempfile.TemporaryDirectory() as folder:
        environment = {"DATABASE_URL": url, "DATA_DIR": folder, "CELERY_BROKER_URL": "filesystem://"}
        environment |= {"ALLOW_PRIVATE_NETWORKS": "true", "LOG_LEVEL": "WARNING"}
        with processes(Path(folder), environment) as started:
            port = any_free_port()
            module = [sys.executable, "-m", "tests.benchmarks.source", str(records), str(port)]
            started.start(*module, name="source").says("Serving", limit=120)
            _prepare({**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "dashboard.settings"}, port)
            record = [str(_py_spy()), "record", "--rate", str(SAMPLES_PER_SECOND), "--output", str(output)]
            run = started.start(*record, "--", sys.executable, "manage.py", "sync", LABEL, TENANT, name="sync")
            if run.wait(600) != 0:
                raise RuntimeError(run.log())
    return output


def _py_spy() -> Path:
    home = Path(sys.prefix) / "profile"
    program = home / "bin" / "py-spy"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([home / "bin" / "python", "-m", "pip", "install", "--quiet", "py-spy>=0.4,<1"], check=True)
    return program


def _prepare(environment: dict[str, str], port: int) -> None:
    """In a process that has the database: its tables, and a job for the source's records."""
    command = [sys.executable, "-m", "tests.benchmarks.flame", "--prepare", str(port)]
    subprocess.run(command, cwd=PROJECT, env=environment, check=True)


def _make_job(port: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from tests import factories

    call_command("migrate", verbosity=0)
    pagination = {"format": "page", "config": {"page_key": "page", "limit_key": "per_page", "limit": PAGE_SIZE}}
    method = {"method": "get", "path": "/records", "response_path": "data", "pagination": pagination}
    config = {"base_url": f"http://127.0.0.1:{port}", "resources": {"records": {"list": method}}}
    integration = factories.integration(name="profiled", config=config)
    entry = {"resource": "records", "method": "list", "persist": True}
    factories.job(integration=integration, label=LABEL, resources=[entry])
    factories.account(integration=integration, tenant_id=TENANT)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.flame", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--output", type=Path, default=PROJECT / "data" / "profile.svg")
    parser.add_argument("--prepare", type=int, metavar="PORT", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    if port := _arguments().prepare:
        _make_job(port)
    else:
        sys.exit(main())
