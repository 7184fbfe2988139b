"""Matrix 4c, rows 41 to 48: records without sense, records that change while they are read, and dates."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug import Request, Response

from tests.faults import hostile
from tests.faults.conftest import Row
from tests.faults.hostile import hostile as hostile_source
from tests.faults.invariants import Expected
from tests.faults.orders import Order
from tests.faults.stage import Stage
from tests.sources import json_response

GOOD = ('{"id": "good-1", "name": "kept"}', '{"id": "good-2", "name": "kept"}')
ODD_IDS = {
    '{"name": "none"}': None,
    '{"id": null}': None,
    '{"id": ""}': None,
    '{"id": ["a"]}': None,
    '{"id": true}': None,
    '{"id": {"a": 1}}': None,
    '{"id": "' + "x" * 6_000 + '"}': None,
    '{"id": 1e400}': None,
    '"no object"': None,
    '{"id": 1}': "1",
    '{"id": " 1"}': " 1",
    '{"id": 9223372036854775808}': "9223372036854775808",
    '{"id": 2.0}': "2",
}
ODD_DATA = {
    '{"id": "large", "text": "' + "x" * 2_000_000 + '"}': False,
    '{"id": "nul", "text": "a\\u0000b"}': True,
    '{"id": "surrogate", "text": "a\\ud800b"}': True,
    '{"id": "nan", "a": NaN}': False,
    '{"id": "infinite", "a": Infinity}': False,
    '{"id": "digits", "a": ' + "9" * 5_000 + "}": None,  # either
    '{"id": "proto", "__proto__": {"polluted": true}}': True,
    '{"id": "keys", ' + ", ".join(f'"k{number}": {number}' for number in range(50_000)) + "}": True,
}


def run_of_page(stage: Stage, records: list[str]) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """A run of one page of these records: the run, what is stored by id, and its errors."""
    with hostile_source({"odd": hostile.rows_of(*records)}) as source:
        stage.define("odd", entries=hostile.entries(["odd"]), **hostile.described(source, ["odd"]))
        stage.daemon()
        run = stage.executed()
    stored = dict(stage.deck.rows("SELECT record_id, data FROM runs_record"))
    return run, stored, stage.deck.get(f"/sync-job-run/{run['id']}/error?limit=1000")["result"]


def test_row_41_ids_without_sense(stage: Stage, row: Row) -> None:
    """Records without an id, or with one that is null, empty, a list, true, 6 kB, 2^63, 1e400."""
    run, stored, errors = run_of_page(stage, [*ODD_IDS, *GOOD])
    wanted = {record_id for record_id in ODD_IDS.values() if record_id is not None} | {"good-1", "good-2"}

    assert stored.keys() == wanted
    assert len(errors) == run["error_count"] == list(ODD_IDS.values()).count(None)
    assert all(error["message"] for error in errors)
    assert run["resource_stats"]["odd"]["list"] == {"fetched": len(ODD_IDS) + 2, "persisted": len(wanted)}
    row.judge(stage, "DSX", Expected([run["id"]], whole=False, errors=True, tables=[]))
    row.showed(f"{len(wanted)} stored, {len(errors)} quarantined, each with its reason; the run completed")


def test_row_42_data_without_sense(stage: Stage, row: Row) -> None:
    """2 MB, NUL, a lone surrogate, NaN, infinity, 5,000 digits, `__proto__`, 50,000 keys."""
    run, stored, errors = run_of_page(stage, [*ODD_DATA, *GOOD])
    kept = {text.partition('"id": "')[2].partition('"')[0] for text, is_kept in ODD_DATA.items() if is_kept}
    refused = {text.partition('"id": "')[2].partition('"')[0] for text, is_kept in ODD_DATA.items() if is_kept is False}

    assert stored.keys() >= kept | {"good-1", "good-2"}
    assert not stored.keys() & refused
    assert len(stored) + len(errors) == len(ODD_DATA) + 2
    row.judge(stage, "DSX", Expected([run["id"]], whole=False, errors=True, tables=[]))
    stage.define("well")
    row.judge(stage, "A", Expected([], whole=False))
    row.showed(f"{len(stored)} stored, {len(errors)} quarantined, the run completed")


def test_row_42_a_record_without_a_bottom(stage: Stage, row: Row) -> None:
    """A record that is nested 20,000 deep, and one of 200,000."""
    deep = {f"deep-{levels}": "[" * levels + "]" * levels for levels in (20_000, 200_000)}
    texts = [f'{{"id": "{record_id}", "a": {nested}}}' for record_id, nested in deep.items()]
    run, stored, errors = run_of_page(stage, [GOOD[0], *texts, GOOD[1]])

    assert stored.keys() == {"good-1", "good-2"}
    assert {error["record_id"]: error["code"] for error in errors} == dict.fromkeys(deep, "too_deep")
    assert (run["error_count"], all(error["is_quarantine"] for error in errors)) == (2, True)
    assert stage.deck.rows("SELECT count(*) FROM runs_runstep WHERE watermark IS NOT NULL") == [(1,)]
    row.judge(stage, "DSX", Expected([run["id"]], whole=False, errors=True, tables=[]))
    stage.define("well")
    row.judge(stage, "A", Expected([], whole=False))
    row.showed("2 stored, 2 quarantined with their ids and the reason, the run completed and the date went on")


def test_row_43_the_same_id_twice(stage: Stage, row: Row) -> None:
    """The same id twice within a page, and again on the next page."""
    pages = [
        [{"iso": "A", "n": 1}, {"iso": "A", "n": 2}, *({"iso": f"X{number}", "n": 0} for number in range(8))],
        [{"iso": "A", "n": 3}, {"iso": "B", "n": 1}],
    ]
    stage.source.before = lambda request: json_response({"data": pages[int(request.args["page"]) - 1]})
    stage.define("doubled", entries=[{"resource": "countries", "method": "list", "persist": True}])
    stage.daemon()
    run = stage.executed()
    stored = dict(stage.deck.rows("SELECT record_id, (data ->> 'n')::int FROM runs_record"))

    assert stored == {"A": 3, "B": 1, **{f"X{number}": 0 for number in range(8)}}
    row.judge(stage, "DSF", Expected([run["id"]], whole=False, tables=[]))
    row.showed(f"the last of each stands; counted as {run['resource_stats']['countries']['list']}")


@pytest.mark.parametrize("seed", range(1, 11))
def test_row_44_a_source_that_changes_meanwhile(stage: Stage, row: Row, seed: int) -> None:
    """Records are changed, added and removed between the pages; a full run afterwards."""
    row.random.seed(seed)
    countries = stage.source.tables["countries"]
    numbers = iter(range(1_000))

    def change(request: Request) -> None:
        if request.path == "/countries" and int(request.args["page"]) > 1:
            countries[row.random.randrange(len(countries))]["name"] = f"Renamed {next(numbers)}"
            countries.insert(
                row.random.randrange(len(countries)), {"iso": f"N{next(numbers)}", "id": "n", "name": "New"}
            )
            del countries[row.random.randrange(len(countries))]

    entries = [{"resource": "countries", "method": "list", "persist": True, "delete_tracking": "hard"}]
    stage.source.before = change
    stage.define("changing", entries=entries)
    stage.daemon()
    first = stage.executed()
    stage.source.before = None
    second = stage.executed(ignore_previous_run=True)

    expected = Expected([first["id"], second["id"]], tables=["countries"])
    row.judge(stage, "LSF", expected)
    stored = {key for (key,) in stage.deck.rows("SELECT record_id FROM runs_record")}
    assert stored == stage.source.state("countries").keys()
    row.showed(f"seed {seed}: after the full run the store equals the source")


def dated(rows: list[dict[str, Any]]) -> Callable[[Request], Response]:
    """An API that answers what was changed since the second that it is asked for."""

    def answer(request: Request) -> Response:
        since = request.args.get("since", "")
        return json_response({"data": [one for one in rows if one["updated_at"] >= since[:19]]})

    return answer


def test_row_45_a_place_that_is_forgotten(any_stage: Stage, row: Row) -> None:
    """A daemon is killed, and the source no longer takes the cursor at which it was."""
    refused: list[str] = []

    def expire(request: Request) -> Response | None:
        if not any_stage.orders.carried_out() or refused or request.args["page"] == "1":
            return None
        refused.append(request.args["page"])
        return Response("the cursor has expired", 410)

    any_stage.source.before, any_stage.source.pause = expire, 0.1
    any_stage.define("expiring", entries=[{"resource": "countries", "method": "list", "persist": True}])
    any_stage.orders.give(Order("kill", "after_commit", at=2))
    any_stage.daemon()
    run_id = any_stage.create_run()
    any_stage.carried_out()
    any_stage.daemon()
    run = any_stage.drained([run_id])[run_id]

    row.judge(any_stage, "LDSTFX", Expected([run_id], tables=["countries"]))
    row.showed(f"refused at page {refused[0]}, begun anew once, counts {run['resource_stats']['countries']['list']}")


def test_row_46_stamps_around_the_date(stage: Stage, row: Row) -> None:
    """Records stamped in the very second of the date, seen late, dated ahead, by a clock five minutes behind."""
    rows: list[dict[str, Any]] = [{"iso": "first", "updated_at": "2020-01-01T00:00:00"}]
    entries = [
        {"resource": "countries", "method": "list", "persist": True, "query": {"since": "{{previous_run_date}}"}}
    ]
    stage.source.before = dated(rows)
    stage.define("dated", entries=entries, pagination=None)
    stage.daemon()
    first = stage.executed()
    stamp = stage.deck.rows("SELECT started_at, started_at - interval '290 s' FROM runs_syncjobrun")[0]
    rows += [
        {"iso": "same second", "updated_at": f"{stamp[0]:%Y-%m-%dT%H:%M:%S}"},
        {"iso": "seen late, or by a clock behind", "updated_at": f"{stamp[1]:%Y-%m-%dT%H:%M:%S}"},
        {"iso": "ahead", "updated_at": "2099-01-01T00:00:00"},
    ]
    second = stage.executed()
    rows.append({"iso": "after the one ahead", "updated_at": f"{stamp[0]:%Y-%m-%dT%H:%M:%S}"})
    third = stage.executed()
    stored = {key for (key,) in stage.deck.rows("SELECT record_id FROM runs_record")}

    assert "since" in stage.source.served[-1].query
    assert stored == {one["iso"] for one in rows}
    row.judge(stage, "SF", Expected([first["id"], second["id"], third["id"]], whole=False))
    row.showed("all five had arrived by the next run")


def test_row_47_an_older_page_comes_late(stage: Stage, row: Row) -> None:
    """A daemon that froze with a page in hand wakes up behind another run's newer write of the same records."""
    stage.source.pause = 0.05
    stage.orders.give(Order("stop", "after_response"))
    zombie = stage.daemon()
    run_id = stage.create_run()
    stage.carried_out()
    for country in stage.source.tables["countries"]:
        country["name"] += ", renamed"
    stage.daemon()
    stage.drained([run_id])
    zombie.signal(signal.SIGCONT)
    zombie.says("The lease is lost")

    row.judge(stage, "LDSF", Expected([run_id]))
    row.showed("the newer state stands")


def test_row_48_a_source_that_is_suddenly_empty(stage: Stage, row: Row) -> None:
    """A source that had 400 records answers with none, and deletions are tracked."""
    entries = [{"resource": "cities", "method": "list", "persist": True, "delete_tracking": "hard"}]
    stage.source.tables["cities"] = [{"geonameid": number, "id": number} for number in range(400)]
    stage.define("empty", entries=entries)
    stage.daemon()
    first = stage.executed()
    kept = list(stage.source.tables["cities"])
    stage.source.tables["cities"] = []
    second = stage.executed(ignore_previous_run=True)
    stage.source.tables["cities"] = kept
    told = stage.deck.get(f"/sync-job-run/{second['id']}/event?limit=100")["result"]

    row.judge(stage, "LSF", Expected([first["id"], second["id"]], tables=["cities"]))
    assert stage.deck.stored() == {"cities": 400}
    warned = next(event["message"] for event in told if event["kind"] in ("deletions", "warning"))
    row.showed(f"nothing was removed: {warned}")
