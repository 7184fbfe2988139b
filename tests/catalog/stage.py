"""The catalogue's integrations in front of the providers of the tests: loaded as they are, but for the origin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runs.engine.runner import execute_slice
from runs.models import Integration, Record, RunStatus, SyncJob, SyncJobRun
from runs.services import catalog_entry, load_entry, save_integration
from tests import factories
from tests.catalog.provider import Provider
from tests.runs.engine.driving import let_wait_end

MOST_SLICES = 20


def loaded(provider: Provider) -> Integration:
    """The provider's integration, its mappings and its example jobs, in a fresh environment."""
    environment = factories.environment()
    load_entry(environment, catalog_entry(provider.name), with_jobs=True)
    integration = Integration.objects.live().get(environment=environment, name=provider.name)
    return save_integration(environment, {"config": at_provider(integration.config, provider)}, integration)


def at_provider(config: Mapping[str, Any], provider: Provider) -> dict[str, Any]:
    """The config with the provider's origin instead of the real one; the path below it stays."""
    return {**config, "base_url": re.sub(r"^https://[^/]+", provider.url, config["base_url"])}


def account(integration: Integration, provider: Provider, **context: Any) -> Any:
    return factories.account(integration=integration, context={**provider.context, **context})


def example(integration: Integration, label: str) -> SyncJob:
    return SyncJob.objects.get(integration=integration, label=label)


def synced(provider: Provider, entries: list[dict[str, Any]] | str, **over: Any) -> SyncJobRun:
    """A run of these entries, or of the example job with this label, executed to its end; past every wait."""
    integration = over.pop("integration", None) or loaded(provider)
    job = example(integration, entries) if isinstance(entries, str) else None
    job = job or factories.job(integration=integration, resources=entries)
    of_account = over.pop("account", None) or account(integration, provider)
    return to_its_end(factories.run(job=job, account=of_account, **over))


def to_its_end(run: SyncJobRun) -> SyncJobRun:
    """Slice by slice; a run that waits for its source is let go on at once."""
    for _ in range(MOST_SLICES):
        execute_slice(run.id, "test-daemon")
        run.refresh_from_db()
        if not run.is_live:
            return run
        let_wait_end(run)
    raise AssertionError(f"The run is still {run.status} after {MOST_SLICES} slices.")


def stored(run: SyncJobRun, resource: str) -> dict[str, dict[str, Any]]:
    """What the account's record store holds of the resource, by record id."""
    records = Record.objects.filter(integrated_account=run.integrated_account, resource=resource)
    return {record.record_id: record.data for record in records}


def by_id(records: list[dict[str, Any]], key: str = "id") -> dict[str, dict[str, Any]]:
    return {str(record[key]): record for record in records}


def assert_clean(run: SyncJobRun) -> None:
    """The run has completed and nothing went wrong on the way."""
    errors = [f"{error.resource}: {error.message} {error.excerpt}" for error in run.record_errors.all()]
    assert (run.status, run.error, errors) == (RunStatus.COMPLETED, None, [])
