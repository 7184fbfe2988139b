"""Every operation has its line in the audit list, or a reason why it has none."""

from __future__ import annotations

import inspect
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from shutil import copy
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import IntegrityError
from django.utils import timezone

from runs import services
from runs.acting import Actor, acting
from runs.catalog import catalog
from runs.errors import InvalidInput, NotConnected, RemoteError
from runs.models import (
    AlertRule,
    AuditEntry,
    BulkAction,
    Delivery,
    DeliveryStatus,
    ErrorGroup,
    IntegratedAccount,
    Role,
    RunStatus,
    RunTrigger,
    SavedView,
    SyncJobRun,
    User,
)
from runs.services import (
    AuthorizationAnswer,
    Origin,
    RunRequest,
    acknowledge_failure,
    acknowledge_failures,
    arm_trigger,
    begin_authorization,
    cancel_bulk,
    change_person,
    change_view,
    check_connection,
    create_account,
    create_environment,
    create_person,
    create_run,
    delete_account,
    delete_alert_rule,
    delete_integration,
    delete_job,
    delete_mapping,
    delete_trigger,
    delete_view,
    delete_webhook,
    disarm_trigger,
    dry_run,
    end_sessions,
    finish_authorization,
    fire_due,
    force_stop,
    give_credentials,
    issue_token,
    load_entry,
    move_view_left,
    mute_alert_rule,
    note_cause,
    open_with,
    password_link,
    rename_environment,
    rename_view,
    reopen_failure,
    request_stop,
    rerun,
    resend,
    revoke_token,
    run_now,
    save_account,
    save_alert_rule,
    save_integration,
    save_job,
    save_mapping,
    save_preferences,
    save_trigger,
    save_view,
    save_webhook,
    send_test,
    send_test_alert,
    set_access,
    set_password,
    start_bulk,
)
from runs.services.audit import CHANGED, changes_between
from tests import factories
from tests.acceptance.deck import Prepared
from tests.authorization_server import Provider
from tests.dashboard.states import ended, running
from tests.runs.services.test_bulk import order

pytestmark = pytest.mark.django_db

OLGA = Actor("olga", "203.0.113.7")
SECRET = "s3cr3t-value"

# What every public function of `runs.services` that is no operation of a person does instead.
NOT_AUDITED = {
    "advice": "words alone",
    "apply_definitions": "each object that it makes or changes has the line of its own operation (`test_apply`)",
    "args_fields": "reads",
    "begin_authorization": "nothing is connected before the person is back, of which `finish_authorization` tells",
    "consent": "reads",
    "consent_of": "reads",
    "carry_out": "a daemon goes on with what a person's line tells of; each run's own operation has its line",
    "catalog_entry": "reads",
    "changes_between": "reads",
    "credential_fields": "reads",
    "exported": "reads",
    "expression_failures": "reads",
    "job_failures": "reads",
    "job_labelled": "reads",
    "job_plan": "reads",
    "key_tally": "reads",
    "look_at": "what it does is rolled back",
    "may_manage": "reads",
    "offered": "reads",
    "people_of": "reads",
    "plan_of": "reads",
    "mode_failures": "reads",
    "rerun_plan": "reads",
    "rerun_window": "reads",
    "run_set": "reads",
    "shelf": "reads",
    "note": "writes the line itself",
    "disarm": "a part of deletions and of firing, whose own lines or skips tell of it",
    "finish_deletions": "Syncdeck goes on with what a person's line tells of",
    "prune": "its line is of the whole installation, so it names no target (`test_retention`)",
    "prune_daily": "prunes, which has its line",
    "rotate_keys": "its line is of the whole installation, so it names no target (`test_rotation`)",
    "fire_due": "the scheduler's: each run names its schedule and slot",
    "pass_through": "fetches a page and stores nothing",
}


def account() -> IntegratedAccount:
    return factories.account(integration=factories.integration(name="fresh"))


def ended_run() -> SyncJobRun:
    return ended(factories.run(), RunStatus.FAILED)


def delivery() -> Delivery:
    hook = factories.webhook()
    return Delivery.objects.create(webhook=hook, event="test", body=b"{}", status=DeliveryStatus.FAILED)


def acknowledged() -> SyncJobRun:
    run = ended_run()
    acknowledge_failure(run, actor="otto")
    return SyncJobRun.objects.get(pk=run.pk)


