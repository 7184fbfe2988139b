"""Matrix 4f, rows 66 to 71: queries, guesses, sizes, addresses and hosts that are meant to hurt."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path
from urllib.parse import quote

import httpx2

from tests.dashboard.routes import Rank
from tests.faults.conftest import Row
from tests.faults.doors import Doors
from tests.faults.stage import PASSWORD, WATCHER, Stage
from tests.own_servers import port_of

MEGABYTE = 1_000_000
LARGEST_WEB = 300 * MEGABYTE  # bytes of memory that the web process may have


LOOKUPS = ("password__startswith", "user__password__startswith", "environment__tokens__digest", "args__x')) OR 1=1 --")
INJECTIONS = ("' OR 1=1 --", '"; DROP TABLE runs_record; --', "1) UNION SELECT 1 --", "%' OR '%'='", "\\'; --")
LISTS = ("/sync-job-run", "/sync-job", "/integrated-account", "/record", "/webhook", "/integration")
PAGES = ("/runs/", "/accounts/", "/records/", "/errors/", "/audit/", "/webhooks/")
NAMES = (
    "q",
    "status",
    "job",
    "account",
    "since",
    "until",
    "sort",
    "order_by",
    "cursor",
    "path",
    "next_cursor",
    "limit",
)
ODD = ("\0", "-1", "99999999999999999999999", "2020-13-45", "1e400", "null", "x" * 5_000, "é" * 500, "[]", "../../etc")


def test_row_66_queries_in_queries(doors: Doors, row: Row) -> None:
    """SQL and lookups of the ORM in filters, sorts, searches and JSON keys."""
    asked = ask_oddly(doors, [*INJECTIONS], (*NAMES, *LOOKUPS))
    program = doors.stage.deck.api
    everything = len(program.get("/sync-job-run").json()["result"])
    for name in LOOKUPS:
        answer = program.get("/sync-job-run", params={name: "x"})
        assert answer.status_code == 400 or len(answer.json()["result"]) == everything, name
    assert doors.stage.deck.stored(), "the table is still there"
    row.passed(doors.stage, "XA")
    row.showed(f"{asked} odd questions, none answered with 500")


def test_row_67_odd_values_in_queries(doors: Doors, row: Row) -> None:
    """NUL, a megabyte, negative and huge numbers, dates that are none."""
    asked = ask_oddly(doors, [*ODD], NAMES)
    port = port_of(str(doors.stage.deck.api.base_url))
    long = raw(port, f"GET /sync-job-run?q={'x' * MEGABYTE} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    assert re.match(rb"HTTP/1.\d 4\d\d ", long), long[:100]
    row.passed(doors.stage, "A")
    row.showed(f"{asked} odd questions, none answered with 500")


def ask_oddly(doors: Doors, values: list[str], names: tuple[str, ...]) -> int:
    """Every list with every value under every name; how many questions that were."""
    asked = 0
    for value in values:
        for path in (*LISTS, *PAGES):
            who = doors.stage.deck.api if path in LISTS else doors.people[Rank.ADMIN].browser
            query = "&".join(f"{quote(name)}={quote(value)}" for name in names)
            for text in (query, f"{quote(names[asked % len(names)])}={quote(value)}"):
                answer = who.get(f"{path}?{text}")
                assert answer.status_code < 500, f"{path}?{text[:200]}: {answer.status_code}"
                asked += 1
    return asked


def test_row_68_guessing_passwords_and_tokens(doors: Doors, row: Row) -> None:
    """One name from one address, again and again; a name that nobody has; tokens."""
    told = {name: attempts(doors, name, "127.0.0.9") for name in ("operator", "nobody-has-this-name")}
    assert [status for status, _ in told["operator"]] == [status for status, _ in told["nobody-has-this-name"]]
    assert told["operator"][-1][0] in (403, 429)
    by_itself = r'value="[^"]*"|operator|nobody-has-this-name|\d{4}-\d\d-\d\dT[\d:.+]+|\b\w{64}\b'
    texts = [re.sub(by_itself, "", told[name][0][1]) for name in told]
    assert texts[0] == texts[1], "the answer does not tell whether somebody has the name"
    assert doors.somebody("operator", "127.0.0.8").get("/runs/").status_code == 200, (
        "from elsewhere nobody is locked out"
    )
    guesses = [doors.people[Rank.ANYBODY].get("/sync-job-run", Authorization=f"Bearer sd_{at:040}") for at in range(30)]
    assert {guess.status_code for guess in guesses} <= {401, 429}
    row.passed(doors.stage, "XA")
    row.showed(
        f"locked out after {len([1 for status, _ in told['operator'] if status == 200])} attempts, from there alone"
    )


def attempts(doors: Doors, name: str, address: str) -> list[tuple[int, str]]:
    """Twelve of them: how each was answered."""
    person = doors.somebody(source_address=address)
    answers = [person.post("/login/", {"username": name, "password": f"wrong {at}"}) for at in range(12)]
    return [(answer.status_code, answer.text) for answer in answers]


def test_row_69_bodies_that_are_too_much(stage: Stage, row: Row) -> None:
    """A gigabyte announced, endless chunks, depth, thousands of fields, one byte a second."""
    api, port = stage.deck.api, port_of(str(stage.deck.api.base_url))
    head = f"POST /sync-job-run HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    announced = raw(port, f"{head}Content-Length: {1_000 * MEGABYTE}\r\n\r\n".encode())
    assert b" 413 " in announced or b" 401 " in announced or b" 400 " in announced, announced[:200]
    endless = raw(port, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode(), b"186A0\r\n" + b"x" * 100_000 + b"\r\n")
    assert b" 413 " in endless or b" 400 " in endless or b" 401 " in endless, endless[:200]
    deep = api.post("/sync-job-run", content=b'{"args":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert 400 <= deep.status_code < 500, deep.text[:200]
    wide = api.post("/sync-job-run", content=json.dumps({str(at): at for at in range(200_000)}).encode())
    assert 400 <= wide.status_code < 500, wide.text[:200]
    with httpx2.Client(base_url=str(api.base_url)) as browser:
        browser.get("/login/")
        fields = {f"f{at}": "x" for at in range(10_000)} | {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        assert 400 <= browser.post("/login/", data=fields).status_code < 500
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    for connection in slow:
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    begun = time.monotonic()
    assert api.get("/sync-job-run").status_code == 200, "who is slow keeps nobody else waiting"
    took = time.monotonic() - begun
    for connection in slow:
        connection.close()
    peak = max(memory_of(process.pid) for process in stage.deck.processes.named("serve"))
    assert peak < LARGEST_WEB, peak
    row.passed(stage, "A")
    row.showed(
        f"refused early; beside 40 slow ones an answer in {took:.1f} s; the web process had {peak // MEGABYTE} MB"
    )


def raw(port: int, head: bytes, repeated: bytes = b"") -> bytes:
    """What the server answers while the bytes are sent again and again, at most 64 MB of them."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        try:
            connection.sendall(head)
            for _ in range(64 * MEGABYTE // len(repeated) if repeated else 0):
                connection.sendall(repeated)
            return connection.recv(65_536)
        except (BrokenPipeError, ConnectionResetError):
            return connection.recv(65_536)


def memory_of(pid: int) -> int:
    """The most that the process has had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1_024


def test_row_70_addresses_to_go_on_to(doors: Doors, row: Row) -> None:
    """A login, or an order, that would lead to another host afterwards."""
    evil = (
        "//evil.example",
        "https:evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "https://evil.example/",
        "\t//evil.example",
    )
    for address in evil:
        person = doors.somebody()
        login = person.post("/login/", {"username": WATCHER, "password": PASSWORD, "next": address})
        assert leads_home(login), f"{address!r}: {login.headers}"
        order = person.post(f"/runs/{doors.ids['run_id']}/acknowledge/", {"next": address}, **{"HX-Request": "true"})
        assert leads_home(order), f"{address!r}: {order.headers}"
    row.passed(doors.stage, "X")
    row.showed(f"{2 * len(evil)} answers lead to pages of our own")


def leads_home(answer: httpx2.Response) -> bool:
    """Whether no header of the answer leads to another host."""
    led = [answer.headers.get(name, "/") for name in ("location", "hx-redirect", "hx-location")]
    return answer.status_code < 500 and all(re.match(r"/(?![/\\])", one) for one in led)


def test_row_71_forged_hosts(doors: Doors, row: Row) -> None:
    """Host and X-Forwarded-* from anybody but our own proxy."""
    person = doors.people[Rank.ANYBODY]
    for path in ("/login/", "/", "/sync-job-run", "/readyz"):
        assert person.get(path, Host="evil.example").status_code in (400, 421), path
    forwarded = {"X-Forwarded-Host": "evil.example", "X-Forwarded-For": "8.8.8.8", "X-Forwarded-Proto": "https"}
    answer = person.get("/", **forwarded)
    assert "evil" not in str(answer.headers)
    assert "evil" not in answer.text
    doors.people[Rank.ANYBODY].post("/login/", {"username": "admin", "password": "wrong"}, **forwarded)
    assert not doors.stage.deck.rows("SELECT 1 FROM runs_auditentry WHERE CAST(ip AS text) LIKE '8.8.8.8%'")
    row.passed(doors.stage, "X")
    row.showed("refused; what a stranger says of the way is not believed, nor written down")
