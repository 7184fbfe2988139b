"""python -m tests.faults.belongings JOB ACCOUNT: a person of each role, and a row for each noun of a page's address.

They are made within the installation's own process, as its pages would make them. Prints the rows' ids as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any
from uuid import UUID

import django

STRANGER = "stranger"  # an admin, but of the other tenant


def main(job_id: UUID, account_id: UUID) -> dict[str, Any]:
    """The ids by the names that the routes have for them. The account has failing runs already."""
    from runs.models import ErrorGroup, IntegratedAccount, Record, Role, RunEvent, SavedView, SyncJob, User
    from tests import factories
    from tests.dashboard.conftest import member
    from tests.faults.stage import PASSWORD

    job, account = SyncJob.objects.get(id=job_id), IntegratedAccount.objects.get(id=account_id)
    people = {role: member(role.value, account.environment, role=role) for role in Role}
    foreign = account.environment.__class__.objects.exclude(id=account.environment_id).get(name="Foreign")
    everybody = [*people.values(), member("customer", account.environment, is_staff=False)]
    everybody.append(member(STRANGER, foreign, role=Role.ADMIN))
    for person in everybody:
        person.set_password(PASSWORD)
        person.save()
    run = account.runs.order_by("created_at").first()
    assert run is not None
    webhook = factories.webhook(environment=account.environment)
    return {
        "run_id": run.id,
        "base_id": run.id,
        "job_id": job.id,
        "account_id": account.id,
        "trigger_id": factories.trigger(account=account, job=job).id,
        "webhook_id": webhook.id,
        "delivery_id": _delivery(webhook),
        "action_id": _bulk_action(account.environment),
        "environment_id": account.environment_id,
        "rule_id": factories.alert_rule(environment=account.environment).id,
        "token_id": account.environment.tokens.first().id,
        "person_id": people[Role.VIEWER].pk,
        "view_id": SavedView.objects.create(user=User.objects.get(username="watcher"), name="mine", query="").id,
        "group_id": ErrorGroup.objects.get().id,
        "fingerprint": ErrorGroup.objects.get().fingerprint,
        "line_id": RunEvent.objects.filter(run=run).first().id,  # type: ignore[union-attr]
        "record_id": Record.objects.filter(integrated_account=account).first().id,  # type: ignore[union-attr]
    }


def _delivery(webhook: Any) -> UUID:
    from runs.engine.outbox import new_delivery
    from runs.models import DeliveryStatus, WebhookEvent

    delivery = new_delivery(webhook, WebhookEvent.TEST, {})
    delivery.status, delivery.next_attempt_at = DeliveryStatus.DELIVERED, None
    delivery.save(force_insert=True)
    return delivery.id


def _bulk_action(environment: Any) -> UUID:
    from runs.models import BulkAction, BulkKind

    action = BulkAction.objects.create(kind=BulkKind.STOP, actor="watcher", set_hash="0", run_count=0)
    action.environments.add(environment)
    return action.id


if __name__ == "__main__":
    django.setup()
    print(json.dumps(main(*map(UUID, sys.argv[1:])), default=str))