def error_group() -> ErrorGroup:
    return ErrorGroup.objects.create(environment=factories.environment(), fingerprint="f" * 32, code="odd", title="Odd")


def send_alert_in_vain(rule: AlertRule) -> None:
    with pytest.raises(RemoteError):
        send_test_alert(rule)


def send_test_in_vain(hook: Any) -> None:
    with pytest.raises(RemoteError):
        send_test(hook)


def state_of_a_request() -> str:
    """Of an account to whose provider the boss was sent."""
    provider = Provider("http://127.0.0.1:9")
    row = factories.account(integration=factories.integration(name="cloud", config=provider.config()))
    url = begin_authorization(row, boss(), "session", "http://127.0.0.1:8000/accounts/connected/")
    return parse_qs(urlsplit(url).query)["state"][0]


def come_back_denied(state: str) -> None:
    """The line of an account that was connected is in `test_authorizing`."""
    with pytest.raises(NotConnected):
        finish_authorization(AuthorizationAnswer(state, "", "access_denied", SECRET, ""), boss(), "session")


def boss() -> User:
    return User.objects.filter(username="boss").first() or factories.user("boss", is_superuser=True)


def otto() -> User:
    return factories.user("otto")


def view(name: str = "Mine") -> SavedView:
    return save_view(boss(), name, "status=failed")


def second_view() -> SavedView:
    view("First")
    return view("Second")


def overdue_stop() -> SyncJobRun:
    """A daemon that holds its run long after it was asked to stop."""
    long_ago = timezone.now() - timedelta(minutes=5)
    return running(factories.run(), stop_requested_at=long_ago, stop_requested_by="olga")


def bulk_stop() -> BulkAction:
    factories.run()
    return start_bulk(order(actor="olga"), SyncJobRun.objects.all())


def by_hand(run: SyncJobRun) -> SyncJobRun:
    return create_run(
        RunRequest(run.sync_job, run.integrated_account, force=True), Origin(RunTrigger.DASHBOARD, "olga")
    )


