"""What needs a person, and what does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from dashboard.attention import Reason, concern_count, concerns
from runs.models import AccountStatus, Environment, IntegratedAccount, RunStatus, SyncJobRun, User, Webhook
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX, logged_in

HOUR = timedelta(hours=1)


def reasons(environment: Environment) -> list[Reason]:
    found = concerns(Environment.objects.filter(pk=environment.pk))
    assert concern_count(Environment.objects.filter(pk=environment.pk)) == len(found)
    return [concern.reason for concern in found]


def another(run: SyncJobRun, **over: object) -> SyncJobRun:
    """A later run of the same."""
    return factories.run(job=run.sync_job, account=run.integrated_account, **over)


class TestFailure:
    @pytest.fixture(autouse=True)
    def failure(self, run: SyncJobRun) -> None:
        states.failed(run, created_at=timezone.now() - HOUR)

    def test_needs_attention(self, environment: Environment) -> None:
        assert reasons(environment) == [Reason.FAILED]

    def test_is_superseded_by_a_later_completed_run(self, environment: Environment, run: SyncJobRun) -> None:
        states.ended(another(run), RunStatus.COMPLETED)
        assert reasons(environment) == []

    def test_is_not_superseded_by_an_earlier_one(self, environment: Environment, run: SyncJobRun) -> None:
        states.ended(another(run), RunStatus.COMPLETED, created_at=timezone.now() - 2 * HOUR)
        assert reasons(environment) == [Reason.FAILED]

    def test_is_not_superseded_by_a_stopped_or_live_one(self, environment: Environment, run: SyncJobRun) -> None:
        states.daemon()
        states.ended(another(run), RunStatus.STOPPED)
        states.running(another(run))
        assert reasons(environment) == [Reason.FAILED]

    def test_is_not_superseded_by_a_run_of_other_args(self, environment: Environment, run: SyncJobRun) -> None:
        states.ended(another(run, args={"brand": "other"}), RunStatus.COMPLETED)
        assert reasons(environment) == [Reason.FAILED]

    def test_that_repeats_is_one_concern_the_latest(self, environment: Environment, run: SyncJobRun) -> None:
        latest = states.failed(another(run))
        found = concerns(Environment.objects.filter(pk=environment.pk))
        assert [concern.run.pk for concern in found] == [latest.pk]

    def test_is_forgotten_after_a_week(self, environment: Environment, run: SyncJobRun) -> None:
        states.change(run, created_at=timezone.now() - timedelta(days=8))
        assert reasons(environment) == []

    def test_is_shown_with_its_cause_and_a_way_out(self, operator: Client, run: SyncJobRun) -> None:
        page = operator.get("/").content.decode()
        assert "cities: the source answered 500." in page
        assert f'href="/runs/{run.pk}/rerun/"' in page


class TestWebhook:
    @pytest.fixture
    def webhook(self, environment: Environment) -> Webhook:
        return factories.webhook(is_active=False, disabled_reason="Every attempt failed for 24 hours.")

    def test_that_was_switched_off_is_shown_with_its_cause_and_a_way_out(
        self, operator: Client, viewer: Client, webhook: Webhook
    ) -> None:
        page = operator.get("/").content.decode()
        assert "Every attempt failed for 24 hours." in page
        assert "All good" not in page
        address = f"/webhooks/{webhook.pk}/activate/"
        assert f'action="{address}"' in page
        assert address not in viewer.get("/").content.decode()
        assert webhook.secret not in page
        assert operator.get("/attention/count/", headers=HTMX).context["count"] == 1
        operator.post(address)
        assert "All good" in operator.get("/").content.decode()

    @pytest.mark.parametrize("gone", [{"disabled_reason": ""}, {"deleted_at": timezone.now()}, {"is_active": True}])
    def test_needs_nobody_if_a_person_wished_it_so(
        self, viewer: Client, webhook: Webhook, gone: dict[str, Any]
    ) -> None:
        Webhook.objects.update(**gone)
        assert "All good" in viewer.get("/").content.decode()

    def test_of_another_environment_is_not_there(self, outsider: Client, webhook: Webhook) -> None:
        assert "All good" in outsider.get("/").content.decode()


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
        assert "All good" in viewer.get("/").content.decode()

    def test_of_another_environment_is_not_there(self, outsider: Client, account: IntegratedAccount) -> None:
        assert "All good" in outsider.get("/").content.decode()


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
        assert reasons(environment) == [Reason.WAITING]
        assert "The run goes on where it was as soon as one is there." in viewer.get("/").content.decode()
        for path in (run_url, "/runs/"):
            assert re.search("no daemon of group (<b>)?default(</b>)? is alive", viewer.get(path).content.decode())

    def test_that_waits_for_its_source_needs_nobody(self, environment: Environment, run: SyncJobRun) -> None:
        states.running(run, lease_until=None, resume_at=timezone.now() + HOUR, updated_at=timezone.now() - HOUR)
        assert reasons(environment) == []

    def test_whose_lease_ended_long_ago_is_silent(self, environment: Environment, run: SyncJobRun) -> None:
        states.running(run, lease_until=timezone.now() - HOUR)
        assert reasons(environment) == [Reason.SILENT]

    def test_that_stops_for_long_is_told_once(self, environment: Environment, run: SyncJobRun) -> None:
        silent = timezone.now() - HOUR
        states.running(run, stop_requested_at=silent, lease_until=silent)
        assert reasons(environment) == [Reason.STOPPING]

    def test_that_was_just_asked_to_stop_needs_nobody(self, environment: Environment, run: SyncJobRun) -> None:
        states.running(run, stop_requested_at=timezone.now())
        assert reasons(environment) == []


class TestWaitingRun:
    @pytest.fixture(autouse=True)
    def waits(self, run: SyncJobRun) -> None:
        states.change(run, created_at=timezone.now() - HOUR)

    def test_of_a_group_without_a_daemon_needs_attention(self, environment: Environment) -> None:
        states.daemon("elsewhere")
        assert reasons(environment) == [Reason.WAITING]

    def test_of_a_group_with_a_living_daemon_needs_nobody(self, environment: Environment) -> None:
        states.daemon("default")
        assert reasons(environment) == []

    def test_of_a_group_whose_daemon_is_silent_needs_attention(self, environment: Environment) -> None:
        states.daemon("default", silent_for=60)
        assert reasons(environment) == [Reason.WAITING]

    def test_just_created_needs_nobody(self, environment: Environment, run: SyncJobRun) -> None:
        states.change(run, created_at=timezone.now())
        assert reasons(environment) == []


def test_all_good_is_said_calmly(viewer: Client, run: SyncJobRun) -> None:
    states.ended(run, RunStatus.COMPLETED)
    page = viewer.get("/").content.decode()
    assert "All good" in page
    assert f'href="/runs/{run.pk}/"' in page


def test_the_number_in_the_navigation_is_a_fragment(viewer: Client, run: SyncJobRun) -> None:
    assert viewer.get("/attention/count/", headers=HTMX).content.decode().strip() == ""
    states.failed(run)
    fragment = viewer.get("/attention/count/", headers=HTMX).content.decode()
    assert fragment.startswith("1<")
    assert viewer.get("/attention/count/").url == "/"


@pytest.mark.parametrize("count", [1, 20])
def test_costs_the_same_however_much_there_is(
    viewer: Client, run: SyncJobRun, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(count):
        states.failed(another(run, args={"number": number}, force=True))
    with django_assert_max_num_queries(
        8 + 4
    ):  # four reasons, schedules, webhooks, accounts and daemons; session, user, permissions
        viewer.get("/")


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
