"""`manage.py runs`: in this process, and as real ones where it matters what a process does."""

from __future__ import annotations

import json
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from runs.models import RecordError, RunEvent, SyncJobRun
from tests import factories
from tests.acceptance.deck import Deck, Prepared, embedded
from tests.factories import COUNTRIES_AND_CITIES, integration_config
from tests.runs.api.program import Program


@dataclass
class Shell:
    """Gives commands in this process, and keeps apart what each of them has told."""

    captured: pytest.CaptureFixture[str]

    def told(self, *arguments: str) -> str:
        self.captured.readouterr()
        call_command("runs", *arguments)
        return self.captured.readouterr().out

    def as_json(self, *arguments: str) -> Any:
        return json.loads(self.told(*arguments, "--json"))

    def refused(self, *arguments: str) -> str:
        """The sentence; nothing else is told."""
        self.captured.readouterr()
        with pytest.raises(CommandError) as refusal:
            call_command("runs", *arguments)
        assert self.captured.readouterr().out == ""
        assert refusal.value.returncode == 1
        return str(refusal.value)


@pytest.fixture
def shell(db: None, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def program(run: SyncJobRun) -> Program:
    return Program(factories.token(run.environment))


@pytest.fixture
def other(run: SyncJobRun) -> SyncJobRun:
    """Another run in the same environment, which is newer."""
    account = factories.account(integration=run.integrated_account.integration, tenant_id="other")
    return factories.run(account=account, job=run.sync_job)


class TestList:
    def test_is_what_the_api_lists_with_the_same_filters(
        self, shell: Shell, program: Program, run: SyncJobRun, other: SyncJobRun
    ) -> None:
        shell.told("stop", str(other.pk))
        for query in ("status=created", "status[in]=created,stopped", "created_at[gte]=2020-01-01", f"id={run.pk}"):
            listed = shell.as_json("list", query, "--limit", "3")
            assert listed["result"] == program.get(f"/sync-job-run?{query}&limit=3").json()["result"], query
            assert listed["result"] != [], query

    def test_goes_on_at_the_cursor(self, shell: Shell, run: SyncJobRun, other: SyncJobRun) -> None:
        first = shell.as_json("list", "--limit", "1")
        second = shell.as_json("list", "--limit", "1", "--cursor", first["next_cursor"])
        assert [page["result"][0]["id"] for page in (first, second)] == [str(other.pk), str(run.pk)]

    def test_is_a_table_to_people(self, shell: Shell, run: SyncJobRun) -> None:
        table = shell.told("list", f"id={run.pk}")
        assert str(run.pk) in table
        assert "acme" in table
        assert "created" in table

    def test_of_an_environment_leaves_out_the_others(self, shell: Shell, run: SyncJobRun) -> None:
        assert shell.as_json("list", "--environment", "Elsewhere")["result"] == []
        assert shell.as_json("list", "--environment", run.environment.name)["result"] != []

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["stauts=failed"], "stauts=failed is no filter"),
            (["failed"], "failed is no filter"),
            (["status=odd"], "status: must be one of"),
            (["created_at[like]=x"], "has no operator 'like'"),
            (["--cursor", "odd"], "cursor"),
        ],
    )
    def test_refuses_what_it_cannot_read(self, shell: Shell, arguments: list[str], words: str) -> None:
        assert words in shell.refused("list", *arguments)


class TestShow:
    def test_tells_the_run_its_entries_and_events(self, shell: Shell, run: SyncJobRun) -> None:
        shown = shell.told("show", str(run.pk))
        words = (str(run.pk), "countries", "cities", "Created by", f"/runs/{run.pk}/")
        assert all(text in shown for text in words)

    def test_tells_the_first_error_of_a_run_that_went_on(self, shell: Shell, run: SyncJobRun) -> None:
        step = run.steps.get(name="countries")
        for message in ("Connection \x1brefused.", "It broke."):
            RecordError.objects.create(run=run, step=step, resource="countries", code="unreachable", message=message)
        SyncJobRun.objects.filter(pk=run.pk).update(error_count=2)
        shown = shell.told("show", str(run.pk))
        assert r"countries: Connection \x1brefused. (unreachable)" in shown
        assert "It broke." not in shown

    def test_takes_the_beginning_of_an_id_if_one_run_has_it(
        self, shell: Shell, run: SyncJobRun, other: SyncJobRun
    ) -> None:
        assert shell.as_json("show", str(run.pk)[:30])["id"] == str(run.pk)
        assert "More than one run" in shell.refused("show", str(run.pk)[:6])

    @pytest.mark.parametrize("text", ["odd", "0192f0c1-2b3c-7d4e-8f50-112233445566", "%"])
    def test_of_a_run_that_is_none_fails(self, shell: Shell, run: SyncJobRun, text: str) -> None:
        assert "There is no run" in shell.refused("show", text)


