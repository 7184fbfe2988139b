"""`/metrics`: who may read it, and that the numbers are those of the database."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from dashboard import metrics
from dashboard.metrics import MOST_LABELS, OTHERS, Tally
from runs.models import CronTrigger, RunStatus, RunStep, SyncJobRun
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import logged_in
from tests.processes import PROJECT

pytestmark = pytest.mark.django_db
NAME = re.compile(r"\bsyncdeck_\w+")
BEARER = {"Authorization": "Bearer s3cret"}


@pytest.fixture(autouse=True)
def read_anew(settings: Any) -> Iterator[None]:
    settings.METRICS_TOKEN = "s3cret"
    cache.clear()
    yield
    cache.clear()


def numbers(client: Client) -> dict[tuple[str, ...], float]:
    """The value of each sample, by its name and the values of its labels."""
    text = client.get("/metrics", headers=BEARER).content.decode()
    families = text_string_to_metric_families(text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


class TestReader:
    def test_with_the_token_is_let_in(self, client: Client) -> None:
        answer = client.get("/metrics", headers=BEARER)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")

    @pytest.mark.parametrize("header", ["Bearer wrong", "Bearer ", "Bearer", "Basic s3cret", "Bearer s3crét"])
    def test_with_another_is_not(self, client: Client, header: str) -> None:
        answer = client.get("/metrics", headers={"Authorization": header})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")

    @pytest.mark.parametrize("header", ["Bearer ", "Bearer s3cret"])
    def test_needs_a_token_that_is_set(self, client: Client, settings: Any, header: str) -> None:
        settings.METRICS_TOKEN = ""
        assert client.get("/metrics", headers={"Authorization": header}).status_code == 401

    def test_who_is_unknown_is_refused(self, client: Client) -> None:
        assert client.get("/metrics").status_code == 401

    def test_sees_all_environments_and_is_therefore_a_superuser(self, viewer: Client, superuser: Any) -> None:
        assert viewer.get("/metrics").status_code == 403
        assert logged_in(superuser).get("/metrics").status_code == 200


def test_live_runs_daemons_and_slots_are_what_is_now(client: Client, run: SyncJobRun) -> None:
    now = timezone.now()
    states.change(run, created_at=now - timedelta(minutes=2))
    other = factories.run(account=factories.account(tenant_id="b", integration=run.sync_job.integration))
    states.running(other, lease_until=now - timedelta(minutes=5))
    states.daemon("default,eu")
    trigger = factories.trigger(account=run.integrated_account, job=run.sync_job)
    CronTrigger.objects.filter(pk=trigger.pk).update(next_run_at=now - timedelta(hours=1))

    found = numbers(client)

    assert found["syncdeck_runs", "created"] == found["syncdeck_runs", "running"] == 1
    assert found["syncdeck_stale_runs",] == found["syncdeck_overdue_slots",] == 1
    assert found["syncdeck_waiting_runs", "default"] == 1
    assert 120 <= found["syncdeck_oldest_created_run_age_seconds", "default"] < 180
    assert found["syncdeck_daemons", "eu"] == found["syncdeck_daemons", "default"] == 1


def test_no_number_names_an_account(client: Client, run: SyncJobRun) -> None:
    assert "acme" not in client.get("/metrics", headers=BEARER).content.decode()


def test_the_dashboard_for_grafana_asks_for_nothing_else(client: Client, run: SyncJobRun) -> None:
    """By name, with the suffixes that Prometheus gives the samples of a kind."""
    told = client.get("/metrics", headers=BEARER).content.decode()
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    kinds = re.findall(r"^# TYPE (\w+?)(?:_total)? (\w+)$", told, re.MULTILINE)
    known = {name + suffix for name, kind in kinds for suffix in suffixes[kind]}
    panels = json.loads((PROJECT / "runs/ops/grafana-dashboard.json").read_text())["panels"]
    asked = {name for panel in panels for target in panel["targets"] for name in NAME.findall(target["expr"])}
    assert len(asked) > 8
    assert asked <= known


def test_one_look_serves_all_who_ask_within_ten_seconds(client: Client, django_assert_num_queries: Any) -> None:
    client.get("/metrics", headers=BEARER)
    with django_assert_num_queries(0):
        client.get("/metrics", headers=BEARER)


class TestTally:
    """Ended runs are counted once each."""

    @pytest.fixture
    def tally(self) -> Tally:
        return Tally(timezone.now() - timedelta(minutes=10))

    def ended(self, run: SyncJobRun, status: RunStatus, minutes_ago: float, took: int) -> None:
        at = timezone.now() - timedelta(minutes=minutes_ago)
        states.ended(run, status, finished_at=at, started_at=at - timedelta(seconds=took))

    def another(self, run: SyncJobRun) -> SyncJobRun:
        return factories.run(account=run.integrated_account, job=run.sync_job, force=True)

    def test_counts_by_status_and_duration(self, run: SyncJobRun, tally: Tally) -> None:
        others = [self.another(run), self.another(run)]
        self.ended(run, RunStatus.COMPLETED, 5, 10)
        self.ended(others[0], RunStatus.FAILED, 4, 61)
        states.ended(others[1], RunStatus.STOPPED, finished_at=timezone.now() - timedelta(minutes=1), started_at=None)

        tally.look(timezone.now())

        assert tally.ended == {"completed": 1, "failed": 1, "stopped": 1}
        assert (sum(tally.in_bucket), tally.seconds) == (2, 71)
        assert tally.in_bucket[1] == tally.in_bucket[4] == 1

    def test_counts_no_run_twice_and_none_of_before(self, run: SyncJobRun, tally: Tally) -> None:
        before, later = self.another(run), self.another(run)
        self.ended(before, RunStatus.COMPLETED, 11, 1)
        self.ended(run, RunStatus.COMPLETED, 5, 1)
        tally.look(timezone.now())
        tally.look(timezone.now())
        assert tally.ended["completed"] == 1
        self.ended(later, RunStatus.COMPLETED, 1, 1)
        tally.look(timezone.now())
        assert tally.ended["completed"] == 2

    def test_goes_on_behind_what_one_look_could_take(
        self, run: SyncJobRun, tally: Tally, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(metrics, "MOST_ENDED", 1)
        at = timezone.now() - timedelta(minutes=1)
        for one in (run, self.another(run), self.another(run)):
            states.ended(one, RunStatus.COMPLETED, finished_at=at)  # in one and the same moment
        for expected in (1, 2, 3, 3):
            tally.look(timezone.now())
            assert tally.ended["completed"] == expected

    def test_leaves_an_end_that_others_may_still_be_writing_to_the_next_look(
        self, run: SyncJobRun, tally: Tally
    ) -> None:
        states.ended(run, RunStatus.COMPLETED)
        tally.look(timezone.now())
        assert not tally.ended
        tally.look(timezone.now() + timedelta(seconds=10))
        assert tally.ended["completed"] == 1

    def test_counts_records_by_resource_of_which_there_are_not_too_many(self, run: SyncJobRun, tally: Tally) -> None:
        run.steps.filter(index=0).update(fetched=5, persisted=4)
        more = [
            RunStep(
                run=run, index=10 + n, name=f"r{n}", resource=f"r{n}", method="list", fetched=1, incremental_key="k"
            )
            for n in range(MOST_LABELS + 10)
        ]
        RunStep.objects.bulk_create(more)
        self.ended(run, RunStatus.COMPLETED, 1, 1)

        tally.look(timezone.now())

        assert (tally.fetched["countries"], tally.persisted["countries"]) == (5, 4)
        assert len(tally.fetched) == MOST_LABELS + 1
        assert tally.fetched[OTHERS] > 0
