"""`manage.py runs`, as real processes on a database of their own."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.deck import Deck, embedded, prepare
from tests.factories import COUNTRIES_AND_CITIES, integration_config
from tests.processes import wait_until


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deck]:
    """An installation without a daemon: its runs stay created until somebody stops them."""
    folder = tmp_path_factory.mktemp("runs")
    with embedded(prepare(folder / "prepared"), folder / "data") as deck:
        deck.define(integration_config(), COUNTRIES_AND_CITIES)
        yield deck


@pytest.fixture
def run_id(deck: Deck) -> str:
    return deck.create_run(force=True)


def told(deck: Deck, *arguments: str) -> subprocess.CompletedProcess[str]:
    return deck.processes.run("runs", *arguments)


def as_json(deck: Deck, *arguments: str) -> Any:
    answer = told(deck, *arguments, "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


class TestList:
    def test_is_what_the_api_lists_with_the_same_filters(self, deck: Deck, run_id: str) -> None:
        as_json(deck, "stop", deck.create_run(force=True))
        for query in ("status=created", "status[in]=created,stopped", "created_at[gte]=2020-01-01", f"id={run_id}"):
            listed = as_json(deck, "list", query, "--limit", "3")
            assert listed["result"] == deck.get(f"/sync-job-run?{query}&limit=3")["result"], query

    def test_goes_on_at_the_cursor(self, deck: Deck, run_id: str) -> None:
        deck.create_run(force=True)
        first = as_json(deck, "list", "--limit", "1")
        second = as_json(deck, "list", "--limit", "1", "--cursor", first["next_cursor"])
        assert second["result"][0]["id"] == run_id

    def test_is_a_table_to_people(self, deck: Deck, run_id: str) -> None:
        table = told(deck, "list", f"id={run_id}").stdout
        assert run_id in table
        assert "acme" in table
        assert "created" in table

    def test_of_an_environment_leaves_out_the_others(self, deck: Deck, run_id: str) -> None:
        assert as_json(deck, "list", "--environment", "Elsewhere")["result"] == []
        assert as_json(deck, "list", "--environment", "Acceptance", "--limit", "1")["result"] != []

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
    def test_refuses_what_it_cannot_read(self, deck: Deck, arguments: list[str], words: str) -> None:
        answer = told(deck, "list", *arguments)
        assert answer.returncode == 1
        assert words in answer.stderr
        assert "Traceback" not in answer.stderr


class TestShow:
    def test_tells_the_run_its_entries_and_events(self, deck: Deck, run_id: str) -> None:
        shown = told(deck, "show", run_id).stdout
        assert all(text in shown for text in (run_id, "countries", "cities", "Created by", f"/runs/{run_id}/"))

    def test_takes_the_beginning_of_an_id_if_one_run_has_it(self, deck: Deck, run_id: str) -> None:
        assert as_json(deck, "show", run_id[:30])["id"] == run_id
        deck.create_run(force=True)
        assert "More than one run" in told(deck, "show", run_id[:6]).stderr

    @pytest.mark.parametrize("text", ["odd", "0192f0c1-2b3c-7d4e-8f50-112233445566", "%"])
    def test_of_a_run_that_is_none_fails(self, deck: Deck, text: str) -> None:
        answer = told(deck, "show", text)
        assert (answer.returncode, answer.stdout) == (1, "")
        assert "There is no run" in answer.stderr


class TestStop:
    def test_stops_and_says_so_and_twice_is_once(self, deck: Deck, run_id: str) -> None:
        assert told(deck, "stop", run_id).stdout == f"{run_id}: stopped\n"
        assert "had already ended (stopped)" in told(deck, "stop", run_id).stdout
        assert deck.run(run_id)["status"] == "stopped"

    def test_names_who_did_it(self, deck: Deck, run_id: str) -> None:
        assert told(deck, "stop", run_id).returncode == 0
        actors = deck.rows("SELECT actor FROM runs_runevent WHERE kind = 'stop_requested'")
        assert all(actor for (actor,) in actors)

    def test_stops_none_unless_all_are_found(self, deck: Deck, run_id: str) -> None:
        assert told(deck, "stop", run_id, secrets.token_hex(16)).returncode == 1
        assert deck.run(run_id)["status"] == "created"


class TestRerun:
    def test_of_an_ended_run_is_a_new_one(self, deck: Deck, run_id: str) -> None:
        for live in as_json(deck, "list", "status[in]=created,running", "--limit", "1000")["result"]:
            told(deck, "stop", live["id"])
        new = as_json(deck, "rerun", run_id, "--ignore-previous-run")
        assert (new["rerun_of_id"], new["ignore_previous_run"], new["status"]) == (run_id, True, "created")

    def test_of_a_live_one_is_refused_in_one_sentence(self, deck: Deck, run_id: str) -> None:
        answer = told(deck, "rerun", run_id)
        assert answer.returncode == 1
        assert "can be run again once it has ended" in answer.stderr


def test_tail_follows_a_run_to_its_end_and_exits_with_how_it_ended(deck: Deck, run_id: str, tmp_path: Path) -> None:
    tail = deck.processes.manage("runs", "tail", run_id)
    tail.says("Created by")

    assert told(deck, "stop", run_id).returncode == 0

    assert tail.wait(20) == 3
    assert tail.log().count("Created by") == 1
    assert "stop_requested" in tail.log()
    assert "stopped: 0 fetched" in tail.log().splitlines()[-1]


def test_tail_as_json_is_an_event_a_line(deck: Deck, run_id: str) -> None:
    told(deck, "stop", run_id)

    answer = told(deck, "tail", run_id, "--json")

    events = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [event["kind"] for event in events] == ["created", "stop_requested", "stopped"]
    assert events == sorted(deck.get(f"/sync-job-run/{run_id}/event")["result"], key=lambda event: event["created_at"])


def test_ctrl_c_ends_the_tail_and_not_the_run(deck: Deck, run_id: str) -> None:
    import signal

    tail = deck.processes.manage("runs", "tail", run_id)
    tail.says("Created by")

    tail.signal(signal.SIGINT)

    assert tail.wait(20) == 130
    assert deck.run(run_id)["status"] == "created"
    wait_until(lambda: "Traceback" not in tail.log(), 1, "a clean end")
