"""The cast of the tests: rows with sensible values, each of which a test may override."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from django.contrib.auth.models import Group, Permission

from runs.models import (
    AlertChannel,
    AlertRule,
    ApiToken,
    CronTrigger,
    Environment,
    IntegratedAccount,
    Integration,
    Role,
    RunHabit,
    SyncJob,
    SyncJobRun,
    UnifiedMapping,
    User,
    Webhook,
)
from runs.models.run_state import RunTrigger
from runs.services import Origin, RunRequest, create_run, save_alert_rule, save_trigger

COUNTRIES_AND_CITIES: list[dict[str, Any]] = [
    {"resource": "countries", "method": "list", "persist": True},
    {
        "resource": "cities",
        "method": "list",
        "persist": True,
        "depends_on": "countries",
        "query": {"country": "{{resources.countries.iso}}"},
    },
]


def integration_config(base_url: str = "http://127.0.0.1:9/", **over: Any) -> dict[str, Any]:
    return {
        "base_url": base_url,
        "authorization": {"format": "bearer", "config": {"token": "{{context.token}}"}},
        "pagination": {"format": "page", "config": {"page_key": "page", "limit_key": "per_page", "limit": 100}},
        "resources": {
            "countries": {
                "list": {"method": "get", "path": "/countries", "response_path": "data", "record_id": "iso"},
                "get": {"method": "get", "path": "/countries/{{id}}", "record_id": "iso", "pagination": None},
            },
            "cities": {"list": {"method": "get", "path": "/cities", "response_path": "data", "record_id": "geonameid"}},
        },
        **over,
    }


def environment(name: str = "Test") -> Environment:
    return Environment.objects.get_or_create(name=name)[0]


def integration(**over: Any) -> Integration:
    values = {"environment": over.pop("environment", None) or environment(), "name": "geo", "label": "Geo"}
    return Integration.objects.create(**{**values, "config": integration_config(), **over})


def mapping(**over: Any) -> UnifiedMapping:
    """The mapping of `geo/places`, which lists the countries."""
    of = over.pop("integration", None) or integration()
    config = {"resource": "countries", "response_mapping": "{'id': response.iso, 'name': response.name}"}
    values = {"environment": of.environment, "integration": of, "model": "geo", "resource": "places", "method": "list"}
    return UnifiedMapping.objects.create(**{**values, "config": config, **over})


def account(**over: Any) -> IntegratedAccount:
    of = over.pop("integration", None) or integration()
    values = {"environment": of.environment, "integration": of, "tenant_id": "acme", "context": {"token": "t0k3n"}}
    return IntegratedAccount.objects.create(**{**values, **over})


def job(**over: Any) -> SyncJob:
    of = over.pop("integration", None) or integration()
    values = {"environment": of.environment, "integration": of, "label": "Countries and cities"}
    return SyncJob.objects.create(**{**values, "resources": deepcopy(COUNTRIES_AND_CITIES), **over})


def run(**over: Any) -> SyncJobRun:
    """A run made by the very service that everybody uses."""
    of_account = over.pop("account", None) or account()
    of_job = over.pop("job", None) or job(integration=of_account.integration)
    origin = over.pop("origin", None) or Origin(RunTrigger.API, "a test")
    dispatch = over.pop("dispatch", True)
    return create_run(RunRequest(of_job, of_account, **over), origin, dispatch=dispatch)


def trigger(**over: Any) -> CronTrigger:
    """A cron trigger, saved by the service; every day at 06:00 unless told otherwise."""
    of_account = over.pop("account", None) or account()
    of_job = over.pop("job", None) or job(integration=of_account.integration)
    values = {"sync_job": of_job, "integrated_account": of_account, "cron_expression": "0 6 * * *"}
    return save_trigger(of_job.environment, {**values, **over})


def habit(run: SyncJobRun, **over: Any) -> RunHabit:
    """What is usual for the run: from 4 to 6 minutes, and 100 records."""
    of = {"sync_job": run.sync_job, "integrated_account": run.integrated_account, "mode": run.mode}
    seconds = {"median_seconds": 300, "p10_seconds": 240, "p90_seconds": 360, "p95_seconds": 480}
    return RunHabit.objects.create(**{**of, "sample_count": 20, **seconds, "median_fetched": 100, **over})


def webhook(**over: Any) -> Webhook:
    values = {"environment": over.pop("environment", None) or environment(), "target_url": "http://127.0.0.1:9/hook"}
    return Webhook.objects.create(**{**values, **over})


def user(username: str = "operator", *, may_operate: bool = False, role: Role | None = None, **over: Any) -> User:
    """Staff, unless told otherwise; in a role, or with the right to operate runs alone, if asked for."""
    person = User.objects.create_user(username, password="pw-for-tests-1", **{"is_staff": True, **over})
    if may_operate:
        person.user_permissions.add(Permission.objects.get(codename="operate_runs"))
    if role:
        person.groups.add(Group.objects.get(name=role.value))
    return person


def token(of: Environment | None = None) -> str:
    """The secret of a fresh token of the environment."""
    row = ApiToken(environment=of or environment(), name="tests")
    secret = row.draw_secret()
    row.save()
    return secret


def alert_rule(**over: Any) -> AlertRule:
    """A rule that looks at everything in its environment, and tells a Slack webhook where nobody listens."""
    of = over.pop("environment", None) or environment()
    values = {"name": "On call", "channel": AlertChannel.SLACK, "target": "http://127.0.0.1:9/alerts"}
    return save_alert_rule(of, {**values, **over})
