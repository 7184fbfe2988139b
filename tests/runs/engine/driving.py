"""Runs of entries against a source, driven by hand: in one slice, in many, or with the daemon lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.db import connection
from werkzeug import Request, Response

from runs.engine.runner import execute_slice
from runs.models import IntegratedAccount, SyncJobRun
from tests import factories
from tests.sources import Source

Methods = dict[str, dict[str, Any]]


def a_run(source: Source, resources: list[dict[str, Any]], methods: Methods | None = None, **over: Any) -> SyncJobRun:
    """A run of these entries. `methods` are added to the integration's, `{resource: {method: config}}`."""
    if "job" not in over:
        config = factories.integration_config(source.url, **over.pop("config", {}))
        for resource, added in (methods or {}).items():
            config["resources"].setdefault(resource, {}).update(added)
        over["account"] = factories.account(integration=factories.integration(config=config))
        over["job"] = factories.job(integration=over["account"].integration, resources=resources)
    return factories.run(**over)


def again(run: SyncJobRun, **over: Any) -> SyncJobRun:
    """The next run of the same job and account, executed."""
    return executed(factories.run(job=run.sync_job, account=run.integrated_account, **over))


def executed(run: SyncJobRun, *, most_slices: int = 200) -> SyncJobRun:
    """The run after as many slices as it takes to end."""
    for number in range(most_slices):
        execute_slice(run.id, f"d{number}")
        run.refresh_from_db()
        if not run.is_live:
            return run
    raise AssertionError(f"The run has not ended after {most_slices} slices.")


def let_wait_end(run: SyncJobRun) -> None:
    """What the source asked to wait for is over: for the run, and for its account."""
    SyncJobRun.objects.filter(id=run.id).update(resume_at=None)
    IntegratedAccount.objects.filter(runs=run).update(rate_limited_until=None)


def losing_daemons(run: SyncJobRun, every: int) -> Callable[[Request], Response | None]:
    """A reply that takes the run from its daemon at every n-th request, as if the daemon had died then.

    The run's `crashes` are set back: that it ends after three in a row without a page is not what is looked at.
    """
    served = 0

    def reply(request: Request) -> None:
        nonlocal served
        served += 1
        if served % every == 0:
            SyncJobRun.objects.filter(id=run.id, lease_token__isnull=False).update(
                lease_token=uuid4(), lease_until="2020-01-01T00:00:00Z", crashes=0
            )
            connection.close()

    return reply
