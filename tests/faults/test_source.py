"""Matrix 4c, rows 31 to 40: a customer's API that limits, fails, stalls, lies or leads away."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Request, Response

from tests.faults import hostile
from tests.faults.conftest import Row
from tests.faults.invariants import Expected
from tests.faults.ledgers import CANARIES, telling_all
from tests.faults.stage import Stage
from tests.processes import Process, wait_until
from tests.sources import json_response

MOST_MEMORY = 300_000  # kB
HOUR = timedelta(hours=1)
MOST_TRIES = 4
OF_A_PAGE = 75.0  # seconds: the deadline of a page, and what a run needs around it


def peak_memory(process: Process) -> int:
    """What the process took at most, in kB."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def misbehaving(stage: Stage, answers: dict[str, Any], **method: Any) -> Any:
    """A job of one entry for each of the ways of going wrong; to be used in a `with` block."""
    names = list(answers)
    source = hostile.HostileSource({})
    source.answers = {name: getattr(source, how) if isinstance(how, str) else how for name, how in answers.items()}
    stage.define("hostile", entries=hostile.entries(names), **hostile.described(source, names, **method))
    return source


def errors_of(stage: Stage, run_id: str) -> dict[str, str]:
    """Per resource the message of its first error, as the API tells it."""
    found = stage.deck.get(f"/sync-job-run/{run_id}/error?limit=1000")["result"]
    return {error["resource"]: f"{error['code']}: {error['message']}" for error in reversed(found)}


class FirstTime:
    """The first answer to each tenant for a page is another one; all that follow are the source's."""

    def __init__(self, answer: Callable[[Request], Response]) -> None:
        self._answer = answer
        self.asked: dict[str, list[float]] = {}

    def __call__(self, request: Request) -> Response | None:
        times = self.asked.setdefault(request.headers["X-Tenant"], [])
        times.append(time.monotonic())
        return self._answer(request) if len(times) == 1 else None


WAITS = {"3": 3.0, "date": 3.0, "past date": 1.0, "-5": 0.0, "1e9": 0.0, "abc": 0.0, "": 0.0}
LONG_WAITS = ("864000", "99999999999999999999")


def retry_after(tenant: str) -> dict[str, str]:
    moments = {"date": timedelta(seconds=4), "past date": timedelta(hours=-1)}
    if tenant in moments:
        return {"Retry-After": format_datetime(datetime.now(UTC) + moments[tenant], usegmt=True)}
    return {} if tenant == "none" else {"Retry-After": tenant}


def test_row_31_limits_of_the_rate(stage: Stage, row: Row) -> None:
    """429 with seconds, a date, a past date, `-5`, `1e9`, `abc`, nothing, ten days, a number of twenty digits."""
    source = stage.source.before = FirstTime(lambda request: limited(request))
    stage.daemon(concurrency=8)
    tenants = {wait or "none": seconds for wait, seconds in WAITS.items()}
    short = {tenant: stage.create_run(integrated_account_id=stage.account(tenant)) for tenant in tenants}
    long = [stage.create_run(integrated_account_id=stage.account(tenant)) for tenant in LONG_WAITS]
    ended = stage.drained(list(short.values()))
    waited = {tenant: source.asked[tenant][1] - source.asked[tenant][0] for tenant in short}
    parked = [
        wait_until(lambda run_id=run_id: stage.deck.run(run_id)["rate_limited_until"], 20, "a wait") for run_id in long
    ]
    for run_id in long:
        stage.deck.post(f"/sync-job-run/{run_id}/stop", {})

    for tenant, seconds in tenants.items():
        assert waited[tenant] >= seconds - 0.1, tenant
    assert all(datetime.fromisoformat(until) < datetime.now(UTC) + HOUR for until in parked)
    row.judge(stage, "DSFX", Expected(list(short.values())))
    row.judge_each(stage, ended)
    told = ", ".join(f"{tenant} → {seconds:.1f} s" for tenant, seconds in waited.items())
    row.showed(f"waited {told}; the two long ones park the run, for an hour at most")


def limited(request: Request) -> Response:
    return telling_all(request, 429, **retry_after(request.headers["X-Tenant"]))


