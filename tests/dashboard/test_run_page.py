"""The page of one run: the sentence on top, the entries, the facts, timeline and errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags
from pytest_django import DjangoAssertNumQueries

from dashboard.templatetags.syncdeck import UNKNOWN
from runs.models import RecordError, RunEvent, RunHabit, RunStatus, RunStep, StepStatus, SyncJobRun
from tests import factories
from tests.dashboard import states


def section(page: str, name: str) -> str:
    """The words of one part of the page."""
    part = page.split(f'<section id="{name}"')[1].split("</section>")[0].partition(">")[2]
    return re.sub(r"\s+", " ", strip_tags(part))


def shown(client: Client, run: SyncJobRun, name: str = "summary") -> str:
    return section(client.get(f"/runs/{run.pk}/").content.decode(), name)


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (lambda run: states.daemon(), "Waiting for a daemon of group default since 0s."),
        (lambda run: None, "Waiting for a daemon of group default, of which none is alive."),
        (lambda run: states.running(run, fetched=1, persisted=2), "Running for 0s. 1 record fetched, 2 persisted."),
        (
            lambda run: states.running(run, stop_requested_at=timezone.now(), stop_requested_by="olga", persisted=5),
            "Stopping since 0s, asked for by olga. The run ends at its next page, request or wait; "
            "5 records are stored and stay.",
        ),
        (
            lambda run: states.running(run, lease_until=timezone.now() - timedelta(minutes=6)),
            "No sign of life from d1: its lease ended 6 min ago. Another daemon takes over where it was;",
        ),
        (
            lambda run: states.ended(run, RunStatus.COMPLETED, fetched=3, persisted=3),
            "Completed in 1m 30s: 3 records fetched, 3 persisted, no errors.",
        ),
        (
            lambda run: states.ended(run, RunStatus.COMPLETED, fetched=3, persisted=2, error_count=1),
            "Completed with errors after 1m 30s: 3 records fetched, 2 persisted, 1 error on the way.",
        ),
        (
            lambda run: states.failed(run, persisted=1),
            "Failed after 1m 30s on cities: the source answered 500. 0 of 2 entries done; 1 record is stored and",
        ),
        (
            lambda run: states.ended(run, RunStatus.STOPPED, stop_requested_by="olga"),
            "Stopped by olga after 1m 30s: 0 of 2 entries done; nothing has been stored.",
        ),
        (
            lambda run: states.ended(run, RunStatus.STOPPED, stop_requested_by="olga", started_at=None),
            "Stopped by olga before it started: nothing was fetched.",
        ),
    ],
    ids=[
        "created",
        "in vain",
        "running",
        "stopping",
        "silent",
        "completed",
        "warned",
        "failed",
        "stopped",
        "unstarted",
    ],
)
def test_one_sentence_says_how_it_stands(
    viewer: Client, run: SyncJobRun, state: Callable[[SyncJobRun], object], sentence: str
) -> None:
    state(run)
    assert sentence in shown(viewer, run)


class TestEntries:
    def test_that_have_not_started_have_no_counts(self, viewer: Client, run: SyncJobRun) -> None:
        assert shown(viewer, run, "entries").count(f"Waiting {UNKNOWN} {UNKNOWN} {UNKNOWN}") == 2

    def test_tell_their_progress_once_the_requests_are_known(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run)
        run.steps.filter(index=1).update(status=StepStatus.RUNNING, position=97, request_total=252)
        page = viewer.get(f"/runs/{run.pk}/").content.decode()
        assert '<progress max="252" value="97"' in page
        assert "97 of 252 requests" in page

    def test_show_no_progress_of_a_single_request(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run)
        run.steps.update(status=StepStatus.RUNNING, request_total=1)
        assert "<progress" not in viewer.get(f"/runs/{run.pk}/").content.decode()

    def test_tell_from_which_date_they_fetched(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run)
        run.steps.update(status=StepStatus.RUNNING)
        run.steps.filter(index=0).update(previous_run_date=timezone.now() - timedelta(hours=3))
        assert "3 h ago" in shown(viewer, run, "entries")
        assert "the beginning" in shown(viewer, run, "entries")

    def test_that_an_ended_run_never_came_to_are_not_reached(self, viewer: Client, run: SyncJobRun) -> None:
        states.failed(run)
        assert "Not reached" in shown(viewer, run, "entries")

    def test_may_be_two_hundred(
        self, viewer: Client, run: SyncJobRun, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        values = {"run": run, "resource": "cities", "method": "list", "incremental_key": "k"}
        RunStep.objects.bulk_create(RunStep(index=n + 2, name=f"entry {n}", **values) for n in range(198))
        with django_assert_max_num_queries(9 + 4):  # session, user and two of permissions are not the page's
            assert "entry 197" in shown(viewer, run, "entries")


class TestFacts:
    def test_tell_all_there_is_to_know(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run)
        facts = shown(viewer, run, "facts")
        for fact in (
            "Created",
            "Started",
            "Finished",
            "Updated",
            "a test · API",
            "record store",
            "default",
            "d1",
            "ignore",
        ):
            assert fact in facts

    def test_carry_the_whole_id_to_copy(self, viewer: Client, run: SyncJobRun) -> None:
        assert f'data-copy="{run.pk}"' in viewer.get(f"/runs/{run.pk}/").content.decode()

    def test_show_the_arguments(self, viewer: Client, environment: object) -> None:
        run = factories.run(args={"brand": "acme & sons"})
        assert "&quot;brand&quot;: &quot;acme &amp; sons&quot;" in viewer.get(f"/runs/{run.pk}/").content.decode()

    def test_never_show_credentials(self, viewer: Client, run: SyncJobRun) -> None:
        assert "t0k3n" not in viewer.get(f"/runs/{run.pk}/").content.decode()


class TestBars:
    def test_compare_with_other_runs_of_the_account_and_job(self, viewer: Client, run: SyncJobRun) -> None:
        states.ended(run, RunStatus.COMPLETED)
        again = states.failed(factories.run(job=run.sync_job, account=run.integrated_account))
        page = viewer.get(f"/runs/{again.pk}/").content.decode()
        assert "usual is <b>1m 30s</b>" in page
        assert '<rect class="bar failed"' in page
        assert f'<a href="/runs/{run.pk}/" tabindex="-1"><title>Completed, 1m 30s</title>' in page

    def test_are_not_drawn_for_a_first_run(self, viewer: Client, run: SyncJobRun) -> None:
        assert "<figure" not in viewer.get(f"/runs/{run.pk}/").content.decode()


class TestTimeline:
    def test_starts_with_the_latest(self, viewer: Client, run: SyncJobRun) -> None:
        states.tell(run, "Earlier.")
        states.tell(run, "Later.")
        events = shown(viewer, run, "events")
        assert events.index("Later.") < events.index("Earlier.")

    def test_goes_on_on_its_own_pages(self, viewer: Client, run: SyncJobRun) -> None:
        RunEvent.objects.bulk_create(RunEvent(run=run, kind="started", message=f"No. {n}.") for n in range(60))
        page = viewer.get(f"/runs/{run.pk}/").content.decode()
        assert page.count('class="event ') == 50
        older = viewer.get(re.search(r'id="older-events" href="([^"]+)"', page)[1]).content.decode()
        assert older.count('class="event ') == 11

    def test_begins_again_for_a_cursor_that_is_not_ours(self, viewer: Client, run: SyncJobRun) -> None:
        assert "Created by a test" in viewer.get(f"/runs/{run.pk}/events/?cursor=odd").content.decode()


class TestErrors:
    def errors(self, run: SyncJobRun, count: int) -> None:
        RecordError.objects.bulk_create(
            RecordError(
                run=run, step=run.steps.first(), resource="cities", method="list", code="http_error",
                message=f"No. {number}.", excerpt="<b>bold</b>", url="https://api.example.org/cities",
            )
            for number in range(count)
        )  # fmt: skip

    def test_are_hidden_as_long_as_there_are_none(self, viewer: Client, run: SyncJobRun) -> None:
        assert '<section id="errors" hidden>' in viewer.get(f"/runs/{run.pk}/").content.decode()

    def test_show_what_the_source_said_as_text(self, viewer: Client, run: SyncJobRun) -> None:
        self.errors(run, 1)
        page = viewer.get(f"/runs/{run.pk}/").content.decode()
        assert "&lt;b&gt;bold&lt;/b&gt;" in page
        assert "<b>bold</b>" not in page

    def test_are_the_last_fifty_with_a_way_to_the_others(self, viewer: Client, run: SyncJobRun) -> None:
        self.errors(run, 60)
        page = viewer.get(f"/runs/{run.pk}/").content.decode()
        assert page.count('class="error"') == 50
        older = viewer.get(re.search(r'id="older-errors" href="([^"]+)"', page)[1]).content.decode()
        assert older.count('class="error"') == 10


def test_a_parked_run_says_until_when_it_waits(viewer: Client, run: SyncJobRun) -> None:
    until = timezone.now().replace(hour=15, minute=4, second=5, microsecond=0) + timedelta(days=1)
    states.running(run, lease_token=None, lease_until=None, rate_limited_until=until, resume_at=until)

    assert "the source asks to wait until" in shown(viewer, run)
    for part in (shown(viewer, run), shown(viewer, run, "facts")):
        assert "15:04:05" in part
    listed = viewer.get("/runs/").content.decode()
    assert "the source asks to wait until" in listed
    assert "15:04:05" in listed


class TestRunToAWebhook:
    """Nothing of it is stored here, and no sentence says so."""

    @pytest.fixture
    def run(self, environment: object) -> SyncJobRun:
        return factories.run(webhook_id=factories.webhook().pk)

    @pytest.mark.parametrize(
        ("persisted", "words"), [(0, "the webhook has taken no record."), (7, "the webhook has taken 7 records.")]
    )
    def test_says_what_the_webhook_has_taken(
        self, operator: Client, run: SyncJobRun, run_url: str, persisted: int, words: str
    ) -> None:
        states.failed(run, persisted=persisted)
        page = operator.get(run_url).content.decode()
        assert words in page
        assert "stored" not in page

    def test_asks_before_it_is_stopped_or_run_again_in_the_same_words(
        self, operator: Client, run: SyncJobRun, run_url: str
    ) -> None:
        states.running(run, persisted=7)
        assert (
            "What the webhook has taken, 7 records, stays with it." in operator.get(run_url + "stop/").content.decode()
        )
        states.failed(run)
        question = operator.get(run_url + "rerun/").content.decode()
        assert "What it fetches is sent to the webhook" in question
        assert "Stored records" not in question


class TestUsual:
    """What runs like it take: told of a run at work, once five of them have completed."""

    @pytest.fixture
    def habit(self, run: SyncJobRun) -> RunHabit:
        return RunHabit.objects.create(
            sync_job=run.sync_job, integrated_account=run.integrated_account, mode=run.mode, sample_count=5,
            median_seconds=300, p10_seconds=240, p90_seconds=360, p95_seconds=480,
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("minutes", "words"),
        [(2, "Usually 4–6 min, about 3 min left."), (5, "Usually 4–6 min."), (9, "Longer than usual")],  # noqa: RUF001
    )
    def test_is_told_and_never_below_zero(
        self, viewer: Client, run: SyncJobRun, run_url: str, habit: RunHabit, minutes: int, words: str
    ) -> None:
        states.running(run, started_at=timezone.now() - timedelta(minutes=minutes))
        assert words in viewer.get(run_url).content.decode()

    def test_is_not_told_of_too_few_or_of_an_ended_run(
        self, viewer: Client, run: SyncJobRun, run_url: str, habit: RunHabit
    ) -> None:
        states.running(run)
        RunHabit.objects.update(sample_count=4)
        assert "Usually" not in viewer.get(run_url).content.decode()
        RunHabit.objects.update(sample_count=5)
        states.ended(run, RunStatus.COMPLETED)
        assert "Usually" not in viewer.get(run_url).content.decode()
