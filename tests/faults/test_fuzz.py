"""A source whose pages are spoilt at random, thousands of them: each is stored, or told as an error."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.faults.conftest import Row
from tests.faults.fuzz import PATH, FuzzedPages
from tests.faults.invariants import Expected
from tests.faults.stage import Stage
from tests.faults.test_source import MOST_MEMORY, peak_memory
from tests.processes import Process

OF_A_RUN = 200  # first pages of it: the errors of one do not end the others
LIMIT = 900.0
PAGING = {"format": "cursor", "config": {"cursor_key": "cursor", "cursor_path": "next"}}
LISTED = {"method": "get", "path": f"/{PATH}", "response_path": "data", "pagination": PAGING}
ENTRY = {
    "resource": PATH,
    "method": "list",
    "persist": True,
    "loop_on": "args.seeds",
    "query": {"seed": "{{args.seeds}}"},
}


def test_fuzzed_pages(any_stage: Stage, row: Row) -> None:
    """10,000 pages with bytes, structure, headers and statuses spoilt at random."""
    pages_are_survived(any_stage, row, 10_000)


@pytest.mark.quick
def test_some_fuzzed_pages(embedded_stage: Stage, row: Row) -> None:
    """200 pages with bytes, structure, headers and statuses spoilt at random."""
    pages_are_survived(embedded_stage, row, 200)


def pages_are_survived(stage: Stage, row: Row, pages: int) -> None:
    source = FuzzedPages(row.seed)
    stage.define("fuzzed", entries=[ENTRY], base_url=source.url, concurrency=16, resources={PATH: {"list": LISTED}})
    daemon = stage.daemon()
    began = time.monotonic()
    runs = [
        stage.create_run(args={"seeds": list(range(first, min(first + OF_A_RUN, pages)))})
        for first in range(0, pages, OF_A_RUN)
    ]
    ended = stage.drained(runs, LIMIT)
    seconds = time.monotonic() - began
    source.close()

    assert {run["status"] for run in ended.values()} == {"completed"}, _failures(ended)
    assert_each_page_is_accounted_for(stage, source, pages)
    assert_what_was_whole_is_stored(stage, source)
    assert_all_records_can_be_read(stage)
    memory = peak_memory(daemon)
    assert memory < MOST_MEMORY
    assert_nothing_broke(daemon, *stage.deck.processes.named("serve"))
    row.judge(stage, "DSFX", Expected(runs, whole=False, errors=True))
    row.showed(f"{_told(stage, source)}; {len(source.asked) / seconds:.0f} pages/s; the daemon had {memory // 1000} MB")


def assert_each_page_is_accounted_for(stage: Stage, source: FuzzedPages, pages: int) -> None:
    """A page that was asked for is kept, or is an error; its records are stored, or are errors each."""
    kept, fetched, persisted, requests = stage.deck.rows(
        "SELECT sum(pages), sum(fetched), sum(persisted), sum(position) FROM runs_runstep"
    )[0]

    assert requests == pages
    assert kept + errors(stage, "NOT is_quarantine AND url <> ''") == len(source.asked)
    assert fetched == persisted + errors(stage, "is_quarantine")


def errors(stage: Stage, condition: str) -> int:
    """A request that is not even made, as of a cursor that can't be saved, is an error without an address."""
    return int(stage.deck.rows(f"SELECT count(*) FROM runs_recorderror WHERE {condition}")[0][0])


def assert_what_was_whole_is_stored(stage: Stage, source: FuzzedPages) -> None:
    """A page that was served as it is loses nothing by those around it."""
    rows = stage.deck.rows("SELECT record_id, data FROM runs_record")
    there = {key: json.loads(data) if isinstance(data, str) else data for key, data in rows}
    lost = [key for key, record in source.unspoilt.items() if there.get(key) != record]
    assert lost == []


def assert_all_records_can_be_read(stage: Stage) -> None:
    read, cursor = 0, ""
    while cursor is not None:
        page = stage.deck.get(f"/record?limit=1000&next_cursor={cursor}")
        read, cursor = read + len(page["result"]), page["next_cursor"]
    assert stage.deck.rows("SELECT count(*) FROM runs_record") == [(read,)]


def assert_nothing_broke(*processes: Process) -> None:
    for process in processes:
        assert process.popen.poll() is None
        log = process.log()
        assert "Traceback" not in log, log[log.index("Traceback") - 1500 :][:6000]


def _failures(ended: dict[str, dict[str, Any]]) -> list[Any]:
    return [run["error"] for run in ended.values() if run["status"] != "completed"]


def _told(stage: Stage, source: FuzzedPages) -> str:
    stored = stage.deck.rows("SELECT count(*) FROM runs_record")[0][0]
    refused, failed = errors(stage, "is_quarantine"), errors(stage, "NOT is_quarantine")
    codes = stage.deck.rows("SELECT DISTINCT code FROM runs_recorderror ORDER BY code")
    kinds = ", ".join(code for (code,) in codes if not code.startswith("http_"))
    return f"{len(source.asked)} pages: {stored} records stored, {refused} refused, {failed} failed requests ({kinds})"