def test_row_32_a_flapping_source(stage: Stage, row: Row) -> None:
    """More than half of all answers are 500, 502 or 503; and an account of which all are."""
    failures: dict[str, list[int]] = {}

    def before(request: Request) -> Response | None:
        """Each address fails up to three times, before it answers."""
        if request.headers["X-Tenant"] == "down":
            return telling_all(request, 503)
        statuses = [row.random.choice([500, 502, 503]) for _ in range(row.random.randrange(MOST_TRIES))]
        left = failures.setdefault(request.url, statuses)
        return telling_all(request, left.pop()) if left else None

    stage.source.before = before
    stage.daemon(concurrency=4)
    flapping = stage.create_run()
    down = stage.create_run(integrated_account_id=stage.account("down"))
    stage.drained([flapping, down])
    asked = sum(request.headers["X-Tenant"] == "down" for request in stage.source.served)
    stage.source.before = None

    assert asked == MOST_TRIES
    row.judge(stage, "LDSFA", Expected([flapping]))
    row.judge(stage, "SX", Expected([down], whole=False, errors=True))
    row.showed(f"completed; where all fail: {asked} tries, then {errors_of(stage, down)['countries'][:60]}")


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_row_33_refusals(stage: Stage, row: Row, status: int) -> None:
    """401, 403, 404, 422."""
    stage.source.before = lambda request: telling_all(request, status)
    stage.daemon()
    run_id = stage.create_run()
    run = stage.drained([run_id])[run_id]

    assert len(stage.source.served) <= 3
    expected = "failed" if status == 401 else "completed"
    row.judge(stage, "SFX", Expected([run_id], statuses=[expected], whole=False, errors=True))
    row.showed(f"{status}: {run['status']} after {len(stage.source.served)} requests")


def test_row_34_a_source_that_takes_for_ever(stage: Stage, row: Row) -> None:
    """It takes the connection and says nothing; drips a byte at a time; sends headers without end."""
    ways = {"silence": "hang", "drip": "drip", "headers": "endless_headers"}
    source = misbehaving(stage, ways)
    daemon = stage.daemon()
    begun = time.monotonic()
    run_id = stage.create_run()
    stage.drained([run_id], OF_A_PAGE * len(ways))
    took = time.monotonic() - begun
    source.close()

    assert peak_memory(daemon) < MOST_MEMORY
    assert errors_of(stage, run_id).keys() == ways.keys()
    row.judge(stage, "SX", Expected([run_id], whole=False, errors=True))
    row.showed(f"each an error; {took:.0f} s for the three")


def judged_errors(stage: Stage, row: Row, ways: dict[str, Any], limit: float = 90, **method: Any) -> dict[str, str]:
    """One run of an entry per way: every one of them is an error that says what it was, and the rest keeps working."""
    source = misbehaving(stage, ways, **method)
    daemon = stage.daemon()
    run_id = stage.create_run()
    stage.drained([run_id], limit)
    source.close()
    told = errors_of(stage, run_id)

    assert told.keys() == ways.keys()
    assert stage.deck.rows("SELECT count(*) FROM runs_record") == [(0,)]
    assert stage.deck.rows("SELECT count(*) FROM runs_runstep WHERE watermark IS NOT NULL") == [(0,)]
    assert peak_memory(daemon) < MOST_MEMORY
    row.judge(stage, "SX", Expected([run_id], whole=False, errors=True))
    stage.define("well")
    row.judge(stage, "A", Expected([], whole=False))
    row.showed(
        f"{len(told)} errors, of none a record was kept: {', '.join(sorted({code(text) for text in told.values()}))}"
    )
    return told


def code(told: str) -> str:
    return told.partition(":")[0]


def test_row_35_broken_bodies(stage: Stage, row: Row) -> None:
    """A reset in mid body, cut JSON, a wrong length, broken gzip, and a gzip bomb."""
    page = b'{"data": [{"id": 1}, {"id": 2}]}'
    ways = {
        "reset": hostile.reset,
        "cut": hostile.response(page[:-6]),
        "length": hostile.response(page).replace(b"Content-Length: 32", b"Content-Length: 64"),
        "gzip": hostile.response(b"\x1f\x8b\x08nothing of the kind", "Content-Encoding: gzip"),
        "bomb": hostile.gzip_bomb(200),
    }
    judged_errors(stage, row, ways)


def test_row_36_answers_of_the_wrong_shape(stage: Stage, row: Row) -> None:
    """HTML, nothing, 204, null, a text, a list, an object of an error: all with 200."""
    ways = {
        "html": hostile.response(b"<html>Sign in</html>"),
        "nothing": hostile.response(b""),
        "no-content": hostile.response(b"", status="204 No Content"),
        "null": hostile.response(b"null"),
        "text": hostile.as_json("data"),
        "list": hostile.as_json([{"id": 1}]),
        "failure": hostile.as_json({"error": "quota"}),
        "other": hostile.as_json({"data": {"id": 1}}),
    }
    judged_errors(stage, row, ways)


