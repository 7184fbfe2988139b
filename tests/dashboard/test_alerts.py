"""Alert rules as pages: who makes, mutes and tests them, and what the pages keep to themselves."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from runs.engine.alerts import alert_of
from runs.models import AlertMessage, AlertRule, Environment, MessageStatus, Role, RunStatus, SyncJobRun, User
from runs.services import mute_alert_rule
from tests import factories
from tests.dashboard.conftest import HTMX, logged_in, member
from tests.receiver import receiving

LIST = "/settings/alerts/"
HIDDEN = "https://hooks.example.org/services/T0/B0/hidden-part"
LONG = "unbroken" * 12
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")


@pytest.fixture
def admin(environment: Environment) -> Client:
    return logged_in(member("anna", environment, role=Role.ADMIN))


@pytest.fixture
def rule(environment: Environment) -> AlertRule:
    return factories.alert_rule(target=HIDDEN)


@pytest.fixture
def filled(environment: Environment) -> dict[str, Any]:
    boxes = {"on_first_failure": "on", "on_recovery": "on", "is_active": "on"}
    return {"name": "On call", "channel": "mail", "target": "a@example.org", **boxes}


def address(rule: AlertRule, action: str = "") -> str:
    return f"{LIST}{rule.pk}/" + (f"{action}/" if action else "")


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def failed_run(**over: Any) -> SyncJobRun:
    """A run that has failed, as far as rules can see."""
    run = factories.run(dispatch=False, **over)
    error = {"code": "http_500", "message": "<b>broken</b>"}
    changes = {"status": RunStatus.FAILED, "finished_at": timezone.now(), "error": error}
    SyncJobRun.objects.filter(pk=run.pk).update(**changes)
    run.refresh_from_db()
    alert_of(run)
    return run


class TestList:
    def test_it_is_empty_and_says_what_a_rule_does(self, viewer: Client, admin: Client) -> None:
        assert "Nobody is told yet" in text_of(viewer, LIST)
        assert 'href="/settings/alerts/new/"' not in text_of(viewer, LIST)
        assert 'href="/settings/alerts/new/"' in text_of(admin, LIST)

    def test_it_shows_where_a_message_goes_and_no_secret(self, viewer: Client, rule: AlertRule) -> None:
        page = text_of(viewer, LIST)
        assert "https://hooks.example.org/…" in page
        assert "hidden-part" not in page

    def test_rules_of_others_are_not_there(self, outsider: Client, rule: AlertRule) -> None:
        assert address(rule) not in text_of(outsider, LIST)
        assert outsider.get(address(rule)).status_code == 404

    def test_many_are_paged(self, viewer: Client) -> None:
        for number in range(52):
            factories.alert_rule(name=f"Rule {number:02}")
        first = text_of(viewer, LIST)
        older = re.search(r'rel="next" href="(\?[^"]+)"', first)
        assert older
        names = re.findall(r"<b>(Rule \d+)</b>", first + text_of(viewer, LIST + older[1]))
        assert names == [f"Rule {number:02}" for number in reversed(range(52))]
        assert viewer.get(f"{LIST}?cursor=%00nonsense").status_code == 200

    def test_a_list_takes_the_same_queries_whatever_its_length(
        self, viewer: Client, rule: AlertRule, django_assert_num_queries: Any
    ) -> None:
        job = factories.job()
        viewer.get(LIST)
        with django_assert_num_queries(100, exact=False) as one:
            viewer.get(LIST)
        for number in range(5):
            factories.alert_rule(name=f"Rule {number}", sync_job=job)
        with django_assert_num_queries(len(one)):
            viewer.get(LIST)


class TestNew:
    def test_a_rule_by_mail(self, admin: Client, filled: dict[str, Any]) -> None:
        answer = admin.post(f"{LIST}new/", filled)
        made = AlertRule.objects.get()
        assert answer.url == address(made)
        assert (made.addresses, made.created_by, made.on_nth_failure) == (["a@example.org"], "anna", None)
        assert (made.on_first_failure, made.on_recovery, made.is_active) == (True, True, True)

    def test_a_signed_webhook_shows_its_secret_once(self, admin: Client, filled: dict[str, Any]) -> None:
        answer = admin.post(f"{LIST}new/", {**filled, "channel": "webhook", "target": HIDDEN})
        made = AlertRule.objects.get()
        assert answer.status_code == 201
        assert set(SECRET.findall(answer.content.decode())) == {made.secret}
        assert "no-store" in answer.headers["Cache-Control"]
        for path in (LIST, address(made), address(made, "edit")):
            assert not SECRET.search(text_of(admin, path))

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            *(("name", ""), ("name", "a\x00b"), ("name", "x" * 101), ("channel", "pigeon")),
            *(("target", ""), ("target", "nobody"), ("on_nth_failure", "1"), ("on_nth_failure", "-7")),
            *(("on_nth_failure", "9" * 400), ("on_first_failure", ""), ("sync_job", "x"), ("sync_job", "\x00")),
            *(("integrated_account", "0192f0c1-2b3c-7d4e-8f50-112233445566"), ("target", "x" * 3000)),
        ],
    )
    def test_what_cannot_be_is_refused_beside_its_field(
        self, admin: Client, filled: dict[str, Any], field: str, value: str
    ) -> None:
        answer = admin.post(f"{LIST}new/", {**filled, field: value})
        assert answer.status_code == 400
        assert 'class="wrong-because"' in answer.content.decode()
        assert not AlertRule.objects.exists()

    def test_whoever_sees_several_environments_chooses_first(self, superuser: User, filled: dict[str, Any]) -> None:
        ours, other = factories.environment("Ours"), factories.environment("Other")
        job = factories.job(integration=factories.integration(environment=other), label="Job of the other")
        browser = logged_in(superuser)
        assert 'name="environment"' in text_of(browser, f"{LIST}new/")
        assert job.label not in text_of(browser, f"{LIST}new/?environment={ours.pk}")
        assert job.label in text_of(browser, f"{LIST}new/?environment={other.pk}")
        browser.post(f"{LIST}new/?environment={other.pk}", {**filled, "sync_job": str(job.pk)})
        assert AlertRule.objects.get().sync_job == job
        assert browser.get(f"{LIST}new/?environment=nonsense").status_code == 200

    def test_an_environment_of_others_is_not_there(self, admin: Client) -> None:
        foreign = factories.environment("Elsewhere")
        assert admin.get(f"{LIST}new/?environment={foreign.pk}").status_code == 404


class TestEdit:
    def test_an_empty_target_stays_what_it_is(self, admin: Client, rule: AlertRule, filled: dict[str, Any]) -> None:
        assert "hidden-part" not in text_of(admin, address(rule, "edit"))
        admin.post(address(rule, "edit"), {**filled, "name": "New name", "channel": "slack", "target": ""})
        rule.refresh_from_db()
        assert (rule.name, rule.target) == ("New name", HIDDEN)

    def test_another_channel_needs_a_target(self, admin: Client, rule: AlertRule, filled: dict[str, Any]) -> None:
        answer = admin.post(address(rule, "edit"), {**filled, "channel": "mail", "target": ""})
        assert answer.status_code == 400
        assert "hidden-part" not in answer.content.decode()

    def test_a_change_to_a_signed_webhook_shows_its_secret(
        self, admin: Client, rule: AlertRule, filled: dict[str, Any]
    ) -> None:
        answer = admin.post(address(rule, "edit"), {**filled, "channel": "webhook", "target": HIDDEN})
        assert set(SECRET.findall(answer.content.decode())) == {rule.secret}

    def test_a_job_that_was_deleted_is_not_widened_to_all(self, admin: Client, filled: dict[str, Any]) -> None:
        rule = factories.alert_rule(sync_job=(job := factories.job()))
        type(job).objects.update(deleted_at=timezone.now())
        assert f'<option value="{job.pk}" selected>' in text_of(admin, address(rule, "edit"))
        admin.post(address(rule, "edit"), {**filled, "sync_job": str(job.pk)})
        rule.refresh_from_db()
        assert (rule.name, rule.sync_job_id) == ("On call", job.pk)


class TestDetail:
    def test_it_shows_what_fails_and_what_was_told(self, viewer: Client, rule: AlertRule) -> None:
        run = failed_run()
        page = text_of(viewer, address(rule))
        assert "Failed: Countries and cities for acme" in page
        assert "&lt;b&gt;broken&lt;/b&gt;" in page
        assert f'href="/runs/{run.pk}/"' in page
        assert "Failing now" in page

    def test_a_viewer_has_no_buttons_and_an_operator_those_of_operators(
        self, viewer: Client, operator: Client, admin: Client, rule: AlertRule
    ) -> None:
        pages = {
            who: text_of(client, address(rule))
            for who, client in (("viewer", viewer), ("operator", operator), ("admin", admin))
        }
        assert {who for who, page in pages.items() if "Send a test" in page} == {"operator", "admin"}
        assert {who for who, page in pages.items() if "For 1 hour" in page} == {"operator", "admin"}
        assert {who for who, page in pages.items() if address(rule, "edit") in page} == {"admin"}

    def test_messages_that_do_not_arrive_are_told_at_the_top(self, viewer: Client, rule: AlertRule) -> None:
        AlertRule.objects.update(failing_since=timezone.now())
        assert "Messages have not arrived since" in text_of(viewer, address(rule))
        assert "Not arriving" in text_of(viewer, LIST)

    def test_a_mail_rule_without_a_mail_server_says_so(self, viewer: Client, settings: Any) -> None:
        settings.EMAIL_HOST = ""
        rule = factories.alert_rule(channel="mail", target="a@example.org")
        assert "EMAIL_URL" in text_of(viewer, address(rule))

    def test_messages_are_paged(self, viewer: Client, rule: AlertRule) -> None:
        content = {"subject": "Failed", "text": LONG}
        done = {"status": MessageStatus.SENT, "kind": "first_failure", "content": content}
        AlertMessage.objects.bulk_create([AlertMessage(rule=rule, **done) for _ in range(52)])
        older = re.search(r'rel="next" href="(\?[^"]+)"', text_of(viewer, address(rule)))
        assert older
        assert text_of(viewer, address(rule) + older[1]).count("<b>Failed</b>") == 2


class TestMute:
    def test_an_operator_mutes_and_ends_it(self, operator: Client, rule: AlertRule) -> None:
        page = operator.post(address(rule, "mute"), {"span": "day"}, follow=True).content.decode()
        assert "is muted" in page
        assert "End the mute" in page
        rule.refresh_from_db()
        assert rule.muted_until is not None
        assert abs(rule.muted_until - timezone.now() - timedelta(days=1)) < timedelta(minutes=1)
        operator.post(address(rule, "unmute"))
        rule.refresh_from_db()
        assert rule.muted_until is None

    def test_a_day_ends_where_its_reader_lives(self, environment: Environment, rule: AlertRule) -> None:
        browser = logged_in(member("olga", environment, may_operate=True, time_zone="Asia/Kolkata"))
        zone = ZoneInfo("Asia/Kolkata")
        day = timezone.now().astimezone(zone).date() + timedelta(days=3)
        browser.post(address(rule, "mute"), {"span": "date", "last_day": day.isoformat()})
        rule.refresh_from_db()
        assert rule.muted_until == datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=1)

    @pytest.mark.parametrize(
        "form",
        [
            {},
            {"span": "forever"},
            {"span": "date"},
            {"span": "date", "last_day": "tomorrow"},
            {"span": "date", "last_day": "2020-01-01"},
            {"span": "date", "last_day": "9999-12-31"},
        ],
    )
    def test_what_is_no_time_is_told(self, operator: Client, rule: AlertRule, form: dict[str, str]) -> None:
        page = operator.post(address(rule, "mute"), form, follow=True).content.decode()
        assert "It was not muted." in page
        rule.refresh_from_db()
        assert rule.muted_until is None

    def test_others_may_not(self, viewer: Client, outsider: Client, rule: AlertRule) -> None:
        assert viewer.post(address(rule, "mute"), {"span": "day"}).status_code == 403
        assert outsider.post(address(rule, "mute"), {"span": "day"}).status_code == 404

    def test_the_list_shows_it(self, viewer: Client, rule: AlertRule) -> None:
        mute_alert_rule(rule, timezone.now() + timedelta(hours=1))
        assert "Muted" in text_of(viewer, LIST)


class TestTrial:
    def test_a_test_says_that_it_was_taken(self, operator: Client) -> None:
        with receiving() as receiver:
            rule = factories.alert_rule(target=receiver.url)
            page = operator.post(address(rule, "test"), follow=True).content.decode()
        assert "The test was taken by" in page
        assert len(receiver.arrived) == 1

    def test_or_why_it_was_not(self, operator: Client) -> None:
        with receiving() as receiver:
            receiver.answer = lambda received: 403
            rule = factories.alert_rule(target=receiver.url)
            page = operator.post(address(rule, "test"), follow=True).content.decode()
        assert "The test was not taken. The receiver answered 403" in page


class TestDelete:
    def test_it_asks_in_a_dialog_and_on_a_page(self, admin: Client, rule: AlertRule) -> None:
        assert "<html" in text_of(admin, address(rule, "delete"))
        dialog = admin.get(address(rule, "delete"), headers=HTMX).content.decode()
        assert "Delete this alert rule?" in dialog
        assert "<html" not in dialog

    def test_it_is_gone_and_a_second_time_too(self, admin: Client, rule: AlertRule) -> None:
        page = admin.post(address(rule, "delete"), follow=True).content.decode()
        assert "Deleted: On call." in page
        assert admin.post(address(rule, "delete")).status_code == 404
        assert admin.get(address(rule)).status_code == 404
