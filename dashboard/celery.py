"""The Celery application: `celery -A dashboard worker`, `celery -A dashboard beat`.

The broker carries run ids only. Losing, doubling or delaying a message costs seconds, never data: the run's row
decides (see `runs.engine.claim`), and the sweep publishes again what nobody took.
"""

import os
from typing import Any

import django
from celery import Celery
from celery.signals import celeryd_init, setup_logging, task_postrun, task_prerun, worker_init
from django.conf import settings
from django.db import close_old_connections

import dashboard.broker  # noqa: F401 - its signal receiver places the daemon's temporary folder
from dashboard.broker import prepare_embedded_broker
from runs.interpreter import expect_many_records

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")


class Syncdeck(Celery):
    """Prints nothing where the lines of the log are for machines."""

    @property
    def Beat(self) -> Any:
        if not settings.LOGS_ARE_JSON:
            return super().Beat
        from dashboard.wordless_beat import WordlessBeat

        return self.subclass_with_self(WordlessBeat)


app = Syncdeck("syncdeck")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["runs"])


@app.on_after_configure.connect
def prepare_broker(**_: Any) -> None:
    """Before the first use of the broker, by whichever process is first."""
    prepare_embedded_broker()


@celeryd_init.connect
def show_presence(**_: Any) -> None:
    """Give every worker its row among the daemons, and a courier. The first signal: later the steps are built."""
    django.setup()
    from runs.courier import CourierStep
    from runs.presence import PresenceStep

    app.steps["consumer"].update({PresenceStep, CourierStep})


@worker_init.connect
def settle(**_: Any) -> None:
    """Before a pool is made, so that forked processes have it too; after all has been loaded."""
    expect_many_records()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Django has configured logging already; a receiver here keeps Celery from replacing it."""


@task_prerun.connect
@task_postrun.connect
def keep_good_connections(**_: Any) -> None:
    """What Django does around each request. A new connection is a new process of PostgreSQL, which has to learn its
    catalogue and to plan each statement anew: more than a short run costs otherwise."""
    close_old_connections()
