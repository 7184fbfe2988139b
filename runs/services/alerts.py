"""Alert rules: checked before they are stored, muted for a while, tested, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from runs.acting import current_actor
from runs.connectors import Answer
from runs.engine.alert_channels import attempt
from runs.engine.alert_sending import OFF, cancel, note_attempt, pending
from runs.engine.alert_words import trial_content
from runs.engine.deliveries import receiver_client
from runs.errors import Failure, InvalidInput, RemoteError
from runs.models import AlertChannel, AlertKind, AlertMessage, AlertRule, Environment
from runs.services.audit import note
from runs.services.saving import assign, locked, raise_if
from runs.services.webhooks import name_failures, url_failures

FIELDS = (
    *("name", "sync_job", "integrated_account", "channel", "target"),
    *("on_first_failure", "on_nth_failure", "on_recovery", "is_active"),
)
SCOPE = ("sync_job", "integrated_account", "is_active")  # what decides which ends of runs it sees
SECRET = ("target",)
MOST_ADDRESSES = 20
MOST_IN_A_ROW = 1000
LONGEST_MUTE = timedelta(days=366)


def save_alert_rule(environment: Environment, values: Mapping[str, Any], rule: AlertRule | None = None) -> AlertRule:
    """Create the rule, or change the one given. Raises InvalidInput with every fault of it.

    One that looks at other runs than before, or is switched on or off, begins anew: what it has counted is forgotten.
    Switched off, what it was still to send is cancelled.
    """
    channel = values.get("channel", None if rule is None else rule.channel)
    is_mail = channel == AlertChannel.MAIL
    return _saved(environment, values, rule, [] if is_mail else name_failures(_clean(values.get("target")), "target"))


@transaction.atomic
def _saved(
    environment: Environment, values: Mapping[str, Any], rule: AlertRule | None, known: list[Failure]
) -> AlertRule:
    row = locked(rule, no_key=True) if rule else AlertRule(environment=environment, created_by=current_actor().name)
    before = {name: getattr(row, name) for name in FIELDS}
    assign(row, {name: _clean(values[name]) for name in FIELDS if name in values}, FIELDS)
    if "target" not in values and row.channel != before["channel"]:
        raise_if([Failure("target", "is needed anew for another channel.")])
    raise_if([*_form_failures(row), *_scope_failures(row), *_target_failures(row), *known])
    changed = [name for name in FIELDS if getattr(row, name) != before[name]]
    row.save()
    if rule is None:
        note("alert.create", row, channel=row.channel)
    elif changed:
        _begin_anew(row, changed)
        note("alert.change", row, **_shown(row, changed))
    return row


@transaction.atomic
def mute_alert_rule(rule: AlertRule, until: datetime | None) -> AlertRule:
    """Tell nobody of anything until then; None ends a mute at once. What is told after it, `runs.engine.alerts` says.

    Raises InvalidInput for a time that is over, or further away than a year.
    """
    now = timezone.now()
    if until is not None and not now < until <= now + LONGEST_MUTE:
        raise InvalidInput([Failure("until", "must be a time within the next year.")])
    row = locked(rule, no_key=True)
    row.muted_until = until
    row.save(update_fields=["muted_until", "updated_at"])
    if until is None:
        note("alert.unmute", row)
    else:
        note("alert.mute", row, until=until.isoformat())
    return row


@transaction.atomic
def delete_alert_rule(rule: AlertRule) -> None:
    """It tells nobody of anything any more, and what it was still to send is cancelled; what it has sent stays."""
    row = locked(rule, no_key=True)
    row.deleted_at = timezone.now()
    row.save(update_fields=["deleted_at", "updated_at"])
    row.states.all().delete()
    cancel(pending().filter(rule=row), OFF)
    note("alert.delete", row)


def send_test_alert(rule: AlertRule) -> AlertMessage:
    """Send a test at once, in a single attempt, also by a rule that is muted or switched off.

    Raises RemoteError if it is not taken; the message is kept either way.
    """
    message = AlertMessage.objects.create(rule=rule, kind=AlertKind.TEST, content=trial_content(rule))
    client = receiver_client()
    try:
        answer = attempt(message, client)
    finally:
        client.close()
    _settle_test(rule, message, answer)
    if not answer.accepted:
        raise RemoteError(answer.error, status_code=answer.status_code, raw_response=answer.text)
    return AlertMessage.objects.get(id=message.id)


@transaction.atomic
def _settle_test(rule: AlertRule, message: AlertMessage, answer: Answer) -> None:
    note_attempt(message, answer)
    note("alert.test", rule, taken=answer.accepted)


def _begin_anew(rule: AlertRule, changed: list[str]) -> None:
    if not set(SCOPE).isdisjoint(changed):
        rule.states.all().delete()
    if not rule.is_active:
        cancel(pending().filter(rule=rule), OFF)


def _shown(rule: AlertRule, changed: list[str]) -> dict[str, Any]:
    """The changes for the audit list; of what is a secret, only that it changed."""
    shown = {name: getattr(rule, name) for name in changed if name not in SECRET}
    plain = {name: value if isinstance(value, bool | int | None) else str(value) for name, value in shown.items()}
    return {**plain, **{f"{name}_changed": True for name in changed if name in SECRET}}


def _clean(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _form_failures(rule: AlertRule) -> list[Failure]:
    failures = []
    if not rule.name or len(rule.name) > 100:
        failures.append(Failure("name", "must be between 1 and 100 characters long."))
    if rule.channel not in AlertChannel.values:
        failures.append(Failure("channel", f"must be one of: {', '.join(AlertChannel.values)}."))
    nth = rule.on_nth_failure
    if nth is not None and not 2 <= nth <= MOST_IN_A_ROW:
        failures.append(Failure("on_nth_failure", f"must be between 2 and {MOST_IN_A_ROW}; the first has its own box."))
    if nth is None and not rule.on_first_failure:
        failures.append(Failure("on_first_failure", "or a number of failures is needed: recoveries follow from them."))
    return failures


def _scope_failures(rule: AlertRule) -> list[Failure]:
    """Job and account are of the rule's environment, and can meet in a run."""
    job, account = rule.sync_job, rule.integrated_account
    failures = [
        Failure(path, "must be one of the same environment.")
        for path, row in (("sync_job", job), ("integrated_account", account))
        if row is not None and row.environment_id != rule.environment_id
    ]
    if job and account and job.integration_id != account.integration_id:
        failures.append(Failure("integrated_account", "must be an account of the job's integration."))
    return failures


def _target_failures(rule: AlertRule) -> list[Failure]:
    if rule.channel != AlertChannel.MAIL:
        return url_failures(str(rule.target or ""), "target")
    addresses = rule.addresses
    if len(addresses) > MOST_ADDRESSES:
        return [Failure("target", f"must be at most {MOST_ADDRESSES} addresses.")]
    odd = [address or "An empty text" for address in addresses if not _is_mail(address)]
    return [Failure("target", f"{address} is no mail address.") for address in odd]


def _is_mail(address: str) -> bool:
    try:
        validate_email(address)
    except ValidationError:
        return False
    return True
