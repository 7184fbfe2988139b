"""What parts that move records share: an installation of their own, a source, and a daemon that is told of runs.

A part's figures are made within a process that has the installation's database: `python -m PART …`, which prints them
as JSON on its last line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runs.addresses import any_free_port
from tests import services
from tests.processes import PROJECT, Process, Processes, processes, wait_until

OURS = "Syncdeck"
TEMPLATE = "BENCH_TEMPLATE"  # the variable that names a database which has the tables already, to copy
LONGEST = 600.0  # seconds that one run may take
# What a part that measures pages has otherwise: an address of its own, no servers to tell of runs, the usual log.
OF_PAGES = {"PUBLIC_URL": "http://127.0.0.1", "CELERY_BROKER_URL": "filesystem://", "LOG_LEVEL": "INFO"}


def in_installation(
    module: str, *arguments: str, embedded: bool = False, settings: Mapping[str, str] | None = None
) -> Any:
    """What the module's main part measures in a new installation: PostgreSQL and Redis, or all in one folder.

    `settings` are laid over the usual ones.
    """
    with tempfile.TemporaryDirectory() as folder, _services(module, embedded) as of_services:
        environment = {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "dashboard.settings", **of_services}
        environment |= {"ALLOW_PRIVATE_NETWORKS": "true", "LOG_LEVEL": "WARNING", **(settings or {})}
        command = [sys.executable, "-m", module, *arguments]
        output = subprocess.run(
            command, cwd=PROJECT, env={**os.environ, **environment}, stdout=subprocess.PIPE, check=True
        ).stdout
        return json.loads(output.splitlines()[-1])


@contextmanager
def _services(module: str, embedded: bool) -> Iterator[dict[str, str]]:
    if embedded:
        yield {"DATABASE_URL": "", "CELERY_BROKER_URL": "filesystem://"}
        return
    name = f"syncdeck_bench_{os.getpid()}_{module.rpartition('.')[2]}"
    template = os.environ.get(TEMPLATE, "template1")
    with services.own_database(name, template) as url, services.own_keys() as keys:
        yield {"DATABASE_URL": url, "CELERY_BROKER_URL": services.BROKER_URL, "BROKER_KEY_PREFIX": keys}


@contextmanager
def stage(count: int) -> Iterator[tuple[Processes, str]]:
    """Within the installation: its tables, and a source of so many records at the URL. What is started ends with it."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    with processes(Path(os.environ["DATA_DIR"]), {}) as started:
        port = str(any_free_port())
        source = started.start(sys.executable, "-m", "tests.benchmarks.source", str(count), port, name="source")
        source.says("Serving", limit=300)
        yield started, f"http://127.0.0.1:{port}"


def listed(size: int, **query: Any) -> dict[str, Any]:
    """The method that lists the source's records in pages of the size."""
    pagination = {"format": "page", "config": {"page_key": "page", "limit_key": "per_page", "limit": size}}
    return {"method": "get", "path": "/records", "response_path": "data", "query": query, "pagination": pagination}


def daemon(started: Processes) -> Process:
    """A daemon that takes runs, one at a time."""
    from runs.models import Daemon

    process = started.manage("daemon", "--concurrency", "1")
    wait_until(lambda: Daemon.objects.living_groups(), 60, "a daemon that is alive")
    return process


def peak_memory(process: Process) -> int:
    """What the process took at most, in kB."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


@dataclass
class Ours:
    """One job for one account, of which one run after another is left to the daemon."""

    account: Any
    job: Any
    name: str = OURS

    @classmethod
    def of(cls, config: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> Ours:
        """Of an integration that has this config, and is nobody else's."""
        from runs.models import Integration
        from tests import factories

        integration = factories.integration(name=f"benchmark-{Integration.objects.count()}", config=dict(config))
        job = factories.job(integration=integration, resources=[dict(entry) for entry in entries])
        return cls(factories.account(integration=integration), job)

    def clear(self) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE runs_record" if connection.vendor == "postgresql" else "DELETE FROM runs_record")

    def run(self) -> Any:
        """One more run, which has completed without an error."""
        from runs.models import RunTrigger
        from runs.services import Origin, RunRequest, create_run

        request = RunRequest(self.job, self.account, ignore_previous_run=True)
        run = create_run(request, Origin(RunTrigger.CLI, "a benchmark"))

        def has_ended() -> bool:
            run.refresh_from_db()
            return not run.is_live

        wait_until(has_ended, LONGEST, "the end of the run")
        assert run.status == "completed" and run.error_count == 0, run.status
        return run

    def seconds(self) -> float:
        """Of one more run, from its claim to its end."""
        run = self.run()
        return float((run.finished_at - run.started_at).total_seconds())
