"""How times, durations, numbers and states are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from dashboard.marks import Kind, Mark, run_mark, step_mark
from dashboard.templatetags import syncdeck
from runs.models import RunStatus, RunStep, StepStatus, SyncJobRun

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0s"), (0.4, "0s"), (42, "42s"), (252, "4m 12s"), (11_100, "3h 5m"), (187_200, "2d 4h")],
)
def test_a_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert syncdeck.duration(timedelta(seconds=seconds)) == text


def test_an_address_may_be_wrapped_after_each_slash_and_is_escaped() -> None:
    assert syncdeck.wrappable("docs.example.org/a/<b>") == "docs.example.org/<wbr>a/<wbr>&lt;b&gt;<wbr>"


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (999, "999"), (1_234_567, "1\u202f234\u202f567")])
def test_numbers_are_grouped_by_thin_spaces(value: int, text: str) -> None:
    assert syncdeck.number(value) == text


def test_the_unknown_is_a_dash_and_never_zero() -> None:
    written = [syncdeck.number(None), syncdeck.duration(None), syncdeck.when(None), syncdeck.clock(None)]
    assert set(written) == {syncdeck.UNKNOWN}


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=40), "40 s ago"),
        (timedelta(minutes=4), "4 min ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(minutes=-5), "in 5 min"),
        (timedelta(days=1), "23 Nov 12:00"),
        (timedelta(days=400), "20 Oct 2025 12:00"),
    ],
)
@time_machine.travel(NOW, tick=False)
def test_a_moment_is_relative_within_a_day(age: timedelta, text: str) -> None:
    assert syncdeck.relative(NOW - age, NOW) == text


@time_machine.travel(NOW, tick=False)
def test_a_moment_tells_all_of_itself_in_the_readers_zone() -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        written = syncdeck.clock(NOW)
    assert written == (
        '<time datetime="2026-11-24T12:00:00.000Z" title="24 Nov 2026 13:00:00 Europe/Berlin" class="clock">'
        "24 Nov 13:00:00</time>"
    )


@pytest.mark.parametrize(
    ("text", "sentence"), [("It broke", "It broke."), ("It broke.", "It broke."), ("Why?", "Why?")]
)
def test_another_sentence_can_follow(text: str, sentence: str) -> None:
    assert syncdeck.full_stop(text) == sentence


LATER, EARLIER = NOW + timedelta(minutes=1), NOW - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"status": RunStatus.CREATED}, Kind.CREATED),
        ({"status": RunStatus.CREATED, "stop_requested_at": EARLIER}, Kind.STOPPING),
        ({"status": RunStatus.RUNNING}, Kind.RUNNING),
        ({"status": RunStatus.RUNNING, "lease_until": LATER}, Kind.RUNNING),
        ({"status": RunStatus.RUNNING, "lease_until": EARLIER}, Kind.STALE),
        ({"status": RunStatus.RUNNING, "lease_until": EARLIER, "stop_requested_at": EARLIER}, Kind.STOPPING),
        ({"status": RunStatus.COMPLETED}, Kind.COMPLETED),
        ({"status": RunStatus.COMPLETED, "error_count": 1}, Kind.WARNED),
        ({"status": RunStatus.COMPLETED, "stop_requested_at": EARLIER}, Kind.COMPLETED),
        ({"status": RunStatus.FAILED, "error_count": 1}, Kind.FAILED),
        ({"status": RunStatus.STOPPED, "stop_requested_at": EARLIER}, Kind.STOPPED),
    ],
)
def test_a_run_is_marked_by_more_than_its_status(values: dict[str, object], kind: Kind) -> None:
    assert run_mark(SyncJobRun(**values), NOW).kind == kind


@pytest.mark.parametrize(
    ("step", "run", "mark"),
    [
        (StepStatus.PENDING, RunStatus.RUNNING, Mark(Kind.CREATED, "Waiting")),
        (StepStatus.PENDING, RunStatus.FAILED, Mark(Kind.CREATED, "Not reached")),
        (StepStatus.RUNNING, RunStatus.RUNNING, Mark(Kind.RUNNING, "Running")),
        (StepStatus.RUNNING, RunStatus.STOPPED, Mark(Kind.STOPPED, "Cut short")),
        (StepStatus.COMPLETED, RunStatus.RUNNING, Mark(Kind.COMPLETED, "Completed")),
        (StepStatus.FAILED, RunStatus.FAILED, Mark(Kind.FAILED, "Failed")),
    ],
)
def test_an_entry_is_marked_with_its_run_in_mind(step: StepStatus, run: RunStatus, mark: Mark) -> None:
    assert step_mark(RunStep(status=step), SyncJobRun(status=run)) == mark


@pytest.mark.parametrize(
    ("shortest", "longest", "words"),
    [
        (240, 360, "4\u20136 min"),
        (50, 130, "50 s \u2013 2 min"),
        (240, 250, "4 min"),
        (0, 0, "1 s"),
        (7200, 200_000, "2 h \u2013 2 d"),
    ],
)
def test_a_span_is_written_with_its_unit_once(shortest: int, longest: int, words: str) -> None:
    assert syncdeck.span(timedelta(seconds=shortest), timedelta(seconds=longest)) == words
