"""Jobs that run by the clock: the list, its buttons, the form that makes a schedule, and what needs a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from dashboard.forms import MOST_ACCOUNTS
from runs.models import CronTrigger, IntegratedAccount, SkipCode, SyncJob, SyncJobRun, User, Webhook
from runs.services import delete_job, run_now, save_trigger
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX

FIELDS = (
    *("sync_job_id", "integrated_account_id", "args", "cron_expression", "webhook_id", "daemon_group_key"),
    *("error_handling", "ignore_previous_run"),
)
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture
def trigger(environment: object) -> CronTrigger:
    return factories.trigger(cron_expression="30 6 * * 1-5")


def change(trigger: CronTrigger, **values: Any) -> CronTrigger:
    CronTrigger.objects.filter(pk=trigger.pk).update(**values)
    trigger.refresh_from_db()
    return trigger


def page_of(client: Client, path: str = "/schedules/") -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def values_of(trigger: CronTrigger) -> dict[str, Any]:
    """What is stored now, apart from when it was changed."""
    return CronTrigger.objects.filter(pk=trigger.pk).values(*FIELDS, "is_active", "next_run_at").get()


def told(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


class TestList:
    def test_teaches_when_it_is_empty(self, viewer: Client) -> None:
        assert "Nothing is scheduled yet" in page_of(viewer)

    @time_machine.travel(NOON, tick=False)
    def test_says_when_in_words_in_cron_and_in_the_readers_zone(self, viewer: Client) -> None:
        factories.trigger(cron_expression="30 6 * * 1-5")
        User.objects.update(time_zone="Asia/Kolkata")
        page = page_of(viewer)
        assert "At 06:30 on Monday through Friday, UTC" in page
        assert "<code>30 6 * * 1-5</code>" in page
        assert ">Thu 26 Nov 12:00<" in page
        assert "26 Nov 2026 12:00:00 Asia/Kolkata, 26 Nov 06:30 UTC" in page
        assert [">Fri 27 Nov 12:00<" in page, ">Mon 30 Nov 12:00<" in page] == [True, True]

    def test_shows_those_of_one_job_when_asked_for(self, viewer: Client, trigger: CronTrigger) -> None:
        other = factories.job(integration=trigger.sync_job.integration, label="Planets")
        factories.trigger(job=other, account=trigger.integrated_account)
        assert [line.trigger for line in viewer.get(f"/schedules/?job={trigger.sync_job_id}").context["lines"]] == [
            trigger
        ]
        assert len(viewer.get("/schedules/?job=odd").context["lines"]) == 2

    def test_says_that_a_job_has_none(self, viewer: Client, outsider: Client) -> None:
        job = factories.job()
        assert "No schedule of this job" in page_of(viewer, f"/schedules/?job={job.pk}")
        assert outsider.get(f"/schedules/?job={job.pk}").status_code == 404

    def test_shows_how_the_last_run_went(self, viewer: Client, trigger: CronTrigger) -> None:
        run = states.failed(run_now(trigger))
        page = page_of(viewer)
        assert f'href="/runs/{run.pk}/"' in page
        assert "Failed" in page

    def test_tells_why_a_slot_was_skipped_until_the_next_run(self, viewer: Client, trigger: CronTrigger) -> None:
        skip = {"last_skipped_at": timezone.now(), "last_skip_reason": "args.slug: is required."}
        change(trigger, last_skip_code=SkipCode.LIVE_RUN, **skip)
        assert "the same run was still live" in page_of(viewer)
        change(trigger, last_skip_code=SkipCode.REFUSED, **skip)
        page = page_of(viewer)
        assert "args.slug: is required." in page
        assert "Refused" in page
        run_now(trigger)
        assert "args.slug" not in page_of(viewer)

    def test_says_that_no_scheduler_runs_when_slots_are_not_fired(self, viewer: Client, trigger: CronTrigger) -> None:
        assert "Does a scheduler run?" not in page_of(viewer)
        change(trigger, next_run_at=timezone.now() - timedelta(minutes=2))
        page = page_of(viewer)
        assert "Does a scheduler run?" in page
        assert "Not fired" in page

    def test_shows_what_nobody_can_read_any_more(self, operator: Client, trigger: CronTrigger) -> None:
        change(trigger, cron_expression="every now and then")
        assert "Not a valid expression" in page_of(operator)
        delete_job(trigger.sync_job)
        page = page_of(operator)
        assert "Its job was deleted" in page
        assert f"/schedules/{trigger.pk}/arm/" not in page

    def test_is_of_ones_own_environments(self, outsider: Client, trigger: CronTrigger) -> None:
        assert "acme" not in page_of(outsider)


class TestButtons:
    def test_are_for_operators(self, viewer: Client, operator: Client, trigger: CronTrigger) -> None:
        address = f"/schedules/{trigger.pk}/disarm/"
        assert address in page_of(operator)
        assert address not in page_of(viewer)
        for action in ("arm", "disarm", "run"):
            assert viewer.post(f"/schedules/{trigger.pk}/{action}/").status_code == 403
            assert operator.get(f"/schedules/{trigger.pk}/{action}/").status_code == 405
        assert viewer.post(f"/jobs/{trigger.sync_job_id}/schedule/").status_code == 403

    def test_do_nothing_in_another_environment(self, outsider: Client, trigger: CronTrigger) -> None:
        for action in ("arm", "disarm", "run"):
            assert outsider.post(f"/schedules/{trigger.pk}/{action}/").status_code == 404
        assert outsider.get(f"/jobs/{trigger.sync_job_id}/schedule/").status_code == 404

    def test_disarm_and_arm(self, operator: Client, trigger: CronTrigger) -> None:
        answer = operator.post(f"/schedules/{trigger.pk}/disarm/", follow=True)
        trigger.refresh_from_db()
        assert (trigger.is_active, "Disarmed" in told(answer)) == (False, True)
        operator.post(f"/schedules/{trigger.pk}/arm/")
        trigger.refresh_from_db()
        assert trigger.is_active

    def test_arm_nothing_that_would_be_refused(self, operator: Client, trigger: CronTrigger) -> None:
        operator.post(f"/schedules/{trigger.pk}/disarm/")
        trigger.sync_job.resources = [{"resource": "planets", "method": "list"}]
        trigger.sync_job.save()
        for action, words in (("arm", "It was not armed."), ("run", "Nothing was started.")):
            answer = told(operator.post(f"/schedules/{trigger.pk}/{action}/", follow=True))
            assert words in answer
            assert "planets" in answer

    def test_run_it_now_in_ones_own_name_and_once(self, operator: Client, trigger: CronTrigger) -> None:
        first = operator.post(f"/schedules/{trigger.pk}/run/")
        run = SyncJobRun.objects.get()
        assert (first.url, run.created_by, run.trigger) == (f"/runs/{run.pk}/", "olga", "dashboard")
        again = operator.post(f"/schedules/{trigger.pk}/run/", headers=HTMX)
        assert again.headers["HX-Redirect"] == f"/runs/{run.pk}/"
        assert SyncJobRun.objects.count() == 1


class TestForm:
    @pytest.fixture
    def filled(self, run: SyncJobRun) -> dict[str, Any]:
        return {
            "account": str(run.integrated_account_id),
            "cron_expression": "0 6 * * *",
            "error_handling": "fail_fast",
            "daemon_group_key": "east",
            "args": '{"slug": "a"}',
            "ignore_previous_run": "on",
        }

    def test_is_reached_from_the_job_and_from_the_list(self, operator: Client, run: SyncJobRun) -> None:
        address = f"/jobs/{run.sync_job_id}/schedule/"
        assert f'href="{address}"' in page_of(operator, "/jobs/")
        assert operator.get(f"/schedules/new/?job={run.sync_job_id}").url == address
        assert operator.get("/schedules/new/?job=nonsense").url == "/schedules/"
        assert 'name="cron_expression"' in page_of(operator, address)

    def test_makes_an_armed_schedule(self, operator: Client, run: SyncJobRun, filled: dict[str, Any]) -> None:
        answer = operator.post(f"/jobs/{run.sync_job_id}/schedule/", filled, follow=True)
        trigger = CronTrigger.objects.get()
        assert "is scheduled for acme" in told(answer)
        assert (trigger.sync_job, trigger.integrated_account) == (run.sync_job, run.integrated_account)
        assert (trigger.args, trigger.daemon_group_key, trigger.error_handling) == ({"slug": "a"}, "east", "fail_fast")
        assert (trigger.cron_expression, trigger.ignore_previous_run, trigger.is_active) == ("0 6 * * *", True, True)
        assert trigger.next_run_at is not None

    @pytest.mark.parametrize(
        ("field", "text", "words"),
        [
            ("cron_expression", "0 0 30 2 *", "never comes"),
            ("cron_expression", "", "is required."),
            ("daemon_group_key", "no spaces please", "letters, digits"),
            ("args", "[1]", "A JSON object is expected"),
        ],
    )
    def test_shows_a_fault_beside_its_field(
        self, operator: Client, run: SyncJobRun, filled: dict[str, Any], field: str, text: str, words: str
    ) -> None:
        answer = operator.post(f"/jobs/{run.sync_job_id}/schedule/", {**filled, field: text})
        beside = answer.content.decode().split(f'name="{field}"')[1].split('<div class="field')[0]
        assert (answer.status_code, words in beside) == (400, True)
        assert not CronTrigger.objects.exists()


class TestEditing:
    @pytest.fixture
    def address(self, trigger: CronTrigger) -> str:
        schema = {"slug": {"type": "string"}, "archived": {"type": "boolean"}, "days": {"type": "integer"}}
        SyncJob.objects.update(args_schema=schema)
        hook = factories.webhook()
        args = {"slug": "gh/acme", "archived": False, "extra": [1]}
        values = {"args": args, "webhook_id": hook.pk, "error_handling": "fail_fast", "ignore_previous_run": True}
        save_trigger(trigger.environment, values, trigger)
        return f"/schedules/{trigger.pk}/edit/"

    @staticmethod
    def as_shown(answer: Any) -> dict[str, Any]:
        """What a browser would send if nothing was touched."""
        fields = {field.html_name: field.value() for field in answer.context["form"]}
        return {name: "on" if value is True else value for name, value in fields.items() if value not in (None, False)}

    def test_shows_what_the_schedule_has_and_keeps_it_when_nothing_is_touched(
        self, operator: Client, trigger: CronTrigger, address: str
    ) -> None:
        before = values_of(trigger)
        answer = operator.get(address)
        assert '<option value="false" selected>false</option>' in answer.content.decode()
        assert operator.post(address, self.as_shown(answer)).url == "/schedules/"
        assert values_of(trigger) == before
        assert before["args"] == {"slug": "gh/acme", "archived": False, "extra": [1]}

    def test_offers_its_account_however_many_others_come_first(
        self, operator: Client, trigger: CronTrigger, address: str
    ) -> None:
        account = trigger.integrated_account
        of = {"environment": account.environment, "integration": account.integration}
        IntegratedAccount.objects.bulk_create(IntegratedAccount(**of, tenant_id=f"a{n}") for n in range(MOST_ACCOUNTS))
        page = operator.get(address).content.decode()
        assert f'<option value="{account.pk}" selected>' in page
        assert page.count("<option value=") < MOST_ACCOUNTS + 10

    def test_shows_the_name_of_an_account_as_text(self, operator: Client, trigger: CronTrigger, address: str) -> None:
        IntegratedAccount.objects.filter(pk=trigger.integrated_account_id).update(tenant_id='</select><b id="x">')
        page = operator.get(address).content.decode()
        assert "&lt;/select&gt;&lt;b id=&quot;x&quot;&gt;</option>" in page

    def test_keeps_a_webhook_that_is_switched_off_until_another_is_chosen(
        self, operator: Client, trigger: CronTrigger, address: str
    ) -> None:
        Webhook.objects.update(is_active=False)
        answer = operator.get(address)
        assert "http://127.0.0.1:9/hook (switched off)" in answer.content.decode()
        form = self.as_shown(answer)
        assert "switched off" in operator.post(address, form).content.decode()
        assert operator.post(address, {**form, "webhook_id": ""}).status_code == 302
        assert (values_of(trigger)["webhook_id"], values_of(trigger)["daemon_group_key"]) == (None, "default")

    def test_changes_its_slots_and_leaves_it_disarmed(
        self, operator: Client, trigger: CronTrigger, address: str
    ) -> None:
        form = self.as_shown(operator.get(address)) | {"cron_expression": "0 5 * * *"}
        assert "Changed:" in told(operator.post(address, form, follow=True))
        assert values_of(trigger)["next_run_at"].hour == 5
        operator.post(f"/schedules/{trigger.pk}/disarm/")
        operator.post(address, {**form, "cron_expression": "0 4 * * *"})
        assert (values_of(trigger)["is_active"], values_of(trigger)["cron_expression"]) == (False, "0 4 * * *")

    def test_shows_a_fault_beside_its_field(self, operator: Client, trigger: CronTrigger, address: str) -> None:
        before = values_of(trigger)
        form = self.as_shown(operator.get(address)) | {"cron_expression": "0 0 30 2 *"}
        answer = operator.post(address, form)
        assert (answer.status_code, "never comes" in answer.content.decode()) == (400, True)
        assert values_of(trigger) == before


class TestDeleting:
    def test_asks_first_and_keeps_the_runs(self, operator: Client, trigger: CronTrigger) -> None:
        run = run_now(trigger)
        address = f"/schedules/{trigger.pk}/delete/"
        assert "Delete this schedule?" in page_of(operator, address)
        assert "<html" not in operator.get(address, headers=HTMX).content.decode()
        assert CronTrigger.objects.live().exists()
        assert operator.post(address, headers=HTMX).headers["HX-Redirect"] == "/schedules/"
        assert not CronTrigger.objects.live().exists()
        assert SyncJobRun.objects.get().pk == run.pk
        assert "Nothing is scheduled yet" in page_of(operator)
        assert operator.post(address).status_code == 404

    def test_is_all_that_is_offered_once_the_job_is_gone(self, operator: Client, trigger: CronTrigger) -> None:
        delete_job(trigger.sync_job)
        page = page_of(operator)
        assert f'href="/schedules/{trigger.pk}/delete/"' in page
        assert f"/schedules/{trigger.pk}/edit/" not in page
        assert operator.get(f"/schedules/{trigger.pk}/edit/").status_code == 404
        assert operator.post(f"/schedules/{trigger.pk}/delete/").status_code == 302

    def test_and_editing_are_not_for_others(self, viewer: Client, outsider: Client, trigger: CronTrigger) -> None:
        for action in ("edit", "delete"):
            address = f"/schedules/{trigger.pk}/{action}/"
            assert [viewer.get(address).status_code, viewer.post(address).status_code] == [403, 403]
            assert [outsider.get(address).status_code, outsider.post(address).status_code] == [404, 404]
        assert CronTrigger.objects.live().exists()


class TestAttention:
    def test_is_asked_for_by_a_refused_schedule_until_it_runs_or_is_disarmed(
        self, operator: Client, trigger: CronTrigger
    ) -> None:
        assert "All good" in page_of(operator, "/")
        reason = "The account needs new credentials."
        change(
            trigger, last_skip_code=SkipCode.REFUSED, last_skipped_at=timezone.now(), last_skip_reason=reason
        )  # fmt: skip
        page = page_of(operator, "/")
        assert reason in page
        assert "All good" not in page
        assert operator.get("/attention/count/", headers=HTMX).context["count"] == 1
        states.ended(run_now(trigger), "completed")
        assert reason not in page_of(operator, "/")

    def test_is_asked_for_by_a_slot_that_nobody_fires(
        self, viewer: Client, outsider: Client, trigger: CronTrigger
    ) -> None:
        change(trigger, next_run_at=timezone.now() - timedelta(hours=1))
        assert "was not fired. Does a scheduler run?" in page_of(viewer, "/")
        assert "was not fired" not in page_of(outsider, "/")
        change(trigger, is_active=False, next_run_at=None)
        assert "All good" in page_of(viewer, "/")

    def test_is_not_asked_for_by_an_overlap(self, viewer: Client, trigger: CronTrigger) -> None:
        change(trigger, last_skip_code=SkipCode.LIVE_RUN, last_skipped_at=timezone.now())
        assert "All good" in page_of(viewer, "/")
