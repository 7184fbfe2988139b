"""One after another: processes of the version before and of this one, on one migrated database and one broker."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runs.addresses import any_free_port
from tests.acceptance.deck import Deck, client
from tests.acceptance.gate import Gate
from tests.processes import Processes, processes, wait_until
from tests.upgrade import history
from tests.upgrade.conftest import Left
from tests.upgrade.release import OPENS, RELEASES
from tests.upgrade.story import CITIES, COUNTRIES, ENTRIES

# Room is left for the last version alone.
pytestmark = pytest.mark.parametrize("release", RELEASES[-1:], indirect=True, ids=lambda release: release.version)
RUNS = 12
FAULTS = ("error", "critical", "exception")
# Its number goes with every request of a run, so that the source can tell them apart.
NUMBERED: list[dict[str, Any]] = [
    {**entry, "query": {**entry.get("query", {}), "run": "{{args.number}}"}} for entry in ENTRIES[1:]
]
FULL = {
    "countries": {"list": {"fetched": COUNTRIES, "persisted": COUNTRIES}},
    "cities": {"list": {"fetched": COUNTRIES * CITIES, "persisted": COUNTRIES * CITIES}},
}


class Versions:
    """Both of them at work: a web process each, and as many daemons as a test starts."""

    def __init__(self, new: Deck, old: Deck, left: Left) -> None:
        self.new, self.old, self.left = new, old, left
        job = {"integration_name": "geo", "label": "Numbered", "resources": NUMBERED}
        self.new.job_id = self.old.job_id = new.post("/sync-job", job)["id"]
        self.new.account_id = self.old.account_id = left.facts.accounts["acme"]

    def create_run(self, number: int) -> str:
        """By the web process of either version in turn."""
        deck = (self.new, self.old)[number % 2]
        return deck.create_run(args={"number": number}, ignore_previous_run=True)

    def requests(self) -> Counter[tuple[str, ...]]:
        asked = [one for one in self.left.source.served if "run" in one.query]
        return Counter((one.path, *sorted(one.query.values())) for one in asked)

    def takers(self, run_ids: list[str]) -> set[str]:
        return {run["daemon_id"] for run in map(self.new.run, run_ids) if run["status"] == "running"}

    def gate(self, answered: int) -> Gate:
        """Holds back the numbered runs alone: those that the version has left go on meanwhile."""
        gate = Gate(answered)
        self.left.source.before = lambda request: gate(request) if "run" in request.args else None
        return gate

    def faults(self) -> list[str]:
        """What any process has told of as a fault."""
        logs = [log for deck in (self.new, self.old) for log in logs_of(deck.processes)]
        told = [json.loads(line) for log in logs for line in log.splitlines() if line.startswith("{")]
        assert told, "No process has said anything."
        return [line["event"] for line in told if line["level"] in FAULTS]


def logs_of(started: Processes) -> list[str]:
    return [process.log() for name in ("serve", "daemon") for process in started.named(name)]


@pytest.fixture
def versions(on_postgresql: Left, tmp_path: Path) -> Iterator[Versions]:
    """What the earlier version has left, migrated, and none of it live."""
    commit = on_postgresql.facts.commit
    if history.lacks(commit):
        pytest.skip(f"this checkout has no history back to {commit[:7]}, whose code would run beside this one's")
    code = history.checked_out(commit, tmp_path / "code")
    left = on_postgresql
    left.migrate()
    folder, port = tmp_path / "old", any_free_port()
    folder.mkdir()
    own = {"DATA_DIR": str(folder), "PUBLIC_URL": f"http://127.0.0.1:{port}"}
    told = {**left.processes.environment, "LOG_FORMAT": "json"}
    with (
        processes(folder, {**told, **own}, code) as old,
        processes(left.processes.folder, told) as new,
        client(port, OPENS) as old_api,
        client(left.port, OPENS) as new_api,
    ):
        for web in (old.manage("serve", "--port", str(port)), new.manage("serve", "--port", str(left.port))):
            web.says("Serving")
        old_deck = Deck(old, folder, left.url, "default", old_api)
        yield Versions(Deck(new, new.folder, left.url, "default", new_api), old_deck, left)


def test_both_versions_work_on_one_queue_and_every_run_is_done_once(versions: Versions) -> None:
    gate = versions.gate(answered=4)
    run_ids = [versions.create_run(number) for number in range(RUNS)]
    versions.old.daemon()
    versions.new.daemon()
    wait_until(lambda: len(versions.takers(run_ids)) == 2, 60, "runs in the hands of either daemon")
    gate.open()

    ended = [versions.new.ended(run_id) for run_id in run_ids]
    assert {(run["status"], run["error_count"], run["attempt"]) for run in ended} == {("completed", 0, 1)}
    assert [run["resource_stats"] for run in ended] == [FULL] * RUNS
    assert [versions.old.run(run["id"])["resource_stats"] for run in ended] == [FULL] * RUNS
    assert len({run["daemon_id"] for run in ended}) == 2
    assert set(versions.requests().values()) == {1}
    assert versions.faults() == []


@pytest.mark.parametrize("way", ["to the new one", "back to the old one"])
def test_a_run_goes_on_in_the_hands_of_the_other_version(versions: Versions, way: str) -> None:
    first, second = (versions.old, versions.new) if way == "to the new one" else (versions.new, versions.old)
    gate = versions.gate(answered=1 + COUNTRIES // 2)
    ending = first.daemon()
    run_id = versions.create_run(0)
    gate.await_arrival()
    begun = first.run(run_id)

    ending.ask_to_end()
    status = f"SELECT status FROM runs_daemon WHERE daemon_id = '{begun['daemon_id']}'"
    wait_until(lambda: first.rows(status) != [("active",)], 20, "a daemon that takes nothing more")
    second.daemon()
    gate.open()
    ended = versions.new.ended(run_id)

    assert (ended["status"], ended["resource_stats"]) == ("completed", FULL)
    assert begun["daemon_id"] not in (None, ended["daemon_id"])
    assert ending.wait(30) == 0
    assert versions.faults() == []
