"""An environment that has something of each kind that files define, and secrets wherever they may be."""

from __future__ import annotations

from io import StringIO
from typing import Any

from django.core.management import call_command

from runs.models import Environment
from runs.services import save_integration, save_job, save_mapping, save_trigger, save_webhook
from tests import factories

SECRETS = (
    "a-literal-token-of-the-integration",
    "k3y-in-a-header",
    "q-key-of-a-method",
    "sk_" + "live_abcdefghijklmnop",  # in two parts, for the search for secrets
    "in-the-arguments-of-a-job",
    "in-an-address",
    "default-of-an-argument",
    "in-a-schedules-arguments",
)


def environment(name: str = "Full") -> Environment:
    """One of each kind, with every secret of SECRETS in it."""
    of = factories.environment(name)
    config = factories.integration_config("https://api.example.com")
    config["authorization"]["config"]["token"] = SECRETS[0]
    config["headers"] = {"X-Api-Key": SECRETS[1], "Authorization": "Token {{context.other}}", "X-Plain": "plain"}
    config["resources"]["cities"]["list"]["query"] = {"api_key": SECRETS[2], "order": "name"}
    geo = save_integration(of, {"name": "geo", "label": "Geo", "config": config})
    expression = f'{{"id": response.iso, "next_token": response.token, "key": "{SECRETS[3]}"}}'
    mapped = {"resource": "countries", "response_mapping": expression}
    save_mapping(
        of,
        {"integration": geo, "model": "geo", "resource": "places", "method": "list", "config": mapped, "override": {}},
    )
    entries: list[dict[str, Any]] = [
        {
            "resource": "countries",
            "method": "list",
            "persist": True,
            "query": {"password": SECRETS[4], "note": "${x} $"},
        },
        {
            "resource": "cities",
            "method": "list",
            "depends_on": "countries",
            "query": {"q": "costs ${MUCH} and $${MORE}"},
        },
    ]
    schema = {"properties": {"api_key": {"type": "string", "default": SECRETS[6]}, "size": {"type": "integer"}}}
    job = save_job(of, {"integration": geo, "label": "Länder, all", "resources": entries, "args_schema": schema})
    hook = save_webhook(of, {"target_url": f"https://93.184.216.34/hook?token={SECRETS[5]}"})
    save_webhook(of, {"target_url": "https://93.184.216.34/plain", "event_types": ["test"], "is_active": False})
    account = connect(of)
    at = {"sync_job": job, "integrated_account": account}
    save_trigger(of, {**at, "cron_expression": "0 6 * * *", "args": {"secret": SECRETS[7]}, "webhook_id": hook.pk})
    save_trigger(of, {**at, "cron_expression": "0 * * * *", "is_active": False})
    save_trigger(of, {**at, "cron_expression": "0 1 * * 0", "ignore_previous_run": True, "daemon_group_key": "slow"})
    return of


def connect(of: Environment) -> Any:
    """The account that its schedules are for."""
    return factories.account(environment=of, integration=of.integrations.get(name="geo"))


def run(command: str, *arguments: str) -> str:
    """What the command says, on both outputs."""
    output = StringIO()
    call_command(command, *arguments, stdout=output, stderr=output)
    return output.getvalue()