# Per operation: what it is done to, how, and the lines that it writes, the first one first.
AUDITED: dict[str, list[tuple[Callable[[], Any], Callable[[Any], Any], list[str]]]] = {
    "save_integration": [
        (
            factories.environment,
            lambda env: save_integration(env, {"name": "x", "config": factories.integration_config()}),
            ["integration.create"],
        ),
        (
            factories.integration,
            lambda row: save_integration(row.environment, {"label": "New"}, row),
            ["integration.change"],
        ),
    ],
    "save_account": [
        (
            factories.integration,
            lambda row: save_account(row.environment, {"integration": row, "context": {"token": SECRET}}),
            ["account.create"],
        ),
        (account, lambda row: save_account(row.environment, {"tenant_id": "new"}, row), ["account.change"]),
        (
            account,
            lambda row: save_account(row.environment, {"context": {"token": SECRET}}, row),
            ["account.credentials"],
        ),
    ],
    "give_credentials": [(account, lambda row: give_credentials(row, {"token": SECRET}), ["account.credentials"])],
    "create_account": [
        (factories.integration, lambda row: create_account(row, "acme", {"token": SECRET}), ["account.create"])
    ],
    "finish_authorization": [(state_of_a_request, come_back_denied, ["account.connect_refused"])],
    "check_connection": [(account, check_connection, ["account.test"])],
    "dry_run": [
        (account, lambda row: dry_run(RunRequest(factories.job(integration=row.integration), row)), ["job.dry_run"]),
    ],
    "save_job": [
        (
            factories.integration,
            lambda row: save_job(
                row.environment, {"integration": row, "resources": [{"resource": "cities", "method": "list"}]}
            ),
            ["job.create"],
        ),
        (factories.job, lambda row: save_job(row.environment, {"label": "New"}, row), ["job.change"]),
    ],
    "save_mapping": [
        (
            factories.integration,
            lambda row: save_mapping(
                row.environment,
                {
                    "integration": row,
                    "model": "geo",
                    "resource": "towns",
                    "method": "list",
                    "config": {"resource": "cities", "response_mapping": "{'id': response.id}"},
                },
            ),
            ["mapping.create"],
        ),
        (
            factories.mapping,
            lambda row: save_mapping(row.environment, {"override": {"response_mapping": "{'id': response.iso}"}}, row),
            ["mapping.change"],
        ),
    ],
    "save_webhook": [
        (
            factories.environment,
            lambda env: save_webhook(env, {"target_url": "http://127.0.0.1:9/x"}),
            ["webhook.create"],
        ),
        (
            factories.webhook,
            lambda row: save_webhook(row.environment, {"target_url": "http://127.0.0.1:9/new"}, row),
            ["webhook.change"],
        ),
        (
            factories.webhook,
            lambda row: save_webhook(row.environment, {"is_active": False}, row),
            ["webhook.deactivate"],
        ),
        (
            lambda: factories.webhook(is_active=False),
            lambda row: save_webhook(row.environment, {"is_active": True}, row),
            ["webhook.activate"],
        ),
    ],
    "save_trigger": [
        (account, lambda row: factories.trigger(account=row), ["schedule.create"]),
        (
            factories.trigger,
            lambda row: save_trigger(row.environment, {"cron_expression": "0 7 * * *"}, row),
            ["schedule.change"],
        ),
    ],
    "arm_trigger": [(lambda: factories.trigger(is_active=False), arm_trigger, ["schedule.arm"])],
    "disarm_trigger": [(factories.trigger, disarm_trigger, ["schedule.disarm"])],
    "run_now": [(factories.trigger, lambda row: run_now(row, actor="olga"), ["run.create"])],
    "delete_account": [(account, lambda row: delete_account(row, actor="olga"), ["account.delete"])],
    "delete_integration": [(factories.integration, delete_integration, ["integration.delete"])],
    "delete_job": [(factories.job, delete_job, ["job.delete"])],
    "delete_mapping": [(factories.mapping, delete_mapping, ["mapping.delete"])],
    "delete_trigger": [(factories.trigger, delete_trigger, ["schedule.delete"])],
    "delete_webhook": [(factories.webhook, delete_webhook, ["webhook.delete"])],
    "issue_token": [(factories.environment, lambda env: issue_token(env, name="ci", actor="olga"), ["token.issue"])],
    "revoke_token": [(lambda: issue_token(factories.environment())[0], revoke_token, ["token.revoke"])],
    "create_run": [(factories.run, by_hand, ["run.create"])],
    "rerun": [(ended_run, lambda run: rerun(run, actor="olga"), ["run.rerun"])],
    "request_stop": [(factories.run, lambda run: request_stop(run, actor="olga"), ["run.stop"])],
    "force_stop": [(overdue_stop, lambda run: force_stop(run, actor="olga"), ["run.force_stop"])],
    "start_bulk": [(factories.run, lambda _: start_bulk(order(actor="olga"), SyncJobRun.objects.all()), ["bulk.stop"])],
    "cancel_bulk": [(bulk_stop, lambda action: cancel_bulk(action, actor="olga"), ["bulk.cancel"])],
    "send_test": [(factories.webhook, send_test_in_vain, ["webhook.test"])],
    "resend": [(delivery, resend, ["webhook.resend"])],
    "acknowledge_failure": [(ended_run, lambda run: acknowledge_failure(run, actor="olga"), ["run.acknowledge"])],
    "acknowledge_failures": [(ended_run, lambda run: acknowledge_failures([run], actor="olga"), ["run.acknowledge"])],
    "reopen_failure": [(acknowledged, lambda run: reopen_failure(run, actor="olga"), ["run.reopen"])],
    "note_cause": [(error_group, lambda group: note_cause(group, "Known.", actor="olga"), ["error_group.note"])],
    "save_alert_rule": [
        (factories.environment, lambda env: factories.alert_rule(environment=env), ["alert.create"]),
        (
            factories.alert_rule,
            lambda rule: save_alert_rule(rule.environment, {"name": "Others"}, rule),
            ["alert.change"],
        ),
    ],
    "mute_alert_rule": [
        (
            factories.alert_rule,
            lambda rule: mute_alert_rule(rule, timezone.now() + timedelta(hours=1)),
            ["alert.mute"],
        )
    ],
    "send_test_alert": [(factories.alert_rule, send_alert_in_vain, ["alert.test"])],
    "delete_alert_rule": [(factories.alert_rule, delete_alert_rule, ["alert.delete"])],
    "create_environment": [(boss, lambda me: create_environment("New", member=me), ["environment.create"])],
    "rename_environment": [(factories.environment, lambda env: rename_environment(env, "New"), ["environment.rename"])],
    "create_person": [
        (boss, lambda me: create_person(me, "new", {}, role=Role.VIEWER, environments=[]), ["person.create"])
    ],
    "change_person": [
        (otto, lambda person: change_person(boss(), person, names={"first_name": "Otto"}), ["person.change"]),
        (otto, lambda person: change_person(boss(), person, role=Role.OPERATOR), ["person.role"]),
    ],
    "set_access": [(otto, lambda person: set_access(boss(), person, is_active=False), ["person.deactivate"])],
    "end_sessions": [(otto, lambda person: end_sessions(boss(), person), ["person.end_sessions"])],
    "password_link": [(otto, lambda person: password_link(boss(), person), ["person.password_link"])],
    "set_password": [(lambda: factories.user("olga"), lambda me: set_password(me, SECRET), ["person.password"])],
    "save_preferences": [
        (otto, lambda me: save_preferences(me, time_zone="Europe/Berlin", shortcuts=True), ["person.preferences"])
    ],
    "save_view": [(boss, lambda me: save_view(me, "Mine", "status=failed"), ["view.save"])],
    "rename_view": [(view, lambda row: rename_view(row, "Ours"), ["view.rename"])],
    "change_view": [(view, lambda row: change_view(row, "status=running"), ["view.change"])],
    "delete_view": [(view, delete_view, ["view.delete"])],
    "open_with": [(view, lambda row: open_with(row, default=True), ["view.default"])],
    "move_view_left": [(second_view, move_view_left, ["view.move"])],
    "load_entry": [
        (
            factories.environment,
            lambda env: load_entry(env, catalog()["circleci"]),
            ["integration.create"],
        )
    ],
}
CASES = [
    pytest.param(*case, id=f"{name}-{number}") for name, cases in AUDITED.items() for number, case in enumerate(cases)
]


