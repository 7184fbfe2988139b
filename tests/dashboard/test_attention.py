"""What needs a person, and what does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from dashboard.attention import Attention, attention_count
from dashboard.live import TICK
from runs.engine.claim import claim
from runs.errors import ErrorInfo
from runs.models import (
    AccountStatus,
    AuditEntry,
    CronTrigger,
    DataWarning,
    Environment,
    ErrorGroup,
    IntegratedAccount,
    RunStatus,
    SyncJobRun,
    User,
    Webhook,
)
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX, logged_in, member
from tests.runs import rows

HOUR = timedelta(hours=1)


def attention_of(environment: Environment) -> Attention:
    return Attention(Environment.objects.filter(pk=environment.pk), timezone.now())


def reasons(environment: Environment) -> list[str]:
    """The reason of each concern; the number in the navigation agrees."""
    found = attention_of(environment)
    assert attention_count(Environment.objects.filter(pk=environment.pk), timezone.now()) == found.count
    return [one.more.get("reason", section.name) for section in found.sections for one in section.concerns]


def needs_nobody(client: Client) -> bool:
    return not client.get("/").context["attention"].sections


def another(run: SyncJobRun, **over: object) -> SyncJobRun:
    """A later run of the same."""
    return factories.run(job=run.sync_job, account=run.integrated_account, **over)


class TestFailure:
    @pytest.fixture(autouse=True)
    def failure(self, run: SyncJobRun) -> None:
        states.failed(run, created_at=timezone.now() - HOUR)

    def test_needs_attention(self, environment: Environment) -> None:
        assert reasons(environment) == ["failed"]

    def test_is_superseded_by_a_later_completed_run(self, environment: Environment, run: SyncJobRun) -> None:
        states.ended(another(run), RunStatus.COMPLETED)
        assert reasons(environment) == []

    def test_is_not_superseded_by_an_earlier_one(self, environment: Environment, run: SyncJobRun) -> None:
        states.ended(another(run), RunStatus.COMPLETED, created_at=timezone.now() - 2 * HOUR)
        assert reasons(environment) == ["failed"]

    def test_is_not_superseded_by_a_stopped_or_live_one(self, environment: Environment, run: SyncJobRun) -> None:
        states.daemon()
        states.ended(another(run), RunStatus.STOPPED)
        states.running(another(run))
        assert reasons(environment) == ["failed"]

    def test_is_not_superseded_by_a_run_of_other_args(self, environment: Environment, run: SyncJobRun) -> None:
        states.ended(another(run, args={"brand": "other"}), RunStatus.COMPLETED)
        assert reasons(environment) == ["failed"]

    def test_that_repeats_is_one_concern_the_latest(self, environment: Environment, run: SyncJobRun) -> None:
        latest = states.failed(another(run))
        sections = attention_of(environment).sections
        assert [concern.about.pk for section in sections for concern in section.concerns] == [latest.pk]

    def test_is_forgotten_after_a_week(self, environment: Environment, run: SyncJobRun) -> None:
        states.change(run, created_at=timezone.now() - timedelta(days=8))
        assert reasons(environment) == []

    def test_is_shown_with_its_cause_and_a_way_out(self, operator: Client, run: SyncJobRun) -> None:
        page = operator.get("/").content.decode()
        assert "cities: the source answered 500." in page
        assert f'href="/runs/{run.pk}/rerun/"' in page


class TestWarnedRun:
    @pytest.fixture(autouse=True)
    def warning(self, run: SyncJobRun) -> None:
        states.warned(run, created_at=timezone.now() - HOUR)

    def test_needs_attention_and_says_why(self, environment: Environment, operator: Client, run: SyncJobRun) -> None:
        assert reasons(environment) == ["warned"]
        page = operator.get("/").content.decode()
        assert "countries: nothing fetched instead of usually 252." in page
        assert f'href="/runs/{run.pk}/rerun/?ignore_previous_run=1"' in page

    def test_is_settled_by_a_later_good_run(self, environment: Environment, run: SyncJobRun) -> None:
        states.ended(another(run), RunStatus.COMPLETED)
        assert reasons(environment) == []

    def test_is_shown_as_warned_on_its_page_and_in_the_list(
        self, viewer: Client, run: SyncJobRun, run_url: str
    ) -> None:
        for path in (run_url, "/runs/", "/runs/?warning=any", "/runs/?warning=zero", "/runs/?open=warned"):
            page = viewer.get(path).content.decode()
            assert "Completed with warning" in page
            assert "countries: nothing fetched instead of usually 252" in page
        for path in ("/runs/?warning=fall", "/runs/?open=failed"):
            assert "countries: nothing" not in viewer.get(path).content.decode()

    def test_whose_entries_failed_says_why_and_settles_nothing(
        self, environment: Environment, viewer: Client, run: SyncJobRun
    ) -> None:
        reason = DataWarning("failed", "countries", 0, 0, "Connection refused")
        failed = states.failed(another(run, args={"brand": "other"}))
        later = [states.warned(another(one, args=one.args), reason, error_count=1) for one in (run, failed)]
        assert reasons(environment) == ["failed", "warned", "warned", "warned"]
        for path in ("/", f"/runs/{later[0].pk}/", "/runs/?warning=failed"):
            page = viewer.get(path).content.decode()
            assert "countries: failed (Connection refused)" in page
        states.ended(another(run), RunStatus.COMPLETED)
        assert reasons(environment) == ["failed", "warned"]

    def test_a_broken_filter_is_told(self, viewer: Client) -> None:
        answer = viewer.get("/runs/?warning=odd&open=%00")
        assert answer.status_code == 200
        assert answer.content.decode().count('role="alert"') >= 2


class TestCause:
    """Failures that are alike are one thing to do."""

    @pytest.fixture
    def alike(self, run: SyncJobRun) -> list[SyncJobRun]:
        def error(number: int) -> dict[str, Any]:
            return {**states.FAILURE, "message": f"page {number} at 2026-11-{10 + number}: the source answered 500."}

        return [
            states.failed(another(run, args={"n": n}), error=error(n), created_at=timezone.now() - (9 - n) * HOUR)
            for n in range(4)
        ]

    def test_is_told_once_with_its_newest_runs(
        self, environment: Environment, operator: Client, run: SyncJobRun, alike: list[SyncJobRun]
    ) -> None:
        states.ended(run, RunStatus.STOPPED)
        [section] = attention_of(environment).sections
        assert [(concern.template, section.total) for concern in section.concerns] == [("attention/_cause.html", 4)]
        page = operator.get("/").content.decode()
        assert "4 runs of 1 account failed alike" in page
        assert [f"/runs/{one.pk}/" in page for one in alike] == [True] * 4
        assert attention_count(Environment.objects.all(), timezone.now()) == 4

    def test_leads_to_the_list_of_exactly_these(self, operator: Client, alike: list[SyncJobRun]) -> None:
        other = {**states.FAILURE, "message": "refused."}
        states.failed(another(alike[0], args={"n": 77}), error=other)
        found = re.search(r'href="(/runs/\?open=failed&amp;q=[^"]+)"', operator.get("/").content.decode())
        assert found
        listed = operator.get(unescape(found[1])).context["lines"]
        assert {line.run.pk for line in listed} == {one.pk for one in alike}

    def test_can_be_run_again_as_a_whole(self, operator: Client, viewer: Client, alike: list[SyncJobRun]) -> None:
        found = re.search(r'hx-get="(/bulk/new/[^"]+)"', operator.get("/").content.decode())
        assert found
        question = operator.get(unescape(found[1])).content.decode()
        assert "4 runs" in question
        assert "/bulk/new/" not in viewer.get("/").content.decode()

    def test_of_two_is_told_one_by_one(self, environment: Environment, alike: list[SyncJobRun]) -> None:
        for one in alike[:2]:
            states.change(one, acknowledged_at=timezone.now())
        [section] = attention_of(environment).sections
        assert [concern.template for concern in section.concerns] == ["attention/_run.html"] * 2

    def test_is_acknowledged_as_a_whole_but_not_what_came_since(
        self, environment: Environment, operator: Client, alike: list[SyncJobRun]
    ) -> None:
        [section] = attention_of(environment).sections
        cause = section.concerns[0].more["cause"]
        newest = cause.latest.run_id
        since = states.failed(another(alike[0], args={"n": 99}), error=alike[0].error)
        asked = {"cause": cause.key, "newest": newest.hex}
        answer = operator.post("/attention/acknowledge/", asked, follow=True)
        assert "Acknowledged: 4 failures need nobody now." in answer.content.decode()
        assert list(SyncJobRun.objects.unsettled()) == [since]
        assert AuditEntry.objects.filter(action="run.acknowledge", actor="olga").count() == 4

    def test_is_not_acknowledged_from_a_page_that_is_too_old(
        self, environment: Environment, operator: Client, alike: list[SyncJobRun]
    ) -> None:
        [section] = attention_of(environment).sections
        asked = {"cause": section.concerns[0].more["cause"].key, "newest": "odd"}
        answer = operator.post("/attention/acknowledge/", asked, follow=True)
        assert "nothing was acknowledged" in answer.content.decode()
        assert SyncJobRun.objects.unsettled().count() == 4

    def test_of_another_environment_is_not_acknowledged(
        self, environment: Environment, outsider: Client, alike: list[SyncJobRun]
    ) -> None:
        [section] = attention_of(environment).sections
        asked = {"cause": section.concerns[0].more["cause"].key}
        assert outsider.post("/attention/acknowledge/", asked).status_code == 404
        assert SyncJobRun.objects.unsettled().count() == 4

    def test_shows_no_more_than_a_bounded_number(
        self, environment: Environment, viewer: Client, alike: list[SyncJobRun]
    ) -> None:
        error = {**states.FAILURE, "message": "the source is gone."}
        rows.runs(
            1200, start=timezone.now() - HOUR, status=RunStatus.FAILED, error=error, sync_job=alike[0].sync_job,
            integrated_account=alike[0].integrated_account,
        )  # fmt: skip
        page = viewer.get("/").content.decode()
        assert "See all 1\u202f000+" in page
        assert "99+" in viewer.get("/attention/count/", headers=HTMX).content.decode()


class TestSettling:
    @pytest.fixture(autouse=True)
    def failure(self, run: SyncJobRun) -> None:
        states.failed(run)

    def test_acknowledges_in_the_persons_name_and_goes_back(self, operator: Client, run: SyncJobRun) -> None:
        answer = operator.post(f"/runs/{run.pk}/acknowledge/", {"next": "/"}, follow=True)
        assert answer.redirect_chain == [("/", 302)]
        page = answer.content.decode()
        assert "All good" in page
        assert "acknowledged by olga" in page

    def test_twice_changes_nothing(self, operator: Client, run: SyncJobRun) -> None:
        operator.post(f"/runs/{run.pk}/acknowledge/")
        answer = operator.post(f"/runs/{run.pk}/acknowledge/", follow=True)
        assert "was settled already" in answer.content.decode()

    def test_leads_nowhere_else(self, operator: Client, run: SyncJobRun, run_url: str) -> None:
        assert operator.post(f"/runs/{run.pk}/acknowledge/", {"next": "https://evil.example"}).url == run_url

    def test_is_undone_on_the_runs_page(self, operator: Client, run: SyncJobRun, run_url: str) -> None:
        operator.post(f"/runs/{run.pk}/acknowledge/")
        page = operator.get(run_url).content.decode()
        assert f'action="{run_url}reopen/"' in page
        answer = operator.post(f"{run_url}reopen/", {"next": "/"}, follow=True)
        assert "kept open by hand" in answer.content.decode()
        assert "is not settled" in operator.post(f"{run_url}reopen/", follow=True).content.decode()

    def test_is_for_operators(self, viewer: Client, run_url: str) -> None:
        for path in ("/", run_url):
            page = viewer.get(path).content.decode()
            assert "cknowledge</button>" not in page
            assert "/acknowledge/" not in page

    def test_kept_open_is_not_forgotten_after_a_week(self, environment: Environment, run: SyncJobRun) -> None:
        states.change(run, created_at=timezone.now() - timedelta(days=30))
        assert reasons(environment) == []
        states.change(run, keep_open=True)
        assert reasons(environment) == ["failed"]

    def test_an_account_without_credentials_is_offered_those(self, superuser: User, run: SyncJobRun) -> None:
        IntegratedAccount.objects.update(status=AccountStatus.NEEDS_REAUTH)
        page = logged_in(superuser).get("/").content.decode()
        assert page.count("Give credentials") == 2
        assert f"/runs/{run.pk}/rerun/" not in page


class TestErrorGroup:
    """Failures that the engine has put into one group of errors are of one cause."""

    def failed(self, of: SyncJobRun, page: int, **over: Any) -> SyncJobRun:
        """One more run, failed as a daemon ends it."""
        holder = claim(another(of, args={"page": page}, force=True).pk, "d1")
        assert holder is not None
        info = {"message": f"page {page}: the source answered 500.", "resource": "cities", "method": "list", **over}
        assert holder.finish(RunStatus.FAILED, "It failed.", ErrorInfo("request_failed", **info))
        return SyncJobRun.objects.get(pk=holder.run_id)

    @pytest.fixture
    def alike(self, run: SyncJobRun) -> list[SyncJobRun]:
        return [self.failed(run, page) for page in range(3)]

    def test_leads_to_the_list_of_exactly_its_runs(self, operator: Client, alike: list[SyncJobRun]) -> None:
        self.failed(alike[0], 9, resource="countries")  # in the same words, but another trouble
        group = ErrorGroup.objects.get(resource="cities")
        page = unescape(operator.get("/").content.decode())
        address = f"/runs/?open=failed&error={group.pk}&since=all"
        assert address in page
        assert {line.run.pk for line in operator.get(address).context["lines"]} == {one.pk for one in alike}
        again = re.search(r'hx-get="(/bulk/new/[^"]+)"', page)
        assert again
        assert "3 runs" in operator.get(again[1]).content.decode()

    def test_may_be_of_several_integrations(
        self, environment: Environment, viewer: Client, alike: list[SyncJobRun]
    ) -> None:
        other = factories.integration(environment=environment, name="other")
        account = factories.account(integration=other)
        self.failed(factories.run(job=factories.job(integration=other), account=account), 3)
        assert "4 runs of 2 accounts failed alike" in viewer.get("/").content.decode()
        assert "2 integrations" in viewer.get("/").content.decode()

    def test_is_of_one_environment(self, superuser: User, alike: list[SyncJobRun]) -> None:
        elsewhere = factories.integration(environment=factories.environment("Elsewhere"))
        account = factories.account(integration=elsewhere)
        theirs = factories.run(job=factories.job(integration=elsewhere), account=account)
        for page in range(3):
            self.failed(theirs, page)
        page = unescape(logged_in(superuser).get("/").content.decode())
        assert page.count("3 runs of 1 account failed alike") == 2
        for group in ErrorGroup.objects.all():
            assert f"error={group.pk}" in page

    def test_counts_words_for_nothing(self, environment: Environment, run: SyncJobRun) -> None:
        for number, word in enumerate(("refused", "unreachable", "gone")):
            error = {**states.FAILURE, "message": f"the source is {word}.", "fingerprint": "f" * 32}
            states.failed(another(run, args={"n": number}), error=error)
        [section] = attention_of(environment).sections
        assert [concern.template for concern in section.concerns] == ["attention/_cause.html"]


class TestSchedule:
    @pytest.fixture
    def schedule(self, run: SyncJobRun) -> CronTrigger:
        states.ended(run, RunStatus.STOPPED)
        trigger = factories.trigger(job=run.sync_job, account=run.integrated_account)
        CronTrigger.objects.update(completion_due_at=timezone.now() - HOUR)
        return trigger

    def test_without_a_completed_run_in_time_needs_attention(
        self, environment: Environment, operator: Client, schedule: CronTrigger
    ) -> None:
        assert reasons(environment) == ["schedules"]
        page = operator.get("/").content.decode()
        assert "A run should have completed by" in page
        assert f'action="/schedules/{schedule.pk}/run/"' in page
        assert "Overdue" in operator.get("/schedules/").content.decode()
        assert "Overdue" in operator.get("/accounts/").content.decode()

    def test_is_not_told_as_well_where_its_failure_is(
        self, environment: Environment, schedule: CronTrigger, run: SyncJobRun
    ) -> None:
        states.failed(another(run))
        assert reasons(environment) == ["failed"]

    def test_is_not_told_as_well_where_its_failed_entries_are(
        self, environment: Environment, schedule: CronTrigger, run: SyncJobRun
    ) -> None:
        states.warned(another(run), DataWarning("failed", "countries", 0, 0))
        assert reasons(environment) == ["warned"]

    @pytest.mark.parametrize("change", [{"is_active": False, "next_run_at": None}, {"completion_due_at": None}])
    def test_disarmed_or_in_time_needs_nobody(
        self, environment: Environment, schedule: CronTrigger, change: dict[str, Any]
    ) -> None:
        CronTrigger.objects.update(**change)
        assert reasons(environment) == []


class TestLive:
    """The list follows the day: nothing is sent while nothing changes."""

    def poll(self, client: Client, page: HttpResponse) -> HttpResponse:
        found = re.search(r'hx-get="(/attention/live/[^"]*)"', page.content.decode())
        assert found, "The page does not poll."
        return client.get(unescape(found[1]), headers=HTMX)

    def test_nothing_is_sent_while_nothing_changes(self, viewer: Client, run: SyncJobRun) -> None:
        assert self.poll(viewer, viewer.get("/")).status_code == 204
        states.failed(run)
        assert self.poll(viewer, viewer.get("/")).status_code == 204

    def test_a_change_sends_the_list_the_number_and_the_next_poller(self, viewer: Client, run: SyncJobRun) -> None:
        page = viewer.get("/")
        states.failed(run)
        fragment = self.poll(viewer, page)
        assert f'data-concern="run-{run.pk.hex}"' in fragment.content.decode()
        assert 'id="attention-count" class="badge" hx-swap-oob="true">1<' in fragment.content.decode()
        assert self.poll(viewer, fragment).status_code == 204

    def test_who_asks_meanwhile_is_told_what_was_found_for_those_who_see_the_same(
        self,
        viewer: Client,
        environment: Environment,
        run: SyncJobRun,
        django_assert_max_num_queries: DjangoAssertNumQueries,
    ) -> None:
        page = viewer.get("/")
        colleague = logged_in(member("vera", environment))
        with time_machine.travel(timezone.now(), tick=False):
            assert self.poll(viewer, page).status_code == 204
            with django_assert_max_num_queries(3):  # session, user, environments
                assert self.poll(colleague, page).status_code == 204
        states.failed(run)
        with time_machine.travel(timezone.now() + timedelta(seconds=TICK), tick=True):
            assert f'data-concern="run-{run.pk.hex}"' in self.poll(colleague, page).content.decode()

    def test_a_form_is_its_readers_alone(self, operator: Client, environment: Environment, run: SyncJobRun) -> None:
        page = operator.get("/")
        states.failed(run)
        other = logged_in(member("oscar", environment, may_operate=True))
        asked = [self.poll(one, page).content.decode() for one in (operator, other)]
        tokens = [re.search(r'csrfmiddlewaretoken" value="(\w+)"', text) for text in asked]
        assert None not in tokens
        assert len({token[1] for token in tokens if token}) == 2

    def test_the_address_itself_is_the_page(self, viewer: Client) -> None:
        assert viewer.get("/attention/live/?v=odd").url == "/"


class TestWebhook:
    @pytest.fixture
    def webhook(self, environment: Environment) -> Webhook:
        return factories.webhook(is_active=False, disabled_reason="Every attempt failed for 24 hours.")

    def test_that_was_switched_off_is_shown_with_its_cause_and_a_way_out(
        self, operator: Client, viewer: Client, webhook: Webhook
    ) -> None:
        page = operator.get("/").content.decode()
        assert "Every attempt failed for 24 hours." in page
        assert not needs_nobody(operator)
        address = f"/webhooks/{webhook.pk}/activate/"
        assert f'action="{address}"' in page
        assert address not in viewer.get("/").content.decode()
        assert webhook.secret not in page
        assert operator.get("/attention/count/", headers=HTMX).context["count"] == 1
        operator.post(address)
        assert needs_nobody(operator)

    @pytest.mark.parametrize("gone", [{"disabled_reason": ""}, {"deleted_at": timezone.now()}, {"is_active": True}])
    def test_needs_nobody_if_a_person_wished_it_so(
        self, viewer: Client, webhook: Webhook, gone: dict[str, Any]
    ) -> None:
        Webhook.objects.update(**gone)
        assert needs_nobody(viewer)

    def test_of_another_environment_is_not_there(self, outsider: Client, webhook: Webhook) -> None:
        assert needs_nobody(outsider)


class TestAccount:
    @pytest.fixture
    def account(self, environment: Environment) -> IntegratedAccount:
        return factories.account(status=AccountStatus.NEEDS_REAUTH)

    def test_that_needs_new_credentials_is_shown(
        self, operator: Client, superuser: User, account: IntegratedAccount
    ) -> None:
        page = operator.get("/").content.decode()
        assert "Accounts that need new credentials" in page
        assert "acme" in page
        address = f'href="/accounts/{account.pk}/credentials/"'
        assert address not in page
        assert address in logged_in(superuser).get("/").content.decode()
        assert operator.get("/attention/count/", headers=HTMX).context["count"] == 1

    @pytest.mark.parametrize("gone", [{"status": AccountStatus.ACTIVE}, {"deleted_at": timezone.now()}])
    def test_needs_nobody_once_it_has_them_or_is_gone(
        self, viewer: Client, account: IntegratedAccount, gone: dict[str, Any]
    ) -> None:
        IntegratedAccount.objects.update(**gone)
        assert needs_nobody(viewer)

    def test_of_another_environment_is_not_there(self, outsider: Client, account: IntegratedAccount) -> None:
        assert needs_nobody(outsider)


class TestLiveRun:
    def test_at_work_needs_nobody(self, environment: Environment, run: SyncJobRun) -> None:
        states.running(run)
        assert reasons(environment) == []

    def test_between_two_slices_needs_nobody(self, environment: Environment, run: SyncJobRun) -> None:
        states.daemon()
        states.running(run, lease_until=None, updated_at=timezone.now() - HOUR)
        assert reasons(environment) == []

    @pytest.mark.parametrize("wait", [None, -HOUR])
    def test_that_no_daemon_goes_on_with_needs_attention(
        self, environment: Environment, viewer: Client, run: SyncJobRun, run_url: str, wait: timedelta | None
    ) -> None:
        resume_at = wait and timezone.now() + wait
        states.running(run, lease_until=None, resume_at=resume_at, updated_at=timezone.now() - HOUR)
        assert reasons(environment) == ["waiting"]
        assert "The run goes on where it was as soon as one is there." in viewer.get("/").content.decode()
        for path in (run_url, "/runs/"):
            assert re.search("no daemon of group (<b>)?default(</b>)? is alive", viewer.get(path).content.decode())

    def test_that_waits_for_its_source_needs_nobody(self, environment: Environment, run: SyncJobRun) -> None:
        states.running(run, lease_until=None, resume_at=timezone.now() + HOUR, updated_at=timezone.now() - HOUR)
        assert reasons(environment) == []

    def test_whose_lease_ended_long_ago_is_silent(self, environment: Environment, run: SyncJobRun) -> None:
        states.running(run, lease_until=timezone.now() - HOUR)
        assert reasons(environment) == ["silent"]

    def test_that_stops_for_long_is_told_once(self, environment: Environment, run: SyncJobRun) -> None:
        silent = timezone.now() - HOUR
        states.running(run, stop_requested_at=silent, lease_until=silent)
        assert reasons(environment) == ["stopping"]

    def test_that_stops_for_long_may_be_forced_by_operators(
        self, operator: Client, viewer: Client, run: SyncJobRun, run_url: str
    ) -> None:
        states.running(run, stop_requested_at=timezone.now() - HOUR)
        assert f'href="{run_url}force-stop/"' in operator.get("/").content.decode()
        assert "force-stop" not in viewer.get("/").content.decode()

    def test_that_was_just_asked_to_stop_needs_nobody(self, environment: Environment, run: SyncJobRun) -> None:
        states.running(run, stop_requested_at=timezone.now())
        assert reasons(environment) == []


class TestWaitingRun:
    @pytest.fixture(autouse=True)
    def waits(self, run: SyncJobRun) -> None:
        states.change(run, created_at=timezone.now() - HOUR)

    def test_of_a_group_without_a_daemon_needs_attention(self, environment: Environment) -> None:
        states.daemon("elsewhere")
        assert reasons(environment) == ["waiting"]

    def test_of_a_group_with_a_living_daemon_needs_nobody(self, environment: Environment) -> None:
        states.daemon("default")
        assert reasons(environment) == []

    def test_of_a_group_whose_daemon_is_silent_needs_attention(self, environment: Environment) -> None:
        states.daemon("default", silent_for=60)
        assert reasons(environment) == ["waiting"]

    def test_with_many_others_of_its_group_is_told_with_them(
        self, environment: Environment, viewer: Client, run: SyncJobRun
    ) -> None:
        for number in range(2):
            states.change(another(run, args={"n": number}), created_at=timezone.now() - HOUR)
        states.change(another(run, daemon_group_key="east", args={"n": 9}), created_at=timezone.now() - HOUR)
        [section] = attention_of(environment).sections
        told = {concern.template for concern in section.concerns}
        assert (section.total, told) == (4, {"attention/_waiting.html", "attention/_run.html"})
        assert "3 runs wait for a daemon" in viewer.get("/").content.decode()

    def test_just_created_needs_nobody(self, environment: Environment, run: SyncJobRun) -> None:
        states.change(run, created_at=timezone.now())
        assert reasons(environment) == []


def test_all_good_is_said_calmly_with_the_last_failure(viewer: Client, run: SyncJobRun) -> None:
    assert "no run has ever failed" in viewer.get("/").content.decode()
    states.failed(run)
    states.ended(another(run), RunStatus.COMPLETED)
    page = viewer.get("/").content.decode()
    assert "All good" in page
    assert f'href="/runs/{run.pk}/"' in page
    assert "followed by a later run" in page


def test_the_number_in_the_navigation_is_a_fragment(viewer: Client, run: SyncJobRun) -> None:
    assert viewer.get("/attention/count/", headers=HTMX).content.decode().strip() == ""
    states.failed(run)
    fragment = viewer.get("/attention/count/", headers=HTMX).content.decode()
    assert fragment.startswith("1<")
    assert viewer.get("/attention/count/").url == "/"


@pytest.mark.parametrize("count", [1, 20])
def test_costs_the_same_however_much_there_is(
    operator: Client, run: SyncJobRun, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    factories.account(integration=run.integrated_account.integration, status=AccountStatus.NEEDS_REAUTH)
    for number in range(count):
        error = {**states.FAILURE, "message": f"It broke at {'xyz'[number % 3] * 3}."}
        states.failed(another(run, args={"number": number}, force=True), error=error)
        states.warned(another(run, args={"warned": number}, force=True))
        states.running(another(run, args={"silent": number}, force=True), lease_until=timezone.now() - HOUR)
    # Eight of concerns: daemons, live runs, failures, warnings, the runs shown, accounts, webhooks, schedules; and
    # session, user and two of permissions.
    with django_assert_max_num_queries(8 + 4):
        operator.get("/")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (lambda run: states.running(run, lease_until=timezone.now() - HOUR), "The lease of"),
        (lambda run: states.running(run, stop_requested_at=timezone.now() - HOUR), "the run has not ended"),
        (lambda run: states.change(run, created_at=timezone.now() - HOUR), "No daemon of group"),
    ],
    ids=["silent", "stopping", "waiting"],
)
def test_each_concern_says_why(
    viewer: Client, run: SyncJobRun, state: Callable[[SyncJobRun], object], words: str
) -> None:
    state(run)
    assert words in viewer.get("/").content.decode()
