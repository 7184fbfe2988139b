"""`manage.py sync`: one run, executed in this process."""

from __future__ import annotations

import argparse
import json
import signal
import socket
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, NoReturn
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from rich.console import Console

from runs.engine.runner import execute_slice
from runs.interpreter import expect_many_records
from runs.management.database import ensure_tables
from runs.management.dry_lines import lines_of
from runs.management.progress import RunProgress, last_lines
from runs.management.refusals import refusals_told
from runs.management.targets import find_account, find_job
from runs.management.typist import typing, who_types
from runs.models import RunTrigger, SyncJobRun
from runs.services import Origin, RunRequest, create_run, dry_run, request_stop
from runs.words import EXIT_CODES

LOOK_AGAIN = 0.2  # seconds, between slices: the run may wait for its source, or a daemon may have taken it


class Command(BaseCommand):
    help = "Run a job for an account here and now. Exit status: 0 completed, 1 failed, 3 stopped (by Ctrl-C, say)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job", metavar="JOB", help="The job's id or label.")
        parser.add_argument("account", metavar="ACCOUNT", help="The integrated account's id or tenant id.")
        parser.add_argument("--environment", metavar="NAME", help="Where both of them are.")
        parser.add_argument("--args", dest="run_args", type=json_object, metavar="JSON", help='Such as {"user_id": 7}.')
        parser.add_argument("--ignore-previous-run", action="store_true", help="Fetch everything, not only news.")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            dest="only_try",
            help="Only show what it would do, and what the first page of each entry brings. Nothing is stored.",
        )

    def handle(
        self,
        *,
        job: str,
        account: str,
        environment: str | None,
        run_args: dict[str, Any] | None,
        ignore_previous_run: bool,
        only_try: bool,
        **options: Any,
    ) -> None:
        ensure_tables()
        expect_many_records()
        of_job = find_job(job, account, environment)
        with typing(), refusals_told():
            of_account = find_account(account, of_job, environment)
            request = RunRequest(of_job, of_account, run_args, ignore_previous_run=ignore_previous_run)
            if only_try:
                self._try_out(request)
            run = create_run(request, Origin(RunTrigger.CLI, who_types()), dispatch=False)
        self.stdout.write(f"{settings.PUBLIC_URL}/runs/{run.id}/")
        self.stdout.flush()
        ended = execute_visibly(run, Console())
        self.stdout.write(last_lines(ended))
        sys.exit(EXIT_CODES[ended.status])

    def _try_out(self, request: RunRequest) -> NoReturn:
        found = dry_run(request)
        for line in lines_of(found):
            self.stdout.write(line)
        sys.exit(0 if found.is_well else 1)


def json_object(text: str) -> dict[str, Any]:
    """An argparse type."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text} is not a JSON object")
    return value


def execute_visibly(run: SyncJobRun, console: Console) -> SyncJobRun:
    """Work on the run in a thread, draw its progress here; Ctrl-C and SIGTERM ask it to stop. Returns the ended run."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="run") as pool:
        work = pool.submit(execute_to_end, run.id)
        progress = RunProgress(run.id, console)
        try:
            progress.follow(lambda seconds: _is_over(work, seconds))
        except KeyboardInterrupt:
            with typing():
                request_stop(run, actor=who_types())
        work.result()
    return SyncJobRun.objects.get(id=run.id)


def _is_over(work: Future[None], seconds: float) -> bool:
    return not wait([work], seconds).not_done


def execute_to_end(run_id: UUID) -> None:
    """Slice after slice until the run is final; through waits, and through slices that a daemon took."""
    daemon_id = f"cli@{socket.gethostname()}"
    try:
        execute_slice(run_id, daemon_id)
        while SyncJobRun.objects.live().filter(id=run_id).exists():
            time.sleep(LOOK_AGAIN)
            execute_slice(run_id, daemon_id)
    finally:
        connection.close()