def test_every_operation_is_audited_or_says_why_not() -> None:
    public = {name for name in services.__all__ if inspect.isfunction(getattr(services, name))}
    assert AUDITED.keys() | NOT_AUDITED.keys() == public
    assert not AUDITED.keys() & NOT_AUDITED.keys()


@pytest.mark.parametrize(("target", "operation", "lines"), CASES)
def test_an_operation_writes_its_line_with_who_and_from_where(
    target: Callable[[], Any], operation: Callable[[Any], Any], lines: list[str]
) -> None:
    row = target()
    before = set(AuditEntry.objects.values_list("pk", flat=True))
    with acting(OLGA):
        operation(row)
    written = list(AuditEntry.objects.exclude(pk__in=before).order_by("created_at", "id"))
    assert [line.action for line in written][: len(lines)] == lines
    assert {(line.actor, line.ip) for line in written} == {("olga", "203.0.113.7")}
    assert all(line.target_id and line.target_type for line in written)
    assert SECRET not in json.dumps([line.details for line in written])


def written_by(operation: Callable[[], Any]) -> list[str]:
    before = set(AuditEntry.objects.values_list("pk", flat=True))
    operation()
    return list(AuditEntry.objects.exclude(pk__in=before).values_list("action", flat=True))


class TestWhatChangesNothing:
    """Writes no line."""

    def test_saving_what_is_there_already(self) -> None:
        of = factories.trigger()
        job, owner, hook = of.sync_job, of.integrated_account, factories.webhook()
        env = of.environment
        assert written_by(lambda: save_job(env, {"label": job.label, "resources": job.resources}, job)) == []
        assert written_by(lambda: save_account(env, {"context": {"token": "t0k3n"}}, owner)) == []
        assert written_by(lambda: save_webhook(env, {"is_active": True}, hook)) == []
        assert written_by(lambda: save_trigger(env, {"cron_expression": of.cron_expression}, of)) == []
        assert written_by(lambda: save_integration(env, {"name": job.integration.name}, job.integration)) == []

    def test_doing_again_what_is_done(self) -> None:
        run = factories.run()
        token = issue_token(factories.environment())[0]
        trigger = factories.trigger(account=run.integrated_account, job=run.sync_job)
        for operation in (
            lambda: request_stop(run), lambda: revoke_token(token), lambda: disarm_trigger(trigger),
            lambda: delete_trigger(trigger), lambda: delete_account(run.integrated_account),
            lambda: delete_integration(run.sync_job.integration),
        ):  # fmt: skip
            assert len(written_by(operation)) == 1
        for again in (
            lambda: request_stop(run), lambda: revoke_token(token), lambda: delete_trigger(trigger),
            lambda: delete_account(run.integrated_account), lambda: delete_integration(run.sync_job.integration),
        ):  # fmt: skip
            assert written_by(again) == []

    def test_what_is_refused(self) -> None:
        job = factories.job()
        with pytest.raises(InvalidInput):
            save_job(job.environment, {"label": "New", "resources": [{"resource": "nothing", "method": "list"}]}, job)
        assert not AuditEntry.objects.filter(action="job.change").exists()


