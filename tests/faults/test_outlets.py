"""Matrix 4f, rows 64, 65 and 72 to 77: what gets out, by answers, addresses, files, logs, the admin and the broker."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import subprocess
from typing import Any

import redis
from werkzeug import Response

from tests import services
from tests.dashboard.routes import Rank, page_routes
from tests.faults.conftest import Row
from tests.faults.doors import Doors, doors_of
from tests.faults.invariants import Expected
from tests.faults.ledgers import CANARIES, ledger, telling_all
from tests.faults.stage import PASSWORD, WATCHER, Stage
from tests.processes import PROJECT
from tests.test_secrets import unknown_secrets


def test_row_64_secrets_that_a_source_repeats(stage: Stage, row: Row) -> None:
    """A source that answers with all that it was sent, and a definition that is no longer valid."""
    stage.daemon()
    stage.source.before = lambda request: telling_all(request, 403)
    refused = stage.executed(error_handling="fail_fast")
    stage.source.before = lambda request: telling_all(request, 200)
    odd = stage.executed(error_handling="ignore", ignore_previous_run=True)
    row.judge(stage, "X", Expected([refused["id"], odd["id"]], whole=False))
    row.showed("found nowhere: logs, pages, JSON, exports, admin, metrics, every column of every table")


def test_row_65_another_base_url_keeps_the_token(stage: Stage, row: Row) -> None:
    """Somebody points the integration, or an account, to a server of their own."""
    stage.daemon()
    integration = stage.deck.get("/integration")["result"][0]
    with ledger() as theirs:
        config = {**integration["config"], "base_url": theirs.url}
        changed = stage.deck.api.patch(f"/integration/{integration['id']}", json={"config": config})
        assert changed.status_code == 200, changed.text
        assert stage.deck.get(f"/integrated-account/{stage.deck.account_id}")["status"] == "needs_reauth"
        stage.executed(error_handling="ignore")
        sent = str([(one.headers, one.query) for one in theirs.served])
        assert not [name for name, secret in CANARIES.items() if secret in sent]
    row.passed(stage, "X")
    row.showed(f"{len(theirs.served)} requests came there, none with a secret; the account needs new credentials")


FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    '"=1',
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(1)",
    "a,b\nc",
    'say "x"',
)


def test_row_72_formulas_in_exports(stage: Stage, row: Row) -> None:
    """Records that a spreadsheet would take for formulas, with separators and line ends."""
    for at, text in enumerate(FORMULAS):
        stage.source.tables["countries"][at]["name"] = text
    with doors_of(stage) as doors:
        exported = doors.people[Rank.ADMIN].get(
            f"/records/export.csv?account={stage.deck.account_id}&resource=countries"
        )
        assert exported.status_code == 200, exported.text[:300]
        audited = doors.people[Rank.ADMIN].get("/audit/export.csv")
        entries = stage.deck.rows("SELECT action FROM runs_auditentry WHERE action LIKE '%export%'")
    rows = list(csv.reader(io.StringIO(exported.text, newline="")))
    dangerous = [cell for line in [*rows, *csv.reader(io.StringIO(audited.text))] for cell in line if is_formula(cell)]
    assert not dangerous, dangerous[:5]
    assert all(len(line) == len(rows[0]) for line in rows)
    assert len(entries) == 2, entries
    row.passed(stage, "X")
    row.showed(f"{len(rows) - 1} lines, no cell that begins a formula; both exports are in the audit list")


def is_formula(cell: str) -> bool:
    return cell[:1] in set("=+-@\t\r\uff1d\uff0b\uff0d\uff20") and not re.fullmatch(r"-?\d+(\.\d+)?", cell)


def test_row_73_lines_that_others_write_into_the_log(doors: Doors, row: Row) -> None:
    """Line ends, colours and marks that turn the text, in names, paths and errors."""
    stage = doors.stage
    evil = "\r\nINJECTED line \x1b[31mred\x1b[0m \u202eturned"
    stage.deck.account_id = stage.account(evil.replace("\r\n", " "))
    stage.source.before = lambda request: Response(evil, 404)
    stage.executed(error_handling="fail_fast", ignore_previous_run=True, args={"n": 3})
    doors.people[Rank.ANYBODY].post("/login/", {"username": evil, "password": "x"})
    doors.people[Rank.ANYBODY].get("/nowhere%0D%0AINJECTED%1B%5B31m")
    doors.people[Rank.ANYBODY].get("/runs/", **{"User-Agent": "x INJECTED \x1b[31m"})
    lines = [line for log in stage.deck.data_dir.glob("*.log") for line in log.read_bytes().splitlines()]
    assert lines
    assert not [line for line in lines if line.lstrip().startswith(b"INJECTED")]
    assert not [line for line in lines if b"\x1b[31m" in line or "\u202e".encode() in line]
    row.passed(stage, "X")
    row.showed(f"{len(lines)} lines of log, none of somebody else's")


def test_row_74_the_admin(doors: Doors, row: Row) -> None:
    """A viewer who edits, bulk actions, a run that is changed by hand, a secret in a history."""
    run = f"/admin/runs/syncjobrun/{doors.ids['run_id']}"
    before = doors.stage.deck.rows("SELECT status, attempt, updated_at FROM runs_syncjobrun ORDER BY id")
    orders = ("/change/", "/delete/")
    for rank in (Rank.VIEWER, Rank.OPERATOR, Rank.ADMIN, Rank.SUPERUSER):
        for order in orders:
            answer = doors.people[rank].post(f"{run}{order}", {"status": "completed", "post": "yes"})
            assert answer.status_code in (302, 403, 404, 405), f"{rank.name} {order}: {answer.status_code}"
        chosen = {"action": "delete_selected", "_selected_action": doors.ids["run_id"], "post": "yes"}
        doors.people[rank].post("/admin/runs/syncjobrun/", chosen)
    assert doors.stage.deck.rows("SELECT status, attempt, updated_at FROM runs_syncjobrun ORDER BY id") == before
    for model in ("integratedaccount", "webhook", "apitoken", "user", "alertrule"):
        for rank in (Rank.VIEWER, Rank.CUSTOMER):
            answer = doors.people[rank].post(f"/admin/runs/{model}/add/", {"name": "x"})
            assert answer.status_code in (302, 403), f"{rank.name} {model}: {answer.status_code}"
    account = f"/admin/runs/integratedaccount/{doors.ids['account_id']}"
    shown = [doors.people[Rank.SUPERUSER].get(f"{account}{page}").text for page in ("/change/", "/history/")]
    assert not [name for text in shown for name, secret in CANARIES.items() if secret in text]
    row.passed(doors.stage, "XS")
    row.showed("runs stay as they are; nobody below an admin writes; credentials are not shown")


def test_row_75_headers_and_what_is_open(doors: Doors, row: Row) -> None:
    """Frames, sniffing, referrers, cookies, TRACE, debug pages, metrics."""
    person = doors.people[Rank.SUPERUSER]
    for path in ("/", "/runs/", "/nowhere/", "/admin/", "/docs"):
        headers = person.get(path).headers
        assert headers["x-frame-options"] == "DENY", path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin", path
        assert headers["cross-origin-opener-policy"] == "same-origin", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert "server" not in headers, path
    cookies = {cookie.name: cookie for cookie in person.browser.cookies.jar}
    assert cookies["sessionid"].has_nonstandard_attr("HttpOnly")
    assert all(cookie.get_nonstandard_attr("SameSite") == "Lax" for cookie in cookies.values())
    unknown = doors.people[Rank.ANYBODY]
    assert unknown.ask("TRACE", "/").status_code in (302, 403, 405, 501)
    assert unknown.get("/metrics").status_code in (302, 401, 403)
    assert "Traceback" not in unknown.get("/nowhere/").text + person.get("/runs/x/").text
    for route in ("/__debug__/", "/static/../manage.py", "/static/%2e%2e/manage.py", "/.git/config"):
        assert "django" not in unknown.get(route).text.lower(), route
    row.passed(doors.stage, "X")
    row.showed(f"on pages, API, admin and errors alike; {len(page_routes())} pages, none of them for debugging")


def test_row_75_cookies_over_https(doors: Doors, row: Row) -> None:
    """Behind a proxy that speaks https: the cookies, and the promise to stay there."""
    public = {"PUBLIC_URL": "https://deck.example", "BEHIND_PROXY": "true"}
    proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.1, 203.0.113.7"}
    proxied |= {"Host": "deck.example", "Referer": "https://deck.example/login/"}
    with doors.stage.web("-", **public) as web:
        answer = web.get("/login/", headers=proxied)
        kept = answer.headers["set-cookie"].partition(";")[0]
        fields = {"username": WATCHER, "password": PASSWORD, "csrfmiddlewaretoken": kept.partition("=")[2]}
        logged_in = web.post("/login/", headers={**proxied, "Cookie": kept}, data=fields)
        plain = web.get("/login/", headers={"Host": "deck.example"})
    assert (plain.status_code, plain.headers["location"]) == (301, "https://deck.example/login/")
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains; preload"
    cookies = logged_in.headers.get_list("set-cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-sessionid", "__Host-csrftoken"}, cookies
    assert all("Secure" in cookie and "Path=/;" in cookie and "Domain" not in cookie for cookie in cookies), cookies
    logins = "SELECT host(ip) FROM runs_auditentry WHERE action = 'person.login' ORDER BY created_at DESC LIMIT 1"
    assert doors.stage.deck.rows(logins) == [("203.0.113.7",)]
    row.passed(doors.stage, "X")
    row.showed("over https the cookies are of this host alone, and nothing is answered by plain http")


def test_row_76_forged_messages(stage: Stage, row: Row) -> None:
    """Somebody who reaches the broker sends pickles, unknown tasks, other arguments and other people's runs."""
    daemon = stage.daemon()
    finished = stage.executed()
    prefix = str(stage.deck.processes.environment["BROKER_KEY_PREFIX"])
    with redis.from_url(services.BROKER_URL) as broker:
        for body, headers, kind in forged(finished["id"]):
            broker.lpush(f"{prefix}sync.{stage.deck.group}", message(body, headers, kind))
    later = stage.executed(ignore_previous_run=True, args={"n": 1})
    assert daemon.popen.poll() is None, "the daemon works on"
    assert stage.deck.run(finished["id"])["updated_at"] == finished["updated_at"]
    row.judge(stage, "DSF", Expected([finished["id"], later["id"]]))
    row.showed(f"{len(forged(''))} forged messages: none does anything, and the daemon works on")


