"""What people are told of the ends of runs: each change once, and never more."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from runs.engine.claim import claim
from runs.errors import ErrorInfo
from runs.models import (
    AlertKind,
    AlertMessage,
    AlertRule,
    AlertState,
    IntegratedAccount,
    MessageStatus,
    RunStatus,
    StepStatus,
    SyncJob,
    SyncJobRun,
)
from runs.services import mute_alert_rule, request_stop, save_alert_rule
from tests import factories

pytestmark = pytest.mark.django_db

FIRST, NTH, RECOVERY = AlertKind.FIRST_FAILURE, AlertKind.NTH_FAILURE, AlertKind.RECOVERY
WHY = ErrorInfo("http_500", "the source answered 500", "countries", "list", 500)


@pytest.fixture
def account(db: None) -> IntegratedAccount:
    return factories.account()


@pytest.fixture
def job(account: IntegratedAccount) -> SyncJob:
    return factories.job(integration=account.integration)


class Runs:
    """Runs of one job and account, ended by hand."""

    def __init__(self, job: SyncJob, account: IntegratedAccount) -> None:
        self._job, self._account = job, account

    def begun(self, **over: Any) -> SyncJobRun:
        return factories.run(job=self._job, account=self._account, dispatch=False, **over)

    def end(self, run: SyncJobRun, status: RunStatus) -> SyncJobRun:
        taken = claim(run.id, "d1")
        assert taken is not None
        assert taken.finish(status, "Over.", WHY if status == RunStatus.FAILED else None)
        return run

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            self.end(self.begun(), RunStatus.FAILED)

    def complete(self, times: int = 1) -> None:
        for _ in range(times):
            self.end(self.begun(), RunStatus.COMPLETED)


@pytest.fixture
def runs(job: SyncJob, account: IntegratedAccount) -> Runs:
    return Runs(job, account)


def told() -> list[str]:
    """The kinds of what is to be sent, in order."""
    return list(AlertMessage.objects.exclude(is_muted=True).order_by("created_at", "id").values_list("kind", flat=True))


def held_back() -> list[str]:
    return list(AlertMessage.objects.filter(is_muted=True).order_by("created_at", "id").values_list("kind", flat=True))


class TestChanges:
    def test_fifty_failures_and_a_success_are_two_messages(self, runs: Runs) -> None:
        factories.alert_rule()
        runs.fail(50)
        runs.complete(3)
        assert told() == [FIRST, RECOVERY]
        last = AlertMessage.objects.latest("created_at").content
        assert last["text"] == "Countries and cities has completed for acme after 50 failures in a row."

    def test_successes_are_no_news(self, runs: Runs) -> None:
        factories.alert_rule()
        runs.complete(3)
        assert told() == []

    def test_each_streak_is_told_anew(self, runs: Runs) -> None:
        factories.alert_rule()
        for _ in range(2):
            runs.fail()
            runs.complete()
        assert told() == [FIRST, RECOVERY, FIRST, RECOVERY]

    def test_the_nth_in_a_row_is_told_once(self, runs: Runs) -> None:
        factories.alert_rule(on_nth_failure=3)
        runs.fail(7)
        runs.complete()
        assert told() == [FIRST, NTH, RECOVERY]
        nth = AlertMessage.objects.get(kind=NTH).content
        assert (nth["failures"], nth["subject"]) == (3, "Failed 3 times in a row: Countries and cities for acme")

    def test_a_rule_of_the_nth_alone_says_nothing_of_a_shorter_streak(self, runs: Runs) -> None:
        factories.alert_rule(on_first_failure=False, on_nth_failure=3)
        runs.fail(2)
        runs.complete()
        runs.fail(2)
        assert told() == []
        runs.fail()
        assert told() == [NTH]

    def test_without_recoveries_the_next_streak_is_told_all_the_same(self, runs: Runs) -> None:
        factories.alert_rule(on_recovery=False)
        runs.fail(2)
        runs.complete()
        runs.fail()
        assert told() == [FIRST, FIRST]

    def test_a_stopped_run_changes_nothing(self, runs: Runs) -> None:
        factories.alert_rule()
        runs.fail()
        request_stop(runs.begun(), actor="someone")
        runs.fail()
        assert told() == [FIRST]
        assert AlertState.objects.get().failures == 2

    def test_a_run_whose_entries_failed_is_no_recovery_and_no_failure(self, runs: Runs) -> None:
        factories.alert_rule()
        runs.fail()
        run = runs.begun()
        run.steps.update(status=StepStatus.FAILED)
        runs.end(run, RunStatus.COMPLETED)
        assert told() == [FIRST]
        assert AlertState.objects.get().failures == 1
        runs.complete()
        assert told() == [FIRST, RECOVERY]

    def test_accounts_are_counted_apart(self, runs: Runs, job: SyncJob) -> None:
        factories.alert_rule()
        other = Runs(job, factories.account(integration=job.integration, tenant_id="globex"))
        runs.fail()
        other.fail()
        runs.complete()
        assert told() == [FIRST, FIRST, RECOVERY]

    def test_the_message_says_what_why_and_where(self, runs: Runs, settings: Any) -> None:
        rule = factories.alert_rule()
        run = runs.end(runs.begun(), RunStatus.FAILED)
        content = AlertMessage.objects.get().content
        assert content["subject"] == "Failed: Countries and cities for acme"
        text = "Countries and cities has failed for acme: countries: the source answered 500"
        assert (content["text"], content["url"]) == (text, f"{settings.PUBLIC_URL}/runs/{run.id}/")
        assert (content["error"]["code"], content["alert_rule"]["id"]) == ("http_500", str(rule.id))
        assert "t0k3n" not in str(content)


class TestScope:
    @pytest.mark.parametrize("wish", ["job", "account", "environment", "off"])
    def test_a_rule_looks_at_its_own_runs_only(self, runs: Runs, job: SyncJob, wish: str) -> None:
        over = {
            "job": lambda: {"sync_job": factories.job(integration=job.integration, label="Another")},
            "account": lambda: {"integrated_account": factories.account(integration=job.integration)},
            "environment": lambda: {"environment": factories.environment("Elsewhere")},
            "off": lambda: {"is_active": False},
        }[wish]()
        factories.alert_rule(**over)
        runs.fail()
        assert not AlertState.objects.exists()
        assert told() == []

    def test_a_rule_of_this_job_and_account_looks_at_them(
        self, runs: Runs, job: SyncJob, account: IntegratedAccount
    ) -> None:
        factories.alert_rule(sync_job=job, integrated_account=account)
        runs.fail()
        assert told() == [FIRST]

    def test_without_a_rule_an_end_costs_one_query_more(self, runs: Runs, django_assert_num_queries: Any) -> None:
        taken = claim(runs.begun().id, "d1")
        assert taken is not None
        with django_assert_num_queries(100, exact=False) as queries:
            taken.finish(RunStatus.COMPLETED, "Over.")
        assert len([query for query in queries if "runs_alert" in query["sql"]]) == 1

    def test_one_that_is_switched_on_again_begins_anew(self, runs: Runs) -> None:
        rule = factories.alert_rule()
        runs.fail(2)
        save_alert_rule(rule.environment, {"is_active": False}, rule)
        runs.complete()
        save_alert_rule(rule.environment, {"is_active": True}, rule)
        runs.fail()
        assert told() == [FIRST, FIRST]
        assert AlertState.objects.get().failures == 1


class TestOrder:
    def test_an_older_run_that_ends_late_changes_nothing(self, runs: Runs) -> None:
        factories.alert_rule()
        older, newer = runs.begun(args={"n": 1}), runs.begun(args={"n": 2})
        runs.end(newer, RunStatus.COMPLETED)
        runs.end(older, RunStatus.FAILED)
        assert told() == []

    def test_an_older_success_is_no_recovery_of_a_newer_failure(self, runs: Runs) -> None:
        factories.alert_rule()
        older, newer = runs.begun(args={"n": 1}), runs.begun(args={"n": 2})
        runs.end(newer, RunStatus.FAILED)
        runs.end(older, RunStatus.COMPLETED)
        assert told() == [FIRST]
        assert AlertState.objects.get().failures == 1


class TestMute:
    @pytest.fixture
    def rule(self, runs: Runs) -> AlertRule:
        return factories.alert_rule()

    def mute(self, rule: AlertRule) -> None:
        mute_alert_rule(rule, timezone.now() + timedelta(hours=1))

    def let_end(self, rule: AlertRule) -> None:
        AlertRule.objects.filter(id=rule.id).update(muted_until=timezone.now() - timedelta(seconds=1))

    def test_a_streak_within_the_mute_is_counted_and_never_told(self, rule: AlertRule, runs: Runs) -> None:
        self.mute(rule)
        runs.fail(5)
        assert (AlertState.objects.get().failures, told(), held_back()) == (5, [], [FIRST])
        runs.complete()
        self.let_end(rule)
        runs.complete()
        assert (told(), held_back()) == ([], [FIRST])

    def test_what_still_fails_after_it_is_told_with_all_of_its_failures(self, rule: AlertRule, runs: Runs) -> None:
        self.mute(rule)
        runs.fail(5)
        self.let_end(rule)
        runs.fail(3)
        assert told() == [FIRST]
        assert "has failed 6 times in a row" in AlertMessage.objects.get(is_muted=False).content["text"]
        runs.complete()
        assert told() == [FIRST, RECOVERY]

    def test_a_recovery_within_the_mute_is_told_after_it(self, rule: AlertRule, runs: Runs) -> None:
        runs.fail()
        self.mute(rule)
        runs.complete(2)
        assert (told(), held_back()) == ([FIRST], [RECOVERY])
        self.let_end(rule)
        runs.complete(2)
        assert told() == [FIRST, RECOVERY]

    def test_who_knows_of_a_failure_is_not_told_of_it_again_after_it(self, rule: AlertRule, runs: Runs) -> None:
        runs.fail()
        self.mute(rule)
        runs.complete()
        self.let_end(rule)
        runs.fail()
        assert told() == [FIRST]

    def test_ending_it_by_hand_is_its_end(self, rule: AlertRule, runs: Runs) -> None:
        self.mute(rule)
        runs.fail()
        mute_alert_rule(rule, None)
        runs.fail()
        assert told() == [FIRST]

    def test_what_a_mute_holds_back_is_never_due(self, rule: AlertRule, runs: Runs) -> None:
        self.mute(rule)
        runs.fail()
        message = AlertMessage.objects.get()
        assert (message.status, message.next_attempt_at) == (MessageStatus.CANCELLED, None)


@pytest.mark.django_db(transaction=True)
def test_runs_that_end_together_are_one_change(job: SyncJob, account: IntegratedAccount) -> None:
    factories.alert_rule()
    runs = Runs(job, account)
    begun = [runs.begun(args={"n": number}) for number in range(4)]
    together = threading.Barrier(len(begun))

    def end(run: SyncJobRun) -> None:
        taken = claim(run.id, "d1")
        together.wait(20)
        assert taken is not None
        assert taken.finish(RunStatus.FAILED, "Over.", WHY)
        connection.close()

    threads = [threading.Thread(target=end, args=[run]) for run in begun]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert SyncJobRun.objects.filter(status=RunStatus.FAILED).count() == len(begun)
    assert told() == [FIRST]
    assert AlertState.objects.get().last_run_id == max(run.id for run in begun)