def test_what_a_source_says_does_not_command_the_terminal(shell: Shell, run: SyncJobRun) -> None:
    RunEvent.objects.create(run=run, kind="warning", message="\x1b]0;owned\x07")
    type(run.integrated_account).objects.filter(pk=run.integrated_account_id).update(tenant_id="\x1b[2J")
    for command in (["list"], ["show", str(run.pk)]):
        told = shell.told(*command)
        assert "\x1b" not in told
        assert r"\x1b[2J" in told


class TestStop:
    def test_stops_and_says_so_and_twice_is_once(self, shell: Shell, run: SyncJobRun) -> None:
        assert shell.told("stop", str(run.pk)) == f"{run.pk}: stopped\n"
        assert "had already ended (stopped)" in shell.told("stop", str(run.pk))
        assert SyncJobRun.objects.get().status == "stopped"

    def test_names_who_did_it(self, shell: Shell, run: SyncJobRun) -> None:
        shell.told("stop", str(run.pk))
        assert RunEvent.objects.get(kind="stop_requested").actor

    def test_stops_none_unless_all_are_found(self, shell: Shell, run: SyncJobRun) -> None:
        shell.refused("stop", str(run.pk), secrets.token_hex(16))
        assert SyncJobRun.objects.get().status == "created"


class TestRerun:
    def test_of_an_ended_run_is_a_new_one(self, shell: Shell, run: SyncJobRun) -> None:
        shell.told("stop", str(run.pk))
        new = shell.as_json("rerun", str(run.pk), "--ignore-previous-run")
        assert (new["rerun_of_id"], new["ignore_previous_run"], new["status"]) == (str(run.pk), True, "created")

    def test_of_a_live_one_is_refused_in_one_sentence(self, shell: Shell, run: SyncJobRun) -> None:
        assert "can be run again once it has ended" in shell.refused("rerun", str(run.pk))


def test_tail_as_json_is_an_event_a_line(
    shell: Shell, program: Program, run: SyncJobRun, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.told("stop", str(run.pk))

    with pytest.raises(SystemExit) as ended:
        call_command("runs", "tail", str(run.pk), "--json")

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ended.value.code == 3
    assert [event["kind"] for event in events] == ["created", "stop_requested", "stopped"]
    listed = program.get(f"/sync-job-run/{run.pk}/event").json()["result"]
    assert events == sorted(listed, key=lambda event: event["created_at"])


@pytest.fixture(scope="module")
def deck(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deck]:
    """An installation without a daemon: its runs stay created until somebody stops them."""
    with embedded(prepared, tmp_path_factory.mktemp("runs") / "data") as deck:
        deck.define(integration_config(), COUNTRIES_AND_CITIES)
        yield deck


@pytest.fixture
def run_id(deck: Deck) -> str:
    return deck.create_run(force=True)


class TestProcess:
    def test_answers_with_nothing_but_what_was_asked_for(self, deck: Deck, run_id: str) -> None:
        done = deck.processes.run("runs", "list", f"id={run_id}", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["result"] == deck.get(f"/sync-job-run?id={run_id}")["result"]

    def test_fails_with_one_sentence_and_no_traceback(self, deck: Deck) -> None:
        done = deck.processes.run("runs", "list", "stauts=failed")
        assert (done.returncode, done.stdout) == (1, "")
        assert "stauts=failed is no filter" in done.stderr
        assert "Traceback" not in done.stderr

    def test_tail_follows_a_run_to_its_end_and_exits_with_how_it_ended(self, deck: Deck, run_id: str) -> None:
        tail = deck.processes.manage("runs", "tail", run_id)
        tail.says("Created by")

        assert deck.processes.run("runs", "stop", run_id).returncode == 0

        assert tail.wait(20) == 3
        assert tail.log().count("Created by") == 1
        assert "stop_requested" in tail.log()
        assert "stopped: 0 fetched" in tail.log().splitlines()[-1]

    def test_ctrl_c_ends_the_tail_and_not_the_run(self, deck: Deck, run_id: str) -> None:
        tail = deck.processes.manage("runs", "tail", run_id)
        tail.says("Created by")

        tail.signal(signal.SIGINT)

        assert tail.wait(20) == 130
        assert deck.run(run_id)["status"] == "created"
        assert "Traceback" not in tail.log()
