"""Alert rules in every state that a page can show, and what they have sent."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from runs.engine.alerts import alert_of
from runs.models import AlertChannel, AlertMessage, AlertRule, MessageStatus, SyncJobRun
from runs.services import save_alert_rule
from tests.browser.cast import LONG_NAME

TAKEN = {"status": MessageStatus.SENT, "attempts": 1, "next_attempt_at": None}


def alert_rules(failed: SyncJobRun, completed: SyncJobRun) -> dict[str, AlertRule]:
    """One that tells, one whose messages are lost, one that is muted, one that is off; with long names and without."""
    now, environment = timezone.now(), failed.environment
    mail = {"channel": AlertChannel.MAIL, "target": "oncall@example.org, data-team@example.org"}
    slack = {"channel": AlertChannel.SLACK, "target": "https://hooks.example.org/services/T0/B0/secret"}
    made = {
        "telling": save_alert_rule(environment, {"name": "On call", "on_nth_failure": 10, **mail}),
        "lost": save_alert_rule(environment, {"name": LONG_NAME[:100], **slack}),
        "muted": save_alert_rule(environment, {"name": "Weekend", "sync_job": failed.sync_job, **slack}),
        "off": save_alert_rule(environment, {"name": "Old channel", "is_active": False, **slack}),
    }
    AlertRule.objects.filter(pk=made["muted"].pk).update(muted_until=now + timedelta(hours=20))
    alert_of(completed)
    alert_of(failed)
    AlertMessage.objects.filter(rule=made["telling"]).update(**TAKEN, sent_at=now)
    lost = {"status": MessageStatus.FAILED, "attempts": 6, "next_attempt_at": None}
    error = "The receiver answered 404 Not Found. no_service"
    AlertMessage.objects.filter(rule=made["lost"]).update(**lost, last_error=error)
    AlertRule.objects.filter(pk=made["lost"].pk).update(failing_since=now - timedelta(days=2))
    return made
