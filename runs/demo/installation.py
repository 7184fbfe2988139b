"""The rows of the demo: made once, found again ever after, and left as people have changed them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from runs.addresses import any_free_port, is_free
from runs.models import Environment, IntegratedAccount, Integration, RunTrigger, SyncJob, SyncJobRun, User
from runs.services import Origin, RunRequest, create_run, save_account, save_integration, save_job

ENVIRONMENT = "Demo"
INTEGRATION = "geo-sample"
MAIN_JOB = "Countries and their cities"
SMALL_JOB = "Countries only"
TENANTS = ("acme", "globex")
ADMIN = "admin"
USUAL_PORT = 8765

CONTINENTS = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"]
COUNTRIES: dict[str, Any] = {
    "resource": "countries",
    "method": "list",
    "persist": True,
    "query": {"continent": "{{args.continent:undefined}}"},
}
CITIES: dict[str, Any] = {
    "resource": "cities",
    "method": "list",
    "persist": True,
    "depends_on": "countries",
    "query": {"country": "{{resources.countries.iso}}", "updated_since": "{{previous_run_date}}"},
}
ARGS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "continent": {"type": "string", "enum": CONTINENTS, "description": "Only the countries of this continent."}
    },
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Demo:
    """What a demo consists of. `password` is the admin's if it was drawn just now, else None."""

    integration: Integration
    job: SyncJob
    accounts: list[IntegratedAccount]
    password: str | None

    @property
    def sample_port(self) -> int:
        """Where the integration expects the sample API."""
        return port_of(self.integration)

    def sample_tokens(self) -> str:
        return ",".join(account.context["token"] for account in self.accounts)

    def first_run(self) -> SyncJobRun | None:
        """The run that starts by itself, or None when the main job has run before."""
        if self.job.runs.exists():
            return None
        return create_run(RunRequest(self.job, self.accounts[0]), Origin(RunTrigger.CLI, "demo"))


def find_or_make(usual_port: int = USUAL_PORT, *, web_port: int = 0) -> Demo:
    """Whatever of the demo is missing is made. The sample API moves to another port when its own is taken, or about to
    be by the web process; with that its accounts lose their tokens, and get new ones."""
    environment, _ = Environment.objects.get_or_create(name=ENVIRONMENT)
    integration = _integration(environment, usual_port, web_port)
    job = _job(integration, MAIN_JOB, [COUNTRIES, CITIES], ARGS_SCHEMA)
    _job(integration, SMALL_JOB, [{**COUNTRIES, "query": {}}], {})
    accounts = [_account(integration, tenant) for tenant in TENANTS]
    return Demo(integration, job, accounts, _admin_password())


def config(port: int) -> dict[str, Any]:
    """The sample API, described (contract, section 5)."""
    return {
        "base_url": f"http://127.0.0.1:{port}",
        "concurrency": 4,
        "authorization": {"format": "bearer", "config": {"token": "{{context.token}}"}},
        "pagination": {"format": "page", "config": {"page_key": "page", "limit_key": "per_page", "limit": 100}},
        "resources": {
            "countries": {"list": {"method": "get", "path": "/countries", "response_path": "data", "record_id": "iso"}},
            "cities": {"list": {"method": "get", "path": "/cities", "response_path": "data", "record_id": "geonameid"}},
        },
    }


def _integration(environment: Environment, usual_port: int, web_port: int) -> Integration:
    found = Integration.objects.live().filter(environment=environment, name=INTEGRATION).first()
    if found is None:
        values = {"name": INTEGRATION, "label": "Sample of GeoNames", "category": "reference data"}
        return save_integration(environment, {**values, "config": config(_free_port(usual_port, web_port))})
    port = port_of(found)
    free = _free_port(port, web_port)
    if free == port:
        return found
    return save_integration(environment, {"config": {**found.config, "base_url": f"http://127.0.0.1:{free}"}}, found)


def port_of(integration: Integration) -> int:
    return urlsplit(integration.config["base_url"]).port or USUAL_PORT


def _free_port(wanted: int, web_port: int) -> int:
    while wanted == web_port or not is_free("127.0.0.1", wanted):
        wanted = any_free_port()
    return wanted


def _job(integration: Integration, label: str, resources: list[dict[str, Any]], args_schema: dict[str, Any]) -> SyncJob:
    found = SyncJob.objects.live().filter(integration=integration, label=label).first()
    values = {"integration": integration, "label": label, "resources": resources, "args_schema": args_schema}
    return found or save_job(integration.environment, values)


def _account(integration: Integration, tenant: str) -> IntegratedAccount:
    found = IntegratedAccount.objects.live().filter(integration=integration, tenant_id=tenant).first()
    if found is not None and isinstance(found.context.get("token"), str):
        return found
    context = {"token": secrets.token_urlsafe(24)}
    if found is not None:
        return save_account(integration.environment, {"context": context}, found)
    values = {"integration": integration, "tenant_id": tenant, "context": context}
    return save_account(integration.environment, values)


def _admin_password() -> str | None:
    if User.objects.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    User.objects.create_superuser(ADMIN, password=password)
    return password
