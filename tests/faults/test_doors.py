"""Matrix 4f, rows 58 to 63: what data, forged forms, foreign ids, roles and tokens get somebody."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx2
from werkzeug import Response

from runs.api import api as described_api
from tests.dashboard.routes import Rank, access_of, address_of, page_routes
from tests.faults.belongings import STRANGER
from tests.faults.conftest import Row
from tests.faults.doors import Doors, Person, doors_of
from tests.faults.stage import Stage, client
from tests.own_servers import port_of

HTMX = {"HX-Request": "true"}
SHORT = 8  # characters: such an id may stand for anything else
UNKNOWN = "00000000-0000-7000-8000-000000000000"
PAYLOADS = (
    '<script>alert("pwned")</script>',
    '"><img src=x onerror=alert(1)>',
    "<b evil hx-get=/logout/ hx-trigger=load>",
    "javascript:alert(1)//",
    "</script><svg onload=alert(1)>",
)
RAW = tuple(map(re.compile, ("<script>alert", "<img src=x", "<b evil", 'href="?javascript:', "<svg onload")))


def pages(doors: Doors) -> list[str]:
    """Every page that can be looked at."""
    readable = [route for route in page_routes() if access_of(route).get is not None and "uidb64" not in route]
    return [doors.address(route) for route in readable if not route.startswith(("logout", "login"))]


def test_row_58_markup_in_all_that_others_write(stage: Stage, row: Row) -> None:
    """Names, records, errors and a receiver's answer that are markup, scripts, htmx attributes."""
    evil = " ".join(PAYLOADS)
    for at, text in enumerate(PAYLOADS):
        stage.source.tables["countries"][at]["name"] = text
    stage.deck.account_id = stage.account(evil[:190])
    stage.deck.job_id = stage.deck.post(
        "/sync-job", {"integration_name": "geo", "label": evil[:190], "resources": entries()}
    )["id"]
    with doors_of(stage) as doors:
        stage.source.before = lambda request: markup_error(evil)
        stage.executed(ignore_previous_run=True, args={"n": 2})
        seen = 0
        for address in pages(doors):
            answer = doors.people[Rank.SUPERUSER].get(address)
            if answer.headers.get("content-type", "").startswith("text/html"):
                seen += evil[:8] in answer.text or "&lt;script&gt;" in answer.text
                assert not [raw.pattern for raw in RAW if raw.search(answer.text)], address
                assert_policy(answer)
        assert seen > 5, "what was written is on the pages, as text"
    row.passed(stage, "X")
    row.showed(f"text on each of {seen} pages; no inline script or eval by the policy of any")


def entries() -> list[dict[str, Any]]:
    return [{"resource": "countries", "method": "list", "persist": True}]


def markup_error(text: str) -> Response:
    return Response(text, 404, mimetype="text/html")


def assert_policy(answer: httpx2.Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy, policy
    assert "script-src 'self'" in policy, policy
    found = re.search(r"name=\"htmx-config\" content='([^']+)'", answer.text)
    if found:
        config = json.loads(found[1])
        assert (config["allowEval"], config["allowScriptTags"], config["selfRequestsOnly"]) == (False, False, True)


def test_row_59_forged_requests(doors: Doors, row: Row) -> None:
    """A form of another site sends a person's cookies; a link changes something; a session opens the API."""
    person, run = doors.people[Rank.SUPERUSER], f"/runs/{doors.ids['run_id']}"
    orders = ("/logout/", "/look/", f"{run}/stop/", f"{run}/rerun/", "/jobs/new/", "/attention/acknowledge/")
    before = doors.stage.deck.rows("SELECT count(*) FROM runs_syncjobrun")
    for address in orders:
        assert person.browser.post(address, data={}).status_code == 403, address
        forged = person.post(address, Origin="https://evil.example.com")
        assert forged.status_code == 403, address
    changing = [route for route in page_routes() if access_of(route).post is not None]
    for route in changing:
        assert person.get(doors.address(route)).status_code in (200, 204, 302, 400, 404, 405, 503), route
    assert doors.stage.deck.rows("SELECT count(*) FROM runs_syncjobrun") == before
    assert person.get("/runs/").status_code == 200, "still logged in"
    assert person.browser.get("/sync-job-run").status_code == 401
    assert person.post("/sync-job-run", {"sync_job_id": doors.stage.deck.job_id}).status_code == 401
    row.passed(doors.stage, "SX")
    row.showed(
        f"{2 * len(orders)} forged orders refused; {len(changing)} links change nothing; the API asks for a token"
    )


def test_row_60_ids_of_another_tenant(doors: Doors, row: Row) -> None:
    """Every id in path, query and body, from the other tenant: like one that nobody has."""
    asked = 0
    stranger = doors.stranger
    for route in (route for route in page_routes() if re.search(r"<\w+:\w*_id>", route)):
        access = access_of(route)
        for method, needed in (("GET", access.get), ("POST", access.post)):
            if needed is None or needed > Rank.ADMIN:
                continue
            theirs = stranger.ask(method, doors.address(route), **HTMX)
            nothing = stranger.ask(method, address_of(route), **HTMX)
            assert (theirs.status_code, nothing.status_code) == (404, 404), f"{method} {route}: {theirs.status_code}"
            assert plain(theirs, doors) == plain(nothing, doors), route
            asked += 1
    for name in ("job", "account", "integration", "environment", "group"):
        lists = stranger.get(f"/runs/?{name}={doors.ids.get(f'{name}_id', UNKNOWN)}&since=all")
        assert str(doors.ids["run_id"]) not in lists.text
    asked += ask_the_api(doors)
    row.passed(doors.stage, "X")
    row.showed(f"{asked} questions answered like those about nothing")


def plain(answer: httpx2.Response, doors: Doors) -> str:
    """Without the ids that were asked for, and what differs from one answer to the next by itself."""
    text = answer.text
    for known in doors.ids.values():
        text = text.replace(str(known), "ID") if len(str(known)) > SHORT else text
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", "NOW", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|999999999", "ID", text)
    return re.sub(r"\b\w{64}\b", "TOKEN", text)  # against forgery: another one in each answer


