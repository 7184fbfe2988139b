"""Every action on every state by every role, sent twice, and by two people at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from runs.models import AuditEntry, EventKind, RunStatus, SyncJobRun, User
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX, logged_in, member

FORBIDDEN = 403
DIALOG, GO_ON, CONFLICT = "a dialog with 200", "on to a page", "a dialog with 409"


def stopping(run: SyncJobRun) -> SyncJobRun:
    asked = timezone.now() - timedelta(minutes=2)
    return states.running(run, stop_requested_at=asked, stop_requested_by="otto")


def ended(status: RunStatus) -> Callable[[SyncJobRun], SyncJobRun]:
    return lambda run: states.ended(run, status)


STATES: dict[str, Callable[[SyncJobRun], SyncJobRun]] = {
    "created": lambda run: run,
    "running": states.running,
    "stopping": stopping,
    "completed": ended(RunStatus.COMPLETED),
    "failed": states.failed,
    "stopped": ended(RunStatus.STOPPED),
}
ACTIONS = {
    "stop": ("stop/", {}),
    "force stop": ("force-stop/", {}),
    "rerun": ("rerun/", {}),
    "rerun, ignoring": ("rerun/", {"ignore_previous_run": "1"}),
}


@dataclass(frozen=True)
class Expected:
    """What an operator is answered, in which state the run is then, and how many runs there are."""

    answer: str
    status: str
    runs: int = 1
    says: str = ""


LIVE_RERUN = {state: Expected(CONFLICT, "running", says="Open the live run") for state in ("running", "stopping")}
UNCHANGED = {state: Expected(DIALOG, state, says="nothing was changed") for state in ("completed", "failed", "stopped")}
RERUN = {
    "created": Expected(CONFLICT, "created", says="Open the live run"),
    **LIVE_RERUN,
    **{state: Expected(GO_ON, state, runs=2) for state in ("completed", "failed", "stopped")},
}
EXPECTED = {
    "stop": {
        "created": Expected(GO_ON, "stopped"),
        "running": Expected(GO_ON, "running"),
        "stopping": Expected(GO_ON, "running"),
        **UNCHANGED,
    },
    "force stop": {
        "created": Expected(CONFLICT, "created", says="not been asked to stop"),
        "running": Expected(CONFLICT, "running", says="not been asked to stop"),
        "stopping": Expected(GO_ON, "stopped"),
        **UNCHANGED,
    },
    "rerun": RERUN,
    "rerun, ignoring": RERUN,
}
PAIRS = [(action, state) for action in ACTIONS for state in STATES]


def sent(client: Client, run: SyncJobRun, action: str, **headers: str) -> Any:
    path, data = ACTIONS[action]
    return client.post(f"/runs/{run.pk}/{path}", data, headers=HTMX | headers)


def check(answer: Any, run: SyncJobRun, expected: Expected) -> None:
    run.refresh_from_db()
    assert (run.status, SyncJobRun.objects.count()) == (expected.status, expected.runs)
    if expected.answer == GO_ON:
        assert answer.headers["HX-Redirect"].startswith("/runs/")
        return
    text = answer.content.decode()
    assert answer.status_code == (200 if expected.answer == DIALOG else 409)
    assert "<html" not in text
    assert 'id="dialog-title"' in text
    assert expected.says in text


@pytest.mark.parametrize(("action", "state"), PAIRS)
class TestMatrix:
    def test_an_operator(self, operator: Client, run: SyncJobRun, action: str, state: str) -> None:
        STATES[state](run)
        check(sent(operator, run, action), run, EXPECTED[action][state])

    def test_a_superuser(self, superuser: User, run: SyncJobRun, action: str, state: str) -> None:
        STATES[state](run)
        check(sent(logged_in(superuser), run, action), run, EXPECTED[action][state])

    def test_a_viewer(self, viewer: Client, run: SyncJobRun, action: str, state: str) -> None:
        STATES[state](run)
        before = SyncJobRun.objects.values().get()
        assert sent(viewer, run, action).status_code == FORBIDDEN
        assert SyncJobRun.objects.values().get() == before

    def test_sent_twice_it_has_one_effect(self, operator: Client, run: SyncJobRun, action: str, state: str) -> None:
        STATES[state](run)
        sent(operator, run, action)
        after = list(SyncJobRun.objects.order_by("id").values())
        audited, events = AuditEntry.objects.count(), run.events.count()
        sent(operator, run, action)
        assert list(SyncJobRun.objects.order_by("id").values()) == after
        assert (AuditEntry.objects.count(), run.events.count()) == (audited, events)

    def test_without_scripts_it_is_a_page(self, operator: Client, run: SyncJobRun, action: str, state: str) -> None:
        STATES[state](run)
        path, data = ACTIONS[action]
        answer = operator.post(f"/runs/{run.pk}/{path}", data, follow=True)
        expected = EXPECTED[action][state]
        assert answer.status_code == (409 if expected.answer == CONFLICT else 200)
        assert "<html" in answer.content.decode()


def test_the_second_rerun_is_led_to_the_first(operator: Client, run: SyncJobRun, run_url: str) -> None:
    states.failed(run)
    first = sent(operator, run, "rerun").headers["HX-Redirect"]
    again = sent(operator, run, "rerun, ignoring")
    assert again.status_code == 409
    assert f'href="{first}"' in again.content.decode()


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    """Two people who press the button in the same moment, each in a thread and a connection of their own."""

    def both(self, run: SyncJobRun, action: str) -> list[tuple[Any, str]]:
        """The answers, each with what the next page tells its person."""
        people = [member(name, run.environment, may_operate=True) for name in ("olga", "oskar")]
        clients, barrier = [logged_in(person) for person in people], threading.Barrier(2)
        answers: list[tuple[Any, str]] = []

        def press(client: Client) -> None:
            barrier.wait()
            answer = sent(client, run, action)
            answers.append((answer, client.get(f"/runs/{run.pk}/").content.decode()))
            connection.close()

        threads = [threading.Thread(target=press, args=[client]) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def test_one_stops_it_and_the_other_is_told_who_did(self) -> None:
        run = states.running(factories.run(dispatch=False))
        pages = [page for _, page in self.both(run, "stop")]
        run.refresh_from_db()
        assert run.stop_requested_by in ("olga", "oskar")
        assert sum("Stop asked for. The run ends" in page for page in pages) == 1
        assert sum(f"{run.stop_requested_by} had asked it to stop before" in page for page in pages) == 1
        assert run.events.filter(kind=EventKind.STOP_REQUESTED).count() == 1
        assert AuditEntry.objects.filter(action="run.stop").count() == 1

    def test_one_reruns_it_and_the_other_is_led_to_that_run(self) -> None:
        run = states.failed(factories.run(dispatch=False))
        answers = [answer for answer, _ in self.both(run, "rerun")]
        new = SyncJobRun.objects.get(rerun_of=run)
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        refused = next(answer for answer in answers if answer.status_code == 409)
        assert f'href="/runs/{new.pk}/"' in refused.content.decode()

    def test_one_forces_it_and_it_ends_once(self) -> None:
        run = stopping(factories.run(dispatch=False))
        self.both(run, "force stop")
        assert run.events.filter(kind=EventKind.STOPPED).count() == 1
        assert AuditEntry.objects.filter(action="run.force_stop").count() == 1
