"""Accounts whose data is on time, late and overdue, with two weeks behind them; and what people have done to them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from runs.acting import Actor, acting
from runs.engine.freshness import note_end
from runs.models import AccountStatus, CronTrigger, Environment, IntegratedAccount, RunStatus, SyncJobRun
from runs.services import (
    arm_trigger,
    check_connection,
    disarm_trigger,
    give_credentials,
    issue_token,
    note,
    request_stop,
    save_account,
    save_job,
    save_webhook,
)
from tests import factories

OLGA = Actor("olga", "203.0.113.7")
# One letter a day, the oldest first: completed, warned, failed, stopped, nothing.
WEEKS = ("cccccccccccccc", "ccccfcccccwccc", "...ccccc.ccccc", "cccccccccccfff", "cccscccccccccw", "......cccccccc")
_VALUES: dict[str, dict[str, Any]] = {
    "c": {"status": RunStatus.COMPLETED, "error_count": 0},
    "w": {"status": RunStatus.COMPLETED, "error_count": 3},
    "f": {"status": RunStatus.FAILED, "error_count": 0},
    "s": {"status": RunStatus.STOPPED, "error_count": 0},
}


def two_weeks(runs: dict[str, SyncJobRun]) -> None:
    """What the ends of four runs a day would have left, and of the runs that there are."""
    accounts = list(IntegratedAccount.objects.order_by("created_at")[:12])
    pattern = runs["completed"]
    for number, account in enumerate(accounts):
        for age, letter in enumerate(reversed(WEEKS[number % len(WEEKS)])):
            if letter in _VALUES:
                _ended(pattern, account, letter, age)
    for run in SyncJobRun.objects.exclude(finished_at=None).order_by("finished_at"):
        note_end(run)


def _ended(pattern: SyncJobRun, account: IntegratedAccount, letter: str, age: int) -> None:
    at = timezone.now() - timedelta(days=age, minutes=17)
    for hours in range(0, 24, 6):
        run = SyncJobRun(pk=pattern.pk, integrated_account=account, sync_job=pattern.sync_job)
        run.finished_at = at - timedelta(hours=hours / 12)
        for name, value in _VALUES[letter if hours == 6 else "c"].items():
            setattr(run, name, value)
        note_end(run)


def slots(job: Any) -> None:
    """Schedules on time, late and overdue."""
    now = timezone.now()
    accounts = list(IntegratedAccount.objects.order_by("created_at")[:5])
    for number, due_in in ((0, None), (4, 70), (2, -20)):
        trigger = factories.trigger(
            job=job, account=accounts[number], cron_expression="15 */2 * * *", args={"of": "slots"}
        )
        due = None if due_in is None else now + timedelta(minutes=due_in)
        CronTrigger.objects.filter(pk=trigger.pk).update(completion_due_at=due)


def deeds(account: IntegratedAccount) -> None:
    """A bit of everything, by people, a token and a command."""
    job = factories.job(integration=account.integration, label="Orders")
    with acting(OLGA):
        trigger = factories.trigger(job=job, account=account, cron_expression="30 6 * * 1-5")
        disarm_trigger(trigger)
        arm_trigger(trigger)
        save_account(account.environment, {"tenant_id": account.tenant_id, "status": "needs_reauth"}, account)
        give_credentials(account, {"token": "n3w"})
        check_connection(account)
        save_job(job.environment, {"label": "Orders and refunds", "resources": job.resources[:1]}, job)
        hook = save_webhook(account.environment, {"target_url": "https://hooks.example.org/in?token=abc"})
        save_webhook(account.environment, {"is_active": False}, hook)
        run = factories.run(account=account, job=job, force=True)
        request_stop(run, actor="olga")
        issue_token(account.environment, name="importer", actor="olga")
    with acting(Actor("importer", "2001:db8:85a3::8a2e:370:7334")):
        save_account(account.environment, {"tenant_id": f"{account.tenant_id} Ltd"}, account)
    with acting(Actor("deploy")):
        note("integration.change", account.integration, reason="The source has moved.", changes={"config": "changed"})
    save_account(account.environment, {"tenant_id": account.tenant_id.removesuffix(" Ltd")}, account)


def in_browsers(environment: Environment) -> dict[str, IntegratedAccount]:
    """Accounts that are connected in a browser: one that was not yet, one that has to be again, and one that lacks what
    the provider has to be told first."""
    client = {"grant": "authorization_code", "client_id": "syncdeck", "token_url": "https://login.example.org/token"}
    config = {**client, "authorize_url": "https://login.example.org/authorize", "scope": "contacts.read offline_access"}
    long = {
        **client,
        "authorize_url": f"https://{'long-' * 11}name.example.org/authorize",
        "scope": " ".join(f"https://api.example.org/auth/resource-{number}.readonly" for number in range(12)),
        "client_id": "{{context.client_id}}",
    }
    cloud, wide = (
        factories.integration(environment=environment, name=name, label=label, config=_in_a_browser(one))
        for name, label, one in (("cloud", "Cloud", config), ("wide", ("Cloud of long names " * 10)[:200], long))
    )
    context = {"client_id": "x"}
    connecting, again = AccountStatus.CONNECTING, AccountStatus.NEEDS_REAUTH
    return {
        "first": factories.account(integration=cloud, tenant_id="globex", context={}, status=connecting),
        "again": factories.account(integration=wide, tenant_id="initech-" * 25, context=context, status=again),
        "lacking": factories.account(integration=wide, tenant_id="hooli", context={}, status=connecting),
    }


def _in_a_browser(config: dict[str, str]) -> dict[str, Any]:
    resources = {"contacts": {"list": {"path": "/contacts"}}}
    authorization = {"format": "oauth2", "config": config}
    return {"base_url": "https://api.example.org", "authorization": authorization, "resources": resources}