def ask_the_api(doors: Doors) -> int:
    """Each of its routes that names a row, as the other tenant's program."""
    ids = {"sync-job-run": "run_id", "sync-job": "job_id", "integrated-account": "account_id", "webhook": "webhook_id"}
    ids |= {"delivery": "delivery_id", "sync-job-cron-trigger": "trigger_id"}
    paths = described_api.get_openapi_schema(path_prefix="")["paths"]
    asked = 0
    for path, methods in paths.items():
        nouns = re.findall(r"([\w-]+)/{\w+}", path)
        if not nouns or not set(nouns) <= ids.keys():
            continue
        for method in methods:
            with_ids = re.sub(r"([\w-]+)/{\w+}", lambda found: f"{found[1]}/{doors.ids[ids[found[1]]]}", path)
            answer = doors.stage.foreign.request(method.upper(), with_ids, json={})
            assert answer.status_code == 404, f"{method} {path}: {answer.status_code}"
            asked += 1
    for body in ({"sync_job_id": doors.stage.deck.job_id, "integrated_account_id": doors.stage.deck.account_id},):
        assert doors.stage.foreign.post("/sync-job-run", json=body).status_code == 400
    return asked + 1


def test_row_61_each_role_at_each_page(doors: Doors, row: Row) -> None:
    """Nobody, no member of staff, viewer, operator, admin, superuser; at every page, by every method."""
    asked = 0
    for route in page_routes():
        access, address = access_of(route), address_of(route)
        for rank, person in doors.people.items():
            for method, needed in (("GET", access.get), ("POST", access.post)):
                if route in ("logout/", "look/"):
                    continue
                answer = person.ask(method, address)
                assert_allowed(rank, answer, needed, access.enters, f"{rank.name} {method} {address}")
                asked += 1
    row.passed(doors.stage, "X")
    row.showed(f"{asked} answers as the table of tests/dashboard/routes.py has them; a route it does not know fails")


def assert_allowed(rank: Rank, answer: httpx2.Response, needed: Rank | None, enters: Rank, what: str) -> None:
    to_login = answer.headers.get("location", "").startswith("/login/?next=") or answer.status_code == 401
    refused = to_login if rank == Rank.ANYBODY else answer.status_code == 403
    if needed is None:
        assert answer.status_code == 405 or (refused and rank < enters), f"{what}: {answer.status_code}"
    elif rank < needed:
        assert refused, f"{what}: {answer.status_code}"
    else:
        assert not refused, f"{what}: {answer.status_code}"
        assert answer.status_code < 500 or answer.status_code == 503, f"{what}: {answer.status_code}"


