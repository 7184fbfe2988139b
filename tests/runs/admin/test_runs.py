"""Runs in the admin: to be read, stopped and run again."""

from __future__ import annotations

import pytest
from django.test import Client

from runs.models import (
    RunStatus,
    SyncJobRun,
)
from tests import factories
from tests.runs import rows
from tests.runs.admin.browsing import act, end, page, staff, told

pytestmark = pytest.mark.django_db


class TestRuns:
    def test_a_run_is_shown_with_its_entries_and_nothing_to_edit(self, office: Client, run: SyncJobRun) -> None:
        response = office.get(page("syncjobrun_change", run.id))
        text = response.content.decode()
        assert "countries" in text
        assert f"run__id__exact={run.id}" in text
        assert 'name="_save"' not in text

    def test_the_links_to_its_events_and_errors_open(self, office: Client, run: SyncJobRun) -> None:
        for name in ("runevent", "recorderror"):
            assert office.get(page(f"{name}_changelist") + f"?run__id__exact={run.id}").status_code == 200

    def test_a_post_changes_nothing(self, office: Client, run: SyncJobRun) -> None:
        assert office.post(page("syncjobrun_change", run.id), {"status": "completed"}).status_code == 403
        assert office.post(page("syncjobrun_delete", run.id), {"post": "yes"}).status_code == 403
        run.refresh_from_db()
        assert run.status == RunStatus.CREATED

    def test_it_is_found_by_the_start_of_its_id(self, office: Client, run: SyncJobRun) -> None:
        assert str(run.id) in office.get(page("syncjobrun_changelist") + f"?q={str(run.id)[:18]}").content.decode()

    def test_what_has_no_index_is_looked_for_among_the_newest(
        self, office: Client, run: SyncJobRun, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("runs.admin.runs.REACH", 3)
        of = {"integrated_account": run.integrated_account, "sync_job": run.sync_job}
        oldest, *_, latest = sorted([run, *rows.runs(5, **of)], key=lambda one: one.created_at)
        name = run.integrated_account.tenant_id
        for query in (
            f"?q={name}",
            f"?trigger__exact={latest.trigger}",
            f"?error_handling__exact={run.error_handling}",
        ):
            text = office.get(page("syncjobrun_changelist") + query).content.decode()
            assert str(latest.id) in text
            assert str(oldest.id) not in text
        assert str(oldest.id) in office.get(page("syncjobrun_changelist") + f"?q={oldest.id}").content.decode()

    def test_stop_tells_of_each_run_what_became_of_it(self, office: Client, run: SyncJobRun) -> None:
        [ended] = rows.runs(1, integrated_account=run.integrated_account, sync_job=run.sync_job)
        messages = told(act(office, "stop_runs", run, ended))
        assert sorted(messages) == sorted(
            [f"Run {run.id} is stopped.", f"Run {ended.id} is completed: stop is not possible."]
        )
        run.refresh_from_db()
        assert (run.status, run.stop_requested_by) == (RunStatus.STOPPED, "admin")

    @pytest.mark.parametrize(("action", "ignores"), [("rerun_runs", False), ("rerun_runs_from_the_beginning", True)])
    def test_rerun_makes_a_run_that_names_who_and_which(
        self, office: Client, run: SyncJobRun, action: str, ignores: bool
    ) -> None:
        end(run)
        [message] = told(act(office, action, run))
        new = SyncJobRun.objects.get(rerun_of=run)
        assert str(new.id) in message
        assert (new.created_by, new.trigger, new.ignore_previous_run) == ("admin", "admin", ignores)

    def test_a_selection_of_what_is_no_id_is_told(self, office: Client, run: SyncJobRun) -> None:
        data = {"action": "stop_runs", "_selected_action": ["nothing"]}
        [message] = told(office.post(page("syncjobrun_changelist"), data, follow=True))
        assert message.startswith("Nothing was done.")
        run.refresh_from_db()
        assert run.status == RunStatus.CREATED

    def test_rerun_of_a_live_run_is_refused(self, office: Client, run: SyncJobRun) -> None:
        assert told(act(office, "rerun_runs", run)) == [f"Run {run.id} is created: rerun is not possible."]
        assert SyncJobRun.objects.count() == 1

    def test_rerun_is_refused_while_another_like_it_is_live(self, office: Client, run: SyncJobRun) -> None:
        end(run)
        act(office, "rerun_runs", run)
        [message] = told(act(office, "rerun_runs", run))
        assert "still live" in message
        assert SyncJobRun.objects.count() == 2

    def test_too_many_at_once_are_refused(self, office: Client) -> None:
        many = rows.runs(101)
        data = {
            "action": "rerun_runs",
            "_selected_action": [str(run.id) for run in many[:50]],
            "select_across": "1",
        }
        response = office.post(page("syncjobrun_changelist"), data, follow=True)
        assert "at most 100" in told(response)[0]
        assert SyncJobRun.objects.count() == 101

    def test_who_may_only_look_sees_no_actions(self, run: SyncJobRun) -> None:
        onlooker = staff("view_syncjobrun", environments=(run.environment,))
        assert "stop_runs" not in onlooker.get(page("syncjobrun_changelist")).content.decode()
        act(onlooker, "stop_runs", run)
        run.refresh_from_db()
        assert run.stop_requested_at is None

    def test_an_operator_of_another_environment_cannot_reach_the_run(self, run: SyncJobRun) -> None:
        operator = staff("view_syncjobrun", "operate_runs", environments=(factories.environment("Elsewhere"),))
        act(operator, "stop_runs", run)
        run.refresh_from_db()
        assert run.stop_requested_at is None
        assert operator.get(page("syncjobrun_change", run.id)).status_code == 302
