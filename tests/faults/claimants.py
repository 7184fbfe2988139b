"""python -m tests.faults.claimants NAME THREADS: a process whose threads all claim every run, each at the same moment.

Prints the ids of the runs that its threads have won, one a line.
"""

from __future__ import annotations

import sys
import threading
from uuid import UUID

import django

LATEST = 120.0  # seconds that the slowest thread of a round may take


def main() -> None:
    name, threads = sys.argv[1], int(sys.argv[2])
    django.setup()
    from runs.models import SyncJobRun

    runs = list(SyncJobRun.objects.order_by("id").values_list("id", flat=True))
    barrier = threading.Barrier(threads, timeout=LATEST)
    won: list[UUID] = []
    started = [
        threading.Thread(target=claim_all, args=(f"{name}-{number}", runs, barrier, won)) for number in range(threads)
    ]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    print("\n".join(map(str, won)))


def claim_all(name: str, runs: list[UUID], barrier: threading.Barrier, won: list[UUID]) -> None:
    from django.db import connection

    from runs.engine.claim import claim

    try:
        for run_id in runs:
            barrier.wait()
            if claim(run_id, name) is not None:
                won.append(run_id)
    finally:
        connection.close()


if __name__ == "__main__":
    main()