def forged(run_id: str) -> list[tuple[str, dict[str, Any], str]]:
    """Body, headers and content type of each."""
    task, pickled = (
        {"task": "runs.tasks.execute_run", "id": "1"},
        "gASVJAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAl0b3VjaCAvdG1wlIWUUpQu",
    )
    empty = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    bodies = [[], [run_id, "more"], [{"a": 1}], ["' OR 1=1"], [run_id], ["../../x"], [None]]
    made = [(json.dumps([args, {}, empty]), task, "application/json") for args in bodies]
    made += [(json.dumps([[], {"self": 1}, empty]), task, "application/json"), ("{", task, "application/json")]
    made += [(json.dumps([["rm -rf /"], {}, empty]), {"task": "os.system", "id": "2"}, "application/json")]
    return [*made, (pickled, task, "application/x-python-serialize")]


def message(body: str, headers: dict[str, Any], kind: str) -> str:
    """As kombu puts it into a list of Redis."""
    properties = {
        "body_encoding": "base64",
        "delivery_info": {"exchange": "", "routing_key": "x"},
        "delivery_tag": body[:20],
    }
    content = body if "python" in kind else base64.b64encode(body.encode()).decode()
    whole = {"body": content, "content-encoding": "utf-8", "content-type": kind, "headers": {"lang": "py", **headers}}
    return json.dumps({**whole, "properties": properties})


def test_row_77_what_is_in_the_repository(row: Row) -> None:
    """A secret that was committed; a dependency that is not the one that was locked."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, stdout=subprocess.PIPE, check=True).stdout
    files = [PROJECT / name.decode() for name in listed.split(b"\0") if name]
    assert unknown_secrets() == {}
    locks = [path for path in files if path.name.endswith(".lock")]
    unpinned = [
        line for lock in locks for line in lock.read_text().splitlines() if re.match(r"\w", line) and "==" not in line
    ]
    assert not unpinned, unpinned
    assert all("--hash=sha256:" in lock.read_text() for lock in locks)
    row.judged.append("X")
    row.showed(
        f"{len(files)} files without a secret; {len(locks)} locks with a hash for each; advisories: `make audit`"
    )
