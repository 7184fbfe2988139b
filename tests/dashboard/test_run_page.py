"""The page of one run: the sentence on top, why it failed, its facts, attempts and deliveries."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import Delivery, RecordError, RunEvent, RunHabit, RunStatus, StepStatus, SyncJobRun
from runs.services import rerun
from tests import factories
from tests.dashboard import states
from tests.dashboard.reading import section, shown


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
            "Failed after 1m 30s on cities: the source answered 500. 0 of 2 resources done; 1 record is stored and",
        ),
        (
            lambda run: states.ended(run, RunStatus.STOPPED, stop_requested_by="olga"),
            "Stopped by olga after 1m 30s: 0 of 2 resources done; nothing has been stored.",
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
    words = re.sub(r"(since|for) [1-9]s", r"\1 0s", shown(viewer, run))  # a slow machine
    assert sentence in words


class TestFacts:
    def test_tell_all_there_is_to_know(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run)
        facts = shown(viewer, run, "facts")
        for fact in (
            "Created",
            "Started",
            "Finished",
            "Queued",
            "a test · API",
            "record store",
            "default",
            "d1",
            "ignore",
        ):
            assert fact in facts

    def test_carry_the_whole_id_to_copy(self, viewer: Client, run: SyncJobRun) -> None:
        assert f'data-copy="{run.pk}"' in viewer.get(f"/runs/{run.pk}/").content.decode()

    def test_lead_to_the_account_and_the_job(self, viewer: Client, run: SyncJobRun) -> None:
        heading = re.search(r"<h1.*?</h1>", viewer.get(f"/runs/{run.pk}/").content.decode(), re.DOTALL)[0]
        assert f'href="/accounts/{run.integrated_account_id}/"' in heading
        assert f'href="/jobs/{run.sync_job_id}/"' in heading

    def test_show_the_arguments(self, viewer: Client, environment: object) -> None:
        run = factories.run(args={"brand": "acme & sons"})
        assert "&quot;brand&quot;: &quot;acme &amp; sons&quot;" in viewer.get(f"/runs/{run.pk}/").content.decode()

    def test_hold_though_a_daemon_takes_the_run_while_it_is_read(self, viewer: Client, run: SyncJobRun) -> None:
        """The run is read first, its resources a moment later."""
        run.steps.update(status=StepStatus.RUNNING, started_at=timezone.now())
        assert "Window–" in shown(viewer, run, "facts")  # noqa: RUF001

    def test_never_show_credentials(self, viewer: Client, run: SyncJobRun) -> None:
        assert "t0k3n" not in viewer.get(f"/runs/{run.pk}/").content.decode()


class TestFailure:
    def test_stands_on_top_with_all_that_is_known(self, viewer: Client, run: SyncJobRun) -> None:
        states.failed(run, error={**states.FAILURE, "status_code": 500})
        RecordError.objects.create(
            run=run, step=run.steps.first(), resource="cities", method="list", code="request_failed",
            message="the source answered 500.", status_code=500, url="https://api.example.org/cities?page=7",
            excerpt="<h1>Sorry</h1>",
        )  # fmt: skip
        page = viewer.get(f"/runs/{run.pk}/").content.decode()
        assert page.index("needs attention</a> until") < page.index('id="failure"') < page.index('id="entries"')
        failure = shown(viewer, run, "failure")
        for fact in ("request_failed", "cities list", "HTTP status500", "https://api.example.org/cities?page=7"):
            assert fact in failure
        trace = unescape(re.search(r'data-copy="(request_failed:[^"]*)"', page)[1])
        assert "answer: <h1>Sorry</h1>" in trace
        assert str(run.pk) in trace

    def test_does_not_take_another_error_for_its_origin(self, viewer: Client, run: SyncJobRun) -> None:
        states.failed(run, error={"code": "timeout", "message": "It took too long."})
        RecordError.objects.create(
            run=run, step=run.steps.first(), resource="cities", method="list", code="x", message="m", url="https://a.b/"
        )
        assert "https://a.b/" not in shown(viewer, run, "failure")

    def test_is_not_there_for_a_run_that_has_not_failed(self, viewer: Client, run: SyncJobRun) -> None:
        states.ended(run, RunStatus.STOPPED, error={"code": "vetoed", "message": "No."})
        assert '<section id="failure" hidden' in viewer.get(f"/runs/{run.pk}/").content.decode()


class TestAttempts:
    def test_are_told_once_there_is_more_than_one(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run, attempt=2, daemon_id="d2", fetched=30)
        RunEvent.objects.create(run=run, kind="started", actor="d1", message="Taken.")
        noted = {"daemon_id": "d1", "fetched": 20, "persisted": 20, "error_count": 0}
        RunEvent.objects.create(run=run, kind="worker_lost", actor="d2", message="Lost.", details=noted)
        attempts = shown(viewer, run, "attempts")
        assert "1d1gave no sign of life20 fetched" in attempts
        assert "2d2at work10 fetched" in attempts
        assert "All attempts together: 30 fetched" in attempts

    def test_are_not_told_of_a_run_with_one(self, viewer: Client, run: SyncJobRun) -> None:
        states.running(run)
        assert '<section id="attempts" hidden' in viewer.get(f"/runs/{run.pk}/").content.decode()


class TestReruns:
    def test_are_listed_with_what_they_repeat(self, viewer: Client, run: SyncJobRun) -> None:
        states.failed(run)
        second = rerun(run, actor="olga")
        states.failed(second)
        third = rerun(second, actor="olga")
        facts = shown(viewer, second, "facts")
        assert "repeated by this" in facts
        assert "repeats this" in facts
        page = viewer.get(f"/runs/{second.pk}/").content.decode()
        for other in (run, third):
            assert f'<a id="to-{other.pk}"' in page


class TestHeader:
    def test_names_both_reruns_with_the_date_of_the_first(self, operator: Client, run: SyncJobRun) -> None:
        states.ended(run, RunStatus.COMPLETED)
        run.steps.update(watermark=datetime(2024, 2, 3, 4, 5, tzinfo=UTC), status=StepStatus.COMPLETED)
        words = shown(operator, run)
        assert "Rerun from 3 Feb 2024 04:00" in words  # less the overlap of five minutes
        assert "Rerun, ignore previous run date" in words

    def test_offers_a_viewer_to_look_and_not_to_act(self, viewer: Client, run: SyncJobRun) -> None:
        states.failed(run)
        words = shown(viewer, run)
        assert "Compare" in words
        assert "Incident, as Markdown" in words
        assert "Rerun" not in words
        states.running(run, finished_at=None)
        assert "Stop run" not in shown(viewer, run)


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

    def test_shows_its_last_deliveries_and_how_many_there_are_of_each_kind(
        self, viewer: Client, run: SyncJobRun, run_url: str
    ) -> None:
        webhook = run.webhook
        common = {"run": run, "webhook": webhook, "body": b"{}", "event": "sync_job_run:record"}
        Delivery.objects.bulk_create(
            Delivery(**common, sequence=n + 100, status="failed" if n == 5 else "delivered") for n in range(30)
        )
        page = viewer.get(run_url).content.decode()
        part = section(page, "deliveries")
        assert "Delivered 29" in part
        assert "Failed 1" in part
        assert part.count("sync_job_run:record") == 20
        assert f"/webhooks/{webhook.pk}/?run={run.pk}&amp;status=failed" in page

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
        return factories.habit(run, sample_count=5)

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

    def test_that_was_exceeded_is_told_of_an_ended_run(self, viewer: Client, run: SyncJobRun, run_url: str) -> None:
        states.ended(run, RunStatus.COMPLETED)
        assert "Longer than usual" not in viewer.get(run_url).content.decode()
        states.change(run, usual_limit=timedelta(minutes=1))
        assert "Longer than usual (95 in 100 take at most 1m 0s)." in viewer.get(run_url).content.decode()
