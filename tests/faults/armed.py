"""python -m tests.faults.armed FOLDER PLANTED,PLANTED SECONDS COMMAND …: a management command of a process that obeys.

It carries out the orders of the folder at the crash points it passes, and resolves the names that are given there; has
the bugs that are named planted in it (`-` is none); and its clock goes wrong by so many seconds.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

import django
import time_machine
from celery.signals import worker_process_init

from tests.faults.orders import Obedience

NO_BUG = "-"


def main() -> None:
    folder, planted, seconds, *command = sys.argv[1:]
    with _clock(float(seconds)):
        django.setup()
        from django.core.management import execute_from_command_line

        from runs import crash_points
        from tests.faults import names, planted_bugs

        crash_points.arm(Obedience(Path(folder)))
        names.hear(Path(folder))
        for name in filter(None, planted.replace(NO_BUG, "").split(",")):
            planted_bugs.plant(name)
        sign_writes()
        worker_process_init.connect(sign_writes, weak=False)
        execute_from_command_line(["manage.py", *command])


def sign_writes(**_: object) -> None:
    """The name under which the database knows this process: its witness notes who writes."""
    os.environ["PGAPPNAME"] = f"process {os.getpid()}"


def _clock(seconds: float) -> contextlib.AbstractContextManager[object]:
    return time_machine.travel(time.time() + seconds, tick=True) if seconds else contextlib.nullcontext()


if __name__ == "__main__":
    main()
