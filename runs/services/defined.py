"""What definitions as files say of each kind of object: how it is found, what it says, and how it is saved.

Objects are known by their names, since files know no ids. Where the database does not tell names apart (labels of
jobs, addresses of webhooks, schedules that are alike), two of the same are refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from runs.definition_files.kinds import Kind
from runs.definition_text import comparable_values, in_one_order
from runs.errors import Failure, InvalidInput
from runs.hashing import digest
from runs.models import (
    CronTrigger,
    Environment,
    ErrorHandling,
    IntegratedAccount,
    Integration,
    SyncJob,
    UnifiedMapping,
    Webhook,
)
from runs.models.run_state import DEFAULT_GROUP
from runs.services.definitions import save_integration, save_job
from runs.services.mappings import save_mapping
from runs.services.triggers import save_trigger
from runs.services.webhooks import save_webhook

Row = Any
Values = Mapping[str, Any]
Key = tuple[Any, ...]


def rows_of(environment: Environment, kind: Kind) -> QuerySet[Any]:
    """The objects of the kind that a file can name, in the order in which they were made."""
    match kind:
        case Kind.INTEGRATION:
            rows: QuerySet[Any] = Integration.objects.live()
        case Kind.MAPPING:
            rows = UnifiedMapping.objects.filter(integration__deleted_at=None).select_related("integration")
        case Kind.JOB:
            rows = SyncJob.objects.live().filter(integration__deleted_at=None).select_related("integration")
        case Kind.WEBHOOK:
            rows = Webhook.objects.live()
        case Kind.SCHEDULE:
            named = ("sync_job__integration", "integrated_account", "webhook")
            rows = CronTrigger.objects.live().select_related(*named)
            rows = rows.filter(sync_job__deleted_at=None, integrated_account__deleted_at=None, webhook__deleted_at=None)
    return rows.filter(environment=environment).order_by("created_at", "id")


def values_of_row(kind: Kind, row: Row) -> dict[str, Any]:
    """The object as a file has it, its names in a fixed order; what has its default is left out."""
    match kind:
        case Kind.INTEGRATION:
            given = {"name": row.name, "label": row.label, "category": row.category}
            return {**_without(given, ""), "config": in_one_order(row.config)}
        case Kind.MAPPING:
            key = {"integration": row.integration.name, "model": row.model, "resource": row.resource}
            given = {"method": row.method, "config": in_one_order(row.config)}
            return {**key, **given, **_without({"override": in_one_order(row.override)}, {})}
        case Kind.JOB:
            return comparable_values(row)
        case Kind.WEBHOOK:
            given = {"target_url": row.target_url, **_without({"event_types": row.event_types}, None)}
            return {**given, **_without({"is_active": row.is_active}, True)}
        case Kind.SCHEDULE:
            return _of_schedule(row)


def _of_schedule(row: CronTrigger) -> dict[str, Any]:
    tenant = row.integrated_account.tenant_id
    is_known = tenant and _accounts(row.environment, row.sync_job.integration, tenant).count() == 1
    account = {"tenant_id": tenant} if is_known else {"integrated_account_id": str(row.integrated_account_id)}
    to = {"daemon_group_key": row.daemon_group_key} if row.webhook is None else {"webhook": row.webhook.target_url}
    return {
        "integration_name": row.sync_job.integration.name,
        "sync_job": row.sync_job.label,
        **account,
        "cron_expression": row.cron_expression,
        **_without({"args": in_one_order(row.args)}, {}),
        **_without(to, DEFAULT_GROUP),
        **_without({"error_handling": row.error_handling}, ErrorHandling.IGNORE),
        **_without({"ignore_previous_run": row.ignore_previous_run}, False),
        **_without({"is_active": row.is_active}, True),
    }


def key_of(kind: Kind, values: Values) -> Key:
    """What an object is known by, of its values as a file has them. A schedule's names stand for rows (`alike`)."""
    match kind:
        case Kind.INTEGRATION:
            return (values["name"],)
        case Kind.MAPPING:
            return (values["integration"], values["model"], values["resource"], values["method"])
        case Kind.JOB:
            return (values["integration_name"], values["label"])
        case Kind.WEBHOOK:
            return (values["target_url"],)
        case Kind.SCHEDULE:
            account = values.get("tenant_id", ""), values.get("integrated_account_id", "")
            how = digest([in_one_order(values.get(name)) for name in ("args", "webhook", "daemon_group_key")])
            full = values.get("ignore_previous_run", False)
            return (values["integration_name"], values["sync_job"], *account, full, how, values["cron_expression"])


def names_needed(kind: Kind, values: Values) -> set[tuple[Kind, Key]]:
    """The objects of other kinds that this one names."""
    match kind:
        case Kind.MAPPING:
            return {(Kind.INTEGRATION, (values["integration"],))}
        case Kind.JOB:
            return {(Kind.INTEGRATION, (values["integration_name"],))}
        case Kind.SCHEDULE:
            integration = values["integration_name"]
            webhook = {(Kind.WEBHOOK, (values["webhook"],))} if "webhook" in values else set()
            return {(Kind.INTEGRATION, (integration,)), (Kind.JOB, (integration, values["sync_job"])), *webhook}
    return set()


