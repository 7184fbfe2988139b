"""`recurse`: folders in folders, found once each, in one order, to the end."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from werkzeug import Request, Response

from runs.engine import recursion
from runs.models import FurtherRequest, Record, RunStatus, StepStatus
from tests.runs.engine.driving import a_run, again, executed, losing_daemons
from tests.sources import Source, json_response, serving

pytestmark = pytest.mark.django_db(transaction=True)

METHODS = {
    "folders": {"list": {"path": "/folders", "response_path": "data"}},
    "items": {"list": {"path": "/folders/{{id}}/items", "response_path": "data"}},
}
RECURSE = {"if": "response.is_folder", "config": {"query": {"parent": "{{resources.folders.id}}"}}}
FOLDERS: dict[str, Any] = {
    "resource": "folders",
    "method": "list",
    "persist": True,
    "query": {"parent": "root"},
    "recurse": RECURSE,
}


def folder(number: int | str, parent: int | str, *, is_folder: bool = True) -> dict[str, Any]:
    return {"id": str(number), "parent": str(parent), "is_folder": is_folder, "name": f"Folder {number}"}


def tree(width: int, depth: int, parent: str = "root") -> list[dict[str, Any]]:
    """`width` folders in each folder, `depth` levels of them, and a file in each."""
    rows = [] if parent == "root" else [folder(f"{parent}.file", parent, is_folder=False)]
    for number in range(width if depth else 0):
        own = f"{parent}.{number}"
        rows += [folder(own, parent), *tree(width, depth - 1, own)]
    return rows


@pytest.fixture
def source() -> Iterator[Source]:
    with serving({"folders": tree(3, 3), "cities": []}) as found:
        yield found


def asked(source: Source) -> list[str]:
    return [request.query["parent"] for request in source.requests("/folders")]


def test_each_folder_is_looked_into_once(source: Source) -> None:
    run = executed(a_run(source, [FOLDERS], METHODS))
    folders = [row["id"] for row in source.tables["folders"] if row["is_folder"]]
    assert (run.status, run.error_count, run.fetched) == (RunStatus.COMPLETED, 0, len(source.tables["folders"]))
    assert sorted(asked(source)) == sorted(["root", *folders])
    assert Record.objects.count() == len(source.tables["folders"])


def test_the_number_of_requests_is_told_as_it_grows(source: Source) -> None:
    step = executed(a_run(source, [FOLDERS], METHODS)).steps.get()
    assert (step.request_total, step.position, step.pages) == (40, 40, 40)
    assert FurtherRequest.objects.count() == 0


def test_folders_of_many_pages_are_followed_page_by_page() -> None:
    rows = [folder("a", "root"), *(folder(number, "a", is_folder=number % 100 == 99) for number in range(250))]
    with serving({"folders": rows}) as source:
        run = executed(a_run(source, [FOLDERS], METHODS))
    assert run.fetched == 251
    assert sorted(asked(source)) == sorted(["root", "a", "a", "a", "99", "199"])


def test_no_lost_daemon_and_no_end_of_a_slice_doubles_or_skips_a_folder(source: Source, settings: Any) -> None:
    settings.SLICE_SECONDS = settings.LINGER_SECONDS = 0
    run = a_run(source, [FOLDERS], METHODS)
    source.before = losing_daemons(run, every=15)
    run = executed(run)
    assert (run.status, run.fetched, run.error_count) == (RunStatus.COMPLETED, len(source.tables["folders"]), 0)
    assert run.attempt > 1
    assert run.steps.get().position == 40


def test_the_order_does_not_depend_on_the_timing(source: Source) -> None:
    orders: list[list[Any]] = []

    def reply(request: Request) -> Response | None:
        if request.path == "/folders":
            time.sleep(random.random() / 100)
            return None
        orders.append(list(FurtherRequest.objects.exclude(sequence=None).values_list("digest", flat=True)))
        connection.close()
        return json_response({"data": []})

    source.before = reply
    last = {"resource": "cities", "method": "list", "query": {"x": 1}}
    run = executed(a_run(source, [FOLDERS, last], METHODS, config={"concurrency": 1}))
    run.integrated_account.integration.config["concurrency"] = 16
    run.integrated_account.integration.save()
    again(run)
    assert len(orders[0]) == 39
    assert orders[0] == orders[1]


@pytest.mark.parametrize(
    "rows",
    [
        [folder("a", "root"), folder("a", "a")],
        [folder("a", "root"), folder("b", "a"), folder("a", "b")],
        [folder("a", "root"), folder("root", "a")],
    ],
    ids=["itself", "its parent", "the first one"],
)
def test_a_folder_that_contains(rows: list[dict[str, Any]]) -> None:
    with serving({"folders": rows}) as source:
        run = executed(a_run(source, [FOLDERS], METHODS))
    assert (run.status, run.error_count) == (RunStatus.COMPLETED, 0)
    assert len(asked(source)) == len(set(asked(source)))


def test_a_source_without_a_bottom_is_left_with_an_error_that_holds_the_date(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recursion, "MAX_DEPTH", 5)
    source.before = lambda request: json_response(
        {"data": [folder(len(request.args["parent"]), request.args["parent"] + "x")]}
    )
    deeper = {**RECURSE, "config": {"query": {"parent": "{{resources.folders.parent}}"}}}
    run = executed(a_run(source, [{**FOLDERS, "recurse": deeper}], METHODS))
    error = run.record_errors.get()
    assert (run.status, error.code, error.is_quarantine) == (RunStatus.COMPLETED, "recursion_too_deep", False)
    assert (len(source.served), run.steps.get().watermark) == (6, None)


def test_more_requests_than_a_run_can_bear_are_left_out_with_an_error(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recursion, "MAX_REQUESTS", 10)
    run = executed(a_run(source, [FOLDERS], METHODS))
    assert {error.code for error in run.record_errors.all()} == {"recursion_too_long"}
    assert len(source.served) == 11
    assert run.steps.get().watermark is None


def test_an_expression_that_fails_on_a_record_is_that_records_error(source: Source) -> None:
    failing = {**RECURSE, "if": 'response.id = "root.1" ? $number(response.name) : response.is_folder'}
    run = executed(a_run(source, [{**FOLDERS, "recurse": failing}], METHODS))
    error = run.record_errors.get()
    assert (error.code, error.record_id, error.is_quarantine) == ("recurse_failed", "root.1", False)
    assert Record.objects.filter(record_id="root.1").exists()
    assert (run.status, run.steps.get().watermark) == (RunStatus.COMPLETED, None)
    assert "root.1" not in asked(source)


def test_fail_fast_ends_the_run_at_such_a_record(source: Source) -> None:
    failing = {**RECURSE, "if": "$number(response.name)"}
    run = executed(a_run(source, [{**FOLDERS, "recurse": failing}], METHODS, error_handling="fail_fast"))
    assert run.error is not None
    assert (run.status, run.error["code"]) == (RunStatus.FAILED, "recurse_failed")


def test_one_failed_folder_does_not_keep_the_others_from_being_found(source: Source) -> None:
    source.before = lambda request: Response("no", 403) if request.args["parent"] == "root.1" else None
    run = executed(a_run(source, [FOLDERS], METHODS))
    assert (run.status, run.error_count) == (RunStatus.COMPLETED, 1)
    assert not [parent for parent in asked(source) if parent.startswith("root.1.")]
    assert len(asked(source)) == 40 - 12


def test_the_id_of_a_further_request_may_come_from_the_record(source: Source) -> None:
    def items(request: Request) -> Response:
        parent = request.path.split("/")[2]
        return json_response({"data": [row for row in source.tables["folders"] if row["parent"] == parent]})

    source.before = items
    entry = {"resource": "items", "method": "list", "id": "root", "persist": True}
    recurse = {"if": "response.is_folder and args.deep", "config": {"id": "{{resources.items.id}}"}}
    run = executed(a_run(source, [{**entry, "recurse": recurse}], METHODS, args={"deep": True}))
    assert run.fetched == len(source.tables["folders"])
    assert "/folders/root.2.1/items" in {request.path for request in source.served}


def test_it_goes_with_a_parent_a_loop_and_children() -> None:
    """Drives with folders, in two languages, and the permissions of each folder."""
    drives = [{"iso": "A", "id": "A"}, {"iso": "B", "id": "B"}]
    folders = [
        {"id": f"{drive}{language}{number}", "drive": drive, "language": language, "parent": parent, "is_folder": True}
        for drive in "AB"
        for language in ("de", "fr")
        for number, parent in [(1, "root"), (2, f"{drive}{language}1")]
    ]
    entries = [
        {"resource": "countries", "method": "list"},
        {
            **FOLDERS,
            "depends_on": "countries",
            "loop_on": "languages",
            "query": {"parent": "root", "drive": "{{resources.countries.iso}}", "language": "{{args.languages}}"},
        },
        {
            "resource": "cities",
            "method": "list",
            "depends_on": "folders",
            "query": {"country": "{{resources.countries.iso}}", "folder": "{{resources.folders.id}}"},
        },
    ]
    with serving({"countries": drives, "folders": folders, "cities": []}) as source:
        run = executed(a_run(source, entries, METHODS, args={"languages": ["de", "fr"]}))
    assert run.error_count == 0
    assert run.resource_stats()["folders"]["list"] == {"fetched": 8, "persisted": 8}
    assert len(asked(source)) == 12
    seen = {(request.query["country"], request.query["folder"]) for request in source.requests("/cities")}
    assert seen == {(row["drive"], row["id"]) for row in folders}
    assert {step.status for step in run.steps.all()} == {StepStatus.COMPLETED}