class TestRuns:
    """Only those that people start have a line: programs and schedules start a million."""

    @pytest.mark.parametrize(
        ("trigger", "lines"),
        [
            (RunTrigger.API, []),
            (RunTrigger.SCHEDULE, []),
            (RunTrigger.DASHBOARD, ["run.create"]),
            (RunTrigger.ADMIN, ["run.create"]),
            (RunTrigger.CLI, ["run.create"]),
        ],
    )
    def test_by_what_started_them(self, trigger: RunTrigger, lines: list[str]) -> None:
        of = account()
        wishes = RunRequest(factories.job(integration=of.integration), of)
        assert written_by(lambda: create_run(wishes, Origin(trigger, "olga"))) == lines

    def test_a_slot_that_fires_writes_none(self) -> None:
        trigger = factories.trigger()
        assert written_by(lambda: fire_due(trigger.next_run_at)) == []
        assert SyncJobRun.objects.count() == 1

    def test_a_run_is_called_by_what_it_runs_and_stands_on_its_accounts_timeline(self) -> None:
        run = factories.run()
        request_stop(run, actor="olga")
        line = AuditEntry.objects.get(action="run.stop")
        assert line.target_label == "acme, Countries and cities"
        assert (line.target_id, line.integrated_account_id) == (str(run.pk), run.integrated_account_id)


class TestChanges:
    @pytest.mark.parametrize(
        ("name", "old", "new", "told"),
        [
            ("label", "a", "b", ["a", "b"]),
            ("is_active", True, False, [True, False]),
            ("version", None, 2, [None, 2]),
            ("event_types", None, ["a", "b"], [None, ["a", "b"]]),
            ("config", {"a": 1}, {"a": 2}, CHANGED),
            ("resources", [{}], [{}, {}], CHANGED),
            ("label", "a", "x" * 300, CHANGED),
            ("client_secret", "a", "b", CHANGED),
            ("target_url", "https://a/?token=abcd", "https://b/", ["https://a/?token=***", "https://b/"]),
        ],
    )
    def test_are_told_with_both_values_where_those_are_short_and_harmless(
        self, name: str, old: Any, new: Any, told: Any
    ) -> None:
        assert changes_between({name: old, "same": 1}, {name: new, "same": 1}) == {name: told}

    def test_of_a_change_of_another_caller_only_ones_own_is_told(self) -> None:
        job = factories.job()
        stale = type(job).objects.get(pk=job.pk)
        save_job(job.environment, {"label": "Theirs"}, job)
        save_job(job.environment, {"default_runtime_version": 2}, stale)
        line = AuditEntry.objects.filter(action="job.change").latest("id")
        assert line.details == {"changes": {"default_runtime_version": [None, 2]}}

    def test_a_line_is_never_changed(self) -> None:
        issue_token(factories.environment())
        line = AuditEntry.objects.get()
        with pytest.raises(IntegrityError, match="neither changed nor removed"):
            line.save()

    @pytest.mark.only_on("postgresql")
    def test_a_line_is_never_removed(self) -> None:
        issue_token(factories.environment())
        with pytest.raises(IntegrityError, match="neither changed nor removed"):
            AuditEntry.objects.all().delete()


def test_a_line_is_never_removed_from_a_file_either(prepared: Prepared, tmp_path: Path) -> None:
    """Of an installation, for here what keeps it is taken away: tests that commit have to remove what they wrote."""
    kept = copy(prepared.data_dir / "syncdeck.sqlite3", tmp_path)
    with closing(sqlite3.connect(kept)) as database:
        assert database.execute("SELECT count(*) FROM runs_auditentry").fetchone()[0]
        with pytest.raises(sqlite3.IntegrityError, match="neither changed nor removed"):
            database.execute("DELETE FROM runs_auditentry")
