"""What the admin lists, for whom, and at what cost."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client

from runs.admin.common import BoundedPaginator
from runs.models import (
    Environment,
    SyncJobRun,
    User,
)
from tests import factories
from tests.runs import rows
from tests.runs.admin.browsing import page, staff

pytestmark = pytest.mark.django_db

OURS = [model for model in admin.site._registry if model._meta.app_label == "runs"]


class TestEveryModel:
    def test_every_model_is_there(self) -> None:
        assert set(OURS) == set(apps.get_app_config("runs").get_models())

    @pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
    def test_its_list_opens_and_can_be_searched(self, office: Client, run: SyncJobRun, model: Any) -> None:
        path = page(f"{model._meta.model_name}_changelist")
        assert office.get(path).status_code == 200
        assert office.get(f"{path}?q=a-b%27c").status_code == 200

    @pytest.mark.parametrize(
        "name",
        [
            "syncjobrun",
            "record",
            "runevent",
            "recorderror",
            "runstep",
            "delivery",
            "daemon",
            "errorgroup",
            "errorsighting",
        ],
    )
    def test_what_the_system_writes_cannot_be_written_by_hand(self, office: Client, name: str) -> None:
        assert office.get(page(f"{name}_add")).status_code == 403

    def test_no_list_counts_without_a_bound(
        self, office: Client, run: SyncJobRun, django_assert_max_num_queries: Any
    ) -> None:
        with django_assert_max_num_queries(30) as queries:
            office.get(page("syncjobrun_changelist"))
            office.get(page("record_changelist"))
        counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
        assert counts
        assert all("LIMIT 5001" in sql for sql in counts)

    def test_a_count_that_was_broken_off_says_so(self) -> None:
        class Short(BoundedPaginator):
            at_most = 3

        rows.runs(5)
        assert str(Short(SyncJobRun.objects.all(), 2).count) == "3+"

    def test_a_list_of_runs_takes_the_same_queries_whatever_its_length(
        self, office: Client, django_assert_max_num_queries: Any
    ) -> None:
        rows.runs(40)
        with django_assert_max_num_queries(10):
            assert office.get(page("syncjobrun_changelist")).status_code == 200


class TestEnvironments:
    def test_one_is_made_and_kept(self, office: Client) -> None:
        office.post(page("environment_add"), {"name": "Production"})
        made = Environment.objects.get(name="Production")
        assert office.post(page("environment_delete", made.pk), {"post": "yes"}).status_code == 403

    @pytest.mark.parametrize(
        "name", ["integration", "integratedaccount", "syncjob", "syncjobrun", "record", "runevent", "runstep"]
    )
    def test_a_member_sees_the_rows_of_their_environments_only(self, run: SyncJobRun, name: str) -> None:
        rows.record(run)
        browser = staff(f"view_{name}", environments=(factories.environment("Elsewhere"),))
        path = page(f"{name}_changelist")
        assert browser.get(path).context["cl"].result_count == 0
        assert run.environment.name not in browser.get(path).content.decode()
        User.objects.get(username="staff").environments.add(run.environment)
        assert browser.get(path).context["cl"].result_count > 0
