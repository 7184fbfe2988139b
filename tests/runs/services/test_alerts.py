"""Alert rules: what is checked, what is written down of a change, and what a test tells."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from runs.acting import Actor, acting
from runs.errors import InvalidInput, RemoteError
from runs.models import AlertChannel, AlertKind, AlertMessage, AlertRule, AuditEntry, MessageStatus
from runs.services import delete_alert_rule, mute_alert_rule, save_alert_rule, send_test_alert
from tests import factories
from tests.receiver import receiving

pytestmark = pytest.mark.django_db
HIDDEN = "https://hooks.example.org/services/T0/B0/hidden-part"


def refused(**over: Any) -> set[str]:
    """The paths of the faults."""
    with pytest.raises(InvalidInput) as caught:
        factories.alert_rule(**over)
    assert not AlertRule.objects.exists()
    return {failure.path for failure in caught.value.failures}


class TestChecks:
    @pytest.mark.parametrize(
        ("over", "path"),
        [
            ({"name": " "}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"name": "a\x00b"}, "name"),
            ({"channel": "pigeon", "target": "https://example.org/"}, "channel"),
            ({"target": ""}, "target"),
            ({"target": "ftp://example.org/"}, "target"),
            ({"target": "https://example.org/" + "x" * 2000}, "target"),
            ({"channel": AlertChannel.MAIL, "target": ""}, "target"),
            ({"channel": AlertChannel.MAIL, "target": "a@example.org, b"}, "target"),
            ({"channel": AlertChannel.MAIL, "target": "a@example.org\nBcc: b@example.org"}, "target"),
            ({"channel": AlertChannel.MAIL, "target": ",".join(f"a{n}@example.org" for n in range(21))}, "target"),
            ({"on_nth_failure": 1}, "on_nth_failure"),
            ({"on_nth_failure": 1001}, "on_nth_failure"),
            ({"on_first_failure": False}, "on_first_failure"),
        ],
    )
    def test_what_cannot_be_is_refused(self, over: dict[str, Any], path: str) -> None:
        assert refused(**over) == {path}

    def test_private_addresses_are_refused_unless_they_are_allowed(self, settings: Any) -> None:
        settings.ALLOW_PRIVATE_NETWORKS = False
        assert refused(target="http://127.0.0.1/") == {"target"}

    def test_job_and_account_are_of_the_environment_and_can_meet(self) -> None:
        foreign = factories.integration(environment=factories.environment("Elsewhere"))
        other = factories.integration(name="other")
        assert refused(sync_job=factories.job(integration=foreign)) == {"sync_job"}
        assert refused(integrated_account=factories.account(integration=foreign)) == {"integrated_account"}
        job, account = factories.job(integration=other), factories.account()
        assert refused(sync_job=job, integrated_account=account) == {"integrated_account"}

    def test_another_channel_needs_another_target_and_tells_nothing_of_the_old_one(self) -> None:
        rule = factories.alert_rule(target=HIDDEN)
        with pytest.raises(InvalidInput) as caught:
            save_alert_rule(rule.environment, {"channel": AlertChannel.MAIL}, rule)
        assert "hidden-part" not in str(caught.value)


class TestSecrets:
    def test_the_target_is_encrypted_and_shown_shortened(self) -> None:
        rule = factories.alert_rule(target="https://hooks.example.org/services/hidden-part?token=x")
        assert rule.shown_target == "https://hooks.example.org/…"
        with connection.cursor() as cursor:
            cursor.execute("SELECT target, secret FROM runs_alertrule")
            assert "hidden-part" not in str(row := cursor.fetchone())
            assert "whsec_" not in str(row)

    def test_the_audit_list_knows_that_it_changed_and_no_more(self) -> None:
        rule = factories.alert_rule(target=HIDDEN)
        with acting(Actor("anna")):
            save_alert_rule(rule.environment, {"target": HIDDEN + "2", "on_nth_failure": 5}, rule)
        line = AuditEntry.objects.latest("created_at", "id")
        assert (line.action, line.actor, line.target_label) == ("alert.change", "anna", "On call")
        assert line.details == {"on_nth_failure": 5, "target_changed": True}


def test_what_is_done_is_written_down() -> None:
    rule = factories.alert_rule()
    save_alert_rule(rule.environment, {"name": "On call"}, rule)  # nothing new
    mute_alert_rule(rule, timezone.now() + timedelta(hours=1))
    mute_alert_rule(rule, None)
    delete_alert_rule(rule)
    actions = AuditEntry.objects.order_by("created_at", "id").values_list("action", flat=True)
    assert list(actions) == ["alert.create", "alert.mute", "alert.unmute", "alert.delete"]


@pytest.mark.parametrize("days", [-1, 0, 367])
def test_a_mute_ends_within_a_year(days: int) -> None:
    rule = factories.alert_rule()
    with pytest.raises(InvalidInput):
        mute_alert_rule(rule, timezone.now() + timedelta(days=days))
    rule.refresh_from_db()
    assert rule.muted_until is None


def test_a_deleted_rule_is_not_changed_any_more() -> None:
    rule = factories.alert_rule()
    delete_alert_rule(rule)
    for change in (
        lambda: save_alert_rule(rule.environment, {"name": "x"}, rule),
        lambda: mute_alert_rule(rule, None),
        lambda: delete_alert_rule(rule),
    ):
        with pytest.raises(InvalidInput, match="deleted"):
            change()


class TestTrial:
    def test_it_is_sent_at_once_and_kept(self) -> None:
        with receiving() as receiver:
            message = send_test_alert(factories.alert_rule(target=receiver.url))
        assert (message.kind, message.status, message.attempts) == (AlertKind.TEST, MessageStatus.SENT, 1)
        assert b"This is a test of the alert rule On call." in receiver.arrived[0].body

    def test_a_refusal_is_told_with_its_reason_and_not_tried_again(self) -> None:
        with receiving() as receiver:
            receiver.answer = lambda received: 403
            rule = factories.alert_rule(target=receiver.url)
            with pytest.raises(RemoteError, match="403"):
                send_test_alert(rule)
        message = AlertMessage.objects.get()
        assert (message.status, message.next_attempt_at) == (MessageStatus.FAILED, None)
        assert AuditEntry.objects.latest("created_at", "id").details == {"taken": False}