def title_of(kind: Kind, values: Values) -> str:
    """What people call it."""
    match kind:
        case Kind.INTEGRATION:
            named = values["name"]
        case Kind.MAPPING:
            named = f"{values['model']}/{values['resource']} {values['method']} ({values['integration']})"
        case Kind.JOB:
            named = f"{values['label']} ({values['integration_name']})"
        case Kind.WEBHOOK:
            named = values["target_url"]
        case Kind.SCHEDULE:
            account = values.get("tenant_id") or values.get("integrated_account_id")
            named = f"{values['sync_job']} for {account} at {values['cron_expression']} ({values['integration_name']})"
    return f"{kind.noun} {named}"


def save(environment: Environment, kind: Kind, values: Values, row: Row | None, known: list[Failure]) -> Row:
    """Create the object, or make the given one what the file says. Raises InvalidInput with every fault of it.

    `known`: what a look at the name of a new webhook's address has found.
    """
    match kind:
        case Kind.INTEGRATION:
            return save_integration(environment, {"label": "", "category": "", **values}, row)
        case Kind.MAPPING:
            of = {"integration": _integration(environment, values, "integration")}
            return save_mapping(environment, {"override": {}, **values, **of}, row)
        case Kind.JOB:
            own = {"args_schema": {}, "default_runtime_version": None, **values}
            own["integration"] = _integration(environment, values, "integration_name")
            return save_job(environment, own, row)
        case Kind.WEBHOOK:
            return save_webhook(environment, {"event_types": None, **values}, row, known=known)
        case Kind.SCHEDULE:
            return save_trigger(environment, schedule_values(environment, values), row)


def schedule_values(environment: Environment, values: Values) -> dict[str, Any]:
    """A schedule's values with the rows that it names. Raises InvalidInput."""
    integration = _integration(environment, values, "integration_name")
    given = {name: value for name, value in values.items() if name not in _NAMES}
    to = {"webhook_id": _webhook(environment, values).pk} if "webhook" in values else {}
    if not to:
        given.setdefault("daemon_group_key", DEFAULT_GROUP)
    return {
        "args": {},
        "error_handling": ErrorHandling.IGNORE.value,
        "ignore_previous_run": False,
        **given,
        **to,
        "sync_job": _job(integration, values["sync_job"]),
        "integrated_account": _account(environment, integration, values),
    }


def alike(schedule: CronTrigger | Values) -> Key:
    """What schedules are known by: which run they start. Of several that are alike the expression tells.

    Takes the row, or what `schedule_values` gives.
    """
    if isinstance(schedule, CronTrigger):
        given: Values = {name: getattr(schedule, name) for name in _STARTS}
    else:
        given = schedule
    to = given.get("webhook_id") or given.get("daemon_group_key")
    job, account = given["sync_job"].pk, given["integrated_account"].pk
    return (job, account, digest(given["args"]), to, given["ignore_previous_run"])


_STARTS = ("sync_job", "integrated_account", "args", "webhook_id", "daemon_group_key", "ignore_previous_run")
_NAMES = ("integration_name", "sync_job", "tenant_id", "integrated_account_id", "webhook")


def _integration(environment: Environment, values: Values, path: str) -> Integration:
    named = Integration.objects.live().filter(environment=environment, name=values[path]).first()
    if named is None:
        raise InvalidInput([Failure(path, f"{values[path]} is no integration of the environment or the files.")])
    return named


def _job(integration: Integration, label: str) -> SyncJob:
    jobs = list(SyncJob.objects.live().filter(integration=integration, label=label).select_related("integration")[:2])
    return _only(jobs, "sync_job", f"jobs of {integration.name} are called {label}", f"{label} is no job of it.")


def _accounts(environment: Environment, integration: Integration, tenant: str) -> QuerySet[IntegratedAccount]:
    found = IntegratedAccount.objects.live().filter(environment=environment, integration=integration)
    return found.filter(tenant_id=tenant)


def _account(environment: Environment, integration: Integration, values: Values) -> IntegratedAccount:
    if "tenant_id" in values:
        tenant = values["tenant_id"]
        found = list(_accounts(environment, integration, tenant).select_related("integration")[:2])
        several = f"accounts of {integration.name} are of {tenant}: name one by its integrated_account_id"
        return _only(found, "tenant_id", several, f"{tenant} has no account of {integration.name}: connect it first.")
    rows = IntegratedAccount.objects.live().filter(environment=environment).select_related("integration")
    wanted = _as_id(values["integrated_account_id"])
    account = None if wanted is None else rows.filter(id=wanted).first()
    return _only([account] if account else [], "integrated_account_id", "", "is no account of the environment.")


def _webhook(environment: Environment, values: Values) -> Webhook:
    found = list(Webhook.objects.live().filter(environment=environment, target_url=values["webhook"])[:2])
    missing = "is the address of no webhook of the environment or the files."
    return _only(found, "webhook", "webhooks have this address", missing)


def _only(found: list[Any], path: str, several: str, missing: str) -> Any:
    if len(found) == 1:
        return found[0]
    message = f"is not clear: several {several}." if found else missing
    raise InvalidInput([Failure(path, message)])


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _without(values: Values, default: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value != default}
