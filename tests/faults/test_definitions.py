"""Matrix 4e, rows 55 to 57: arguments, placeholders and dependencies that are wrong, or meant to hurt."""

from __future__ import annotations

import time
from typing import Any

import httpx2
from werkzeug import Response

from tests.faults.conftest import Row
from tests.faults.invariants import Expected
from tests.faults.stage import Stage

SOON = 5.0  # seconds in which a refusal has to come
MEGABYTE = 1_000_000
LISTED = {"resource": "countries", "method": "list", "persist": True}
SCHEMA = {
    "type": "object",
    "properties": {
        "since": {"type": "string"},
        "limit": {"type": "integer", "minimum": 1},
        "code": {"type": "string", "pattern": "^(a+)+$"},
        "deep": {"type": "object", "properties": {"list": {"type": "array", "items": {"type": "integer"}}}},
    },
    "required": ["limit"],
    "additionalProperties": False,
}


def failures(answer: httpx2.Response, status: int = 400) -> dict[str, str]:
    """What was refused, by its path."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:500]}"
    return {failure["path"]: failure["message"] for failure in answer.json()["details"]["failures"]}


def post_job(stage: Stage, entries: list[dict[str, Any]], **more: Any) -> httpx2.Response:
    body = {"integration_name": "geo", "label": "a job", "resources": entries, **more}
    return stage.deck.api.post("/sync-job", json=body)


def test_row_55_arguments_against_their_schema(stage: Stage, row: Row) -> None:
    """Arguments that are missing, too many, of a wrong type, huge, or slow to match; a schema that leads outside."""
    for ref in ("file:///etc/passwd", "http://127.0.0.1:9/schema", "https://json-schema.org/draft/2020-12/schema#/x"):
        assert any("args_schema" in path for path in failures(post_job(stage, [LISTED], args_schema={"$ref": ref})))
    made = post_job(stage, [LISTED], args_schema=SCHEMA)
    assert made.status_code == 201, made.text
    target = {"sync_job_id": made.json()["id"], "integrated_account_id": stage.deck.account_id}
    for args, path in WRONG:
        begun = time.monotonic()
        answer = stage.deck.api.post("/sync-job-run", json={**target, "args": args})
        assert time.monotonic() - begun < SOON, path
        if path:
            assert path in failures(answer), answer.text[:500]
        else:
            assert answer.status_code == 413, answer.text[:500]
    assert stage.deck.rows("SELECT count(*) FROM runs_syncjobrun") == [(0,)]
    stage.daemon()
    row.judge(stage, "XA", Expected([], whole=False))
    row.showed(f"{len(WRONG)} refused by their paths within {SOON:.0f} s; no reference is followed")


WRONG: list[tuple[Any, str]] = [
    ({}, "args.limit"),
    ({"limit": 1, "more": 2}, "args"),
    ({"limit": "1"}, "args.limit"),
    ({"limit": 0}, "args.limit"),
    ({"limit": True}, "args.limit"),
    ({"limit": 1, "deep": {"list": [1, "2"]}}, "args.deep.list.1"),
    ({"limit": 1, "code": "a" * 40 + "!"}, "args.code"),
    ([], "args"),
    ({"limit": 1, "since": "x" * 3 * MEGABYTE}, ""),
]


def test_row_56_placeholders_that_find_nothing_or_look_like_code(stage: Stage, row: Row) -> None:
    """An id without a value, null, a list or an object; values that look like templates; line ends in a header."""
    stage.daemon()
    one = {"resource": "countries", "method": "get", "persist": True, "id": "{{args.id}}"}
    stage.deck.job_id = post_job(stage, [one]).json()["id"]
    asked = len(stage.source.served)
    for args in ({}, {"id": None}, {"id": ""}):
        run = stage.executed(args=args, error_handling="ignore", ignore_previous_run=True)
        (error,) = stage.deck.get(f"/sync-job-run/{run['id']}/error")["result"]
        assert "{{args.id}}" in error["message"], error
    assert len(stage.source.served) == asked, "nothing was asked for without its id"
    listed = {**LISTED, "query": {"name": "{{args.name}}"}}
    stage.deck.job_id = post_job(stage, [listed]).json()["id"]
    for text in CODE:
        stage.executed(args={"name": text}, ignore_previous_run=True)
        assert stage.source.served[-1].query["name"] == text
    stage.deck.account_id = stage.account("a\r\nX-Injected: 1")
    refused = stage.executed(args={"name": "x"}, ignore_previous_run=True, error_handling="ignore")
    assert refused["error_count"] == 1
    assert not [served for served in stage.source.served if "X-Injected" in served.headers]
    row.passed(stage, "XS")
    row.showed("named errors before any request; values go out as they are, encoded; no header of somebody else's")


CODE = ("{{7*7}}", "{{context.token}}", "{0.__class__}", "${jndi:ldap://x}", "a/../b?c=d&e=f#g", "%00 é 🎉 \\")


def test_row_57_dependencies_that_lead_nowhere(stage: Stage, row: Row) -> None:
    """A cycle, itself, an unknown parent, a chain of thousands; a parent that fails."""
    begun = time.monotonic()
    refused = failures(post_job(stage, [named("a", "b"), named("b", "c"), named("c", "a")]))
    assert any("a" in text and "b" in text and "c" in text for text in refused.values()), refused
    assert failures(post_job(stage, [named("a", "a")]))
    assert failures(post_job(stage, [named("a", "nobody")]))
    chain = [named("n0", None), *(named(f"n{at}", f"n{at - 1}") for at in range(1, 5_000))]
    assert post_job(stage, chain).status_code in (201, 400, 413)
    ring = [*chain, named("n5000", "n4999")]
    ring[0] = named("n0", "n5000")
    assert post_job(stage, ring).status_code in (400, 413)
    took = time.monotonic() - begun
    assert took < 4 * SOON, took
    stage.daemon()
    parents = {**LISTED, "name": "parents"}
    child = {**LISTED, "name": "children", "depends_on": "parents", "query": {"of": "{{resources.parents.iso}}"}}
    stage.deck.job_id = post_job(stage, [parents, child]).json()["id"]
    stage.source.before = lambda request: Response("no", 404)
    run = stage.executed(ignore_previous_run=True, error_handling="ignore")
    assert run["error_count"] == 1, "the children have no parents to ask for"
    row.passed(stage, "ST")
    row.judge(stage, "X", Expected([run["id"]]))
    row.showed(f"refused by name, chains of 5,000 within {took:.1f} s; children of a failed parent are not asked for")


def named(name: str, parent: str | None) -> dict[str, Any]:
    return {**LISTED, "name": name, **({} if parent is None else {"depends_on": parent})}
