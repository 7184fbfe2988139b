"""What any run costs at least: a Celery task that asks the source once and writes one row.

`celery -A tests.benchmarks.peers.bare_celery worker`, with the broker and the database of the environment; kept
connections, one per thread, and the settings of ours where they matter for speed.
"""

from __future__ import annotations

import os
import threading

import httpx2
import psycopg
from celery import Celery

QUEUE = "bare"
TABLE = "CREATE TABLE IF NOT EXISTS bare_page (id bigserial PRIMARY KEY, body jsonb, at timestamptz)"
INSERT = "INSERT INTO bare_page (body, at) VALUES (%s::jsonb, clock_timestamp())"

app = Celery("bare", broker=os.environ["CELERY_BROKER_URL"], set_as_current=False)
app.conf.update(
    broker_transport_options={"global_keyprefix": os.environ["BROKER_KEY_PREFIX"]},
    task_default_queue=QUEUE,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
)
_client = httpx2.Client(trust_env=False)
_kept = threading.local()


@app.task(name="bare.reach")
def reach(url: str) -> None:
    """Ask the source."""
    _client.get(url).raise_for_status()


@app.task(name="bare.store")
def store(url: str) -> None:
    """Ask the source and write what it says."""
    page = _client.get(url).raise_for_status()
    _connection().execute(INSERT, [page.text])


def _connection() -> psycopg.Connection:
    if not hasattr(_kept, "connection"):
        _kept.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    return _kept.connection