def test_row_37_wrong_encodings(stage: Stage, row: Row) -> None:
    """Invalid UTF-8, UTF-16, a Latin-1 header, a byte order mark."""
    page = '{"data": [{"id": "1", "name": "Zürich"}]}'
    ways = {
        "invalid": hostile.response(b'{"data": [{"id": "1", "name": "Z\xfcrich"}]}'),
        "utf16": hostile.response(page.encode("utf-16")),
        "latin1": hostile.response(page.encode("latin-1")).replace(
            b"application/json", b"application/json; charset=latin-1"
        ),
        "mark": hostile.response(b"\xef\xbb\xbf" + page.encode()),
    }
    source = misbehaving(stage, ways)
    stage.daemon()
    run_id = stage.create_run()
    stage.drained([run_id])
    source.close()
    errors = errors_of(stage, run_id)
    names = dict(stage.deck.rows("SELECT resource, data ->> 'name' FROM runs_record"))

    assert set(names.values()) <= {"Zürich"}
    assert names.keys() | errors.keys() == ways.keys()
    row.judge(stage, "SX", Expected([run_id], whole=False, errors=bool(errors)))
    row.showed(f"read right: {', '.join(sorted(names))}; an error each: {', '.join(sorted(errors))}")


def test_row_38_pages_without_end(stage: Stage, row: Row) -> None:
    """A stream that never ends."""
    judged_errors(stage, row, {"stream": "endless_body"})


def paged(request: Request, kind: str, own: str) -> Response:
    """What an API says that never comes to an end, or leads away from itself."""
    at = int(request.args.get("cursor", 0) or 0)
    rows = [{"id": f"{kind}-{at}"}]
    match kind:
        case "same":
            return json_response({"data": rows, "next": 7})
        case "cycle":
            return json_response({"data": rows, "next": 1 + at % 3})
        case "empty":
            return json_response({"data": [], "next": at + 1})
        case "elsewhere":
            return json_response({"data": rows, "next": "http://127.0.0.1:9/away"})
    return json_response({"data": rows, "next": "https://other.example.org/away"})


def test_row_39_pagination_without_end(stage: Stage, row: Row) -> None:
    """The same cursor again, a cycle of three, ever more empty pages, and next links that lead elsewhere."""
    kinds = ["same", "cycle", "empty", "elsewhere", "other-host"]
    links = ("elsewhere", "other-host")
    listed = {"method": "get", "response_path": "data"}

    def paging(kind: str) -> dict[str, Any]:
        config = (
            {"cursor_path": "next", "is_link": True}
            if kind in links
            else {"cursor_path": "next", "cursor_key": "cursor"}
        )
        return {"format": "cursor", "config": config}

    resources = {kind: {"list": {**listed, "path": f"/{kind}", "pagination": paging(kind)}} for kind in kinds}
    stage.source.before = lambda request: paged(request, request.path.strip("/"), stage.source.url)
    stage.define("endless", entries=hostile.entries(kinds), resources=resources)
    stage.daemon()
    run_id = stage.create_run()
    stage.drained([run_id])
    asked = {kind: len(stage.source.requests(f"/{kind}")) for kind in kinds}
    told = errors_of(stage, run_id)

    assert told.keys() == set(kinds), told
    assert all(count <= 6 for count in asked.values()), asked
    row.judge(stage, "SX", Expected([run_id], whole=False, errors=True))
    row.showed(", ".join(f"{kind}: {code(told[kind])} after {asked[kind]} requests" for kind in kinds))


def test_row_40_redirects(stage: Stage, row: Row) -> None:
    """Redirects to another host, which would be sent the credentials."""
    with hostile.hostile({"away": hostile.as_json({"data": []})}) as other:
        there = other.url.replace("127.0.0.1", "localhost")
        stage.source.before = lambda request: Response("", 302, headers={"Location": f"{there}/away"})
        stage.daemon()
        run_id = stage.create_run()
        run = stage.drained([run_id])[run_id]
        told = errors_of(stage, run_id)
        sent = b"".join(other.heads)

    assert not [name for name, secret in CANARIES.items() if secret.encode() in sent]
    row.judge(stage, "SX", Expected([run_id], whole=False, errors=bool(run["error_count"])))
    row.showed(f"{len(other.heads)} requests there, none with a credential; {told.get('countries', '')[:80]}")