def test_row_62_tokens_that_open_nothing(doors: Doors, row: Row) -> None:
    """None, wrong, expired, revoked, for reading only, in the address; a person who is shut out."""
    deck = doors.stage.deck
    admin = doors.people[Rank.ADMIN]
    secrets = {name: new_token(admin, name, doors.ids["environment_id"], **more) for name, more in TOKENS.items()}
    port = port_of(str(deck.api.base_url))
    asks = {name: doors.opened.enter_context(client(port, secret)) for name, secret in secrets.items()}
    assert {name: ask.get("/sync-job-run").status_code for name, ask in asks.items()} == dict.fromkeys(TOKENS, 200)
    deck.change("UPDATE runs_apitoken SET expires_at = '2020-01-01 00:00:00+00:00' WHERE name = 'expiring'")
    (token_id,) = deck.rows("SELECT id FROM runs_apitoken WHERE name = 'revoked'")[0]
    assert admin.post(f"/settings/tokens/{token_id}/revoke/").status_code == 302
    codes = {name: ask.get("/sync-job-run").status_code for name, ask in asks.items()}
    assert codes == {"expiring": 401, "revoked": 401, "reading": 200}
    assert asks["reading"].post(f"/sync-job-run/{doors.ids['run_id']}/stop", json={}).status_code == 403
    for sent in ("Bearer", "Bearer x", f"Basic {secrets['reading']}", f"Bearer {secrets['reading'][:-1]}"):
        assert asks["reading"].get("/sync-job-run", headers={"Authorization": sent}).status_code == 401, sent
    bare = doors.people[Rank.ANYBODY].browser
    assert bare.get(f"/sync-job-run?token={secrets['reading']}&access_token={secrets['reading']}").status_code == 401
    stored = str(deck.rows("SELECT * FROM runs_apitoken"))
    assert not [secret for secret in secrets.values() if secret in stored]
    shut_out = f"/settings/people/{doors.ids['person_id']}/deactivate/"
    assert doors.people[Rank.SUPERUSER].post(shut_out).status_code == 302
    assert doors.people[Rank.VIEWER].get("/runs/").headers["location"].startswith("/login/")
    doors.people[Rank.SUPERUSER].post(shut_out.replace("deactivate", "activate"))
    row.passed(doors.stage, "X")
    row.showed("401 or 403 at once for each; the database holds no token")


TOKENS: dict[str, dict[str, Any]] = {"expiring": {}, "revoked": {}, "reading": {"access": "read"}}


def new_token(admin: Person, name: str, environment: str, access: str = "write") -> str:
    """The secret of a token that the page has made, which shows it once."""
    form = {"name": name, "environment": environment, "access": access, "last_day": ""}
    answer = admin.post("/settings/tokens/new/", form)
    found = re.search(r"sd_[\w-]{20,}", answer.text)
    assert found, answer.text[-3000:]
    return found[0]


def test_row_63_fields_that_are_not_for_writing(doors: Doors, row: Row) -> None:
    """Status, attempt, tenant, owner and secret in the body."""
    stage = doors.stage
    (foreign,) = stage.deck.rows("SELECT id FROM runs_environment WHERE name = 'Foreign'")[0]
    smuggled = {
        "id": UNKNOWN,
        "status": "completed",
        "attempt": 7,
        "environment_id": str(foreign),
        "lease_token": UNKNOWN,
    }
    smuggled |= {
        "triggered_by": "schedule",
        "fetched": 9,
        "error": {"code": "x"},
        "finished_at": "2020-01-01T00:00:00Z",
    }
    target = {"sync_job_id": stage.deck.job_id, "integrated_account_id": stage.deck.account_id, "args": {"n": 9}}
    made = stage.deck.api.post("/sync-job-run", json={**target, **smuggled})
    if made.status_code == 201:
        run = stage.deck.run(made.json()["id"])
        assert run["id"] != UNKNOWN
        assert run["attempt"] in (0, 1)
        assert stage.deck.ended(run["id"])["resource_stats"] != {}
    else:
        assert made.status_code == 400, made.text
    for path, key in (("sync-job", "job_id"), ("integrated-account", "account_id"), ("webhook", "webhook_id")):
        answer = stage.deck.api.patch(
            f"/{path}/{doors.ids[key]}", json={"environment_id": str(foreign), "secret": "mine"}
        )
        assert answer.status_code in (200, 400), answer.text
        assert stage.deck.get(f"/{path}/{doors.ids[key]}")["environment_id"] == doors.ids["environment_id"]
    assert not stage.deck.rows("SELECT 1 FROM runs_webhook WHERE CAST(secret AS text) = 'mine'")
    row.passed(stage, "X")
    row.showed("nothing of it is taken")


def test_the_stranger_is_an_admin(doors: Doors) -> None:
    """Else the rows above would show less than they say."""
    assert doors.stranger.get("/settings/tokens/").status_code == 200
    assert STRANGER in doors.stranger.get("/settings/people/").text
