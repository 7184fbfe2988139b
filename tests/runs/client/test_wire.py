"""What the client does with answers, over real sockets: tries again, gives up, goes nowhere else, tells no secret."""

from __future__ import annotations

import json
import re
import shutil
import socketserver
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from werkzeug import Request, Response

from runs.client import (
    BadRequest,
    Conflict,
    NoAnswer,
    NotFound,
    RateLimited,
    Refused,
    RemoteError,
    Syncdeck,
    SyncdeckError,
    Unauthorized,
    UnreadableAnswer,
    WaitedTooLong,
)
from runs.client.retries import Patience, retry_after
from runs.version import VERSION
from tests.http_server import PromptServer
from tests.processes import PROJECT
from tests.runs.client.test_openapi import ID, document

TOKEN = "sd_s3cret-of-the-test"
DELETED = {"id": ID}


def example(name: str, **over: Any) -> dict[str, Any]:
    """An object as the API's description shows it."""
    return {**_of_schema(name), **over}


def _of_schema(name: str) -> dict[str, Any]:
    reference = f"#/components/schemas/{name}"
    contents = (
        told["content"]["application/json"]
        for methods in document()["paths"].values()
        for operation in methods.values()
        for told in operation["responses"].values()
        if "content" in told
    )
    found: dict[str, Any] = next(one["example"] for one in contents if one["schema"] == {"$ref": reference})
    return found


def told(status: int, body: Any = None, **headers: str) -> Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(json.dumps(body), status, headers=names, mimetype="application/json")


def refused(status: int, message: str = "No.", more: dict[str, Any] | None = None, **headers: str) -> Response:
    return told(status, {"statusCode": status, "error": "x", "message": message, **(more or {})}, **headers)


@dataclass
class Stand:
    """A server in Syncdeck's place that gives the answers in turn, the last one for ever; and a client of it."""

    answers: list[Callable[[Request], Response] | Response]
    url: str = ""
    asked: list[Request] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        request.get_data()
        self.asked.append(request)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return found if isinstance(found, Response) else found(request)

    def client(self, **options: Any) -> Syncdeck:
        return Syncdeck(self.url, TOKEN, **{"pause": self.waits.append, "timeout": 5, **options})


@contextmanager
def standing(*answers: Callable[[Request], Response] | Response) -> Iterator[Stand]:
    with PromptServer(threaded=True) as server:
        stand = Stand(list(answers), server.url_for("/"))
        server.expect_request(re.compile(".*")).respond_with_handler(stand.answer)
        yield stand


@contextmanager
def cutting_off(answer: bytes) -> Iterator[str]:
    """A server that says so much to everybody and hangs up."""

    class Saying(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Saying) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class TestTryingAgain:
    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_a_passing_refusal_is_waited_out_as_long_as_it_says(self, status: int) -> None:
        with standing(refused(status, Retry_After="7"), told(200, example("DaemonPayload"))) as stand:
            stand.client().daemons.get(ID)

            assert stand.waits == [7.0]
            assert len(stand.asked) == 2

    def test_without_a_word_the_waits_grow(self) -> None:
        with standing(refused(503)) as stand:
            with pytest.raises(Refused) as error:
                stand.client(patience=Patience(tries=4)).daemons.get(ID)

            assert error.value.status == 503
            assert len(stand.asked) == 4
            assert [0.25 <= stand.waits[0] <= 0.5, 0.5 <= stand.waits[1] <= 1, 1 <= stand.waits[2] <= 2] == [True] * 3

    def test_a_longer_wait_than_there_is_patience_for_is_an_error_that_tells_it(self) -> None:
        with standing(refused(429, Retry_After="3600")) as stand:
            with pytest.raises(RateLimited) as error:
                stand.client().daemons.get(ID)

            assert (error.value.retry_after, stand.waits) == (3600.0, [])

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 415, 500])
    def test_what_stands_is_not_asked_again(self, status: int) -> None:
        with standing(refused(status)) as stand:
            with pytest.raises(Refused):
                stand.client().jobs.create(label="x")

            assert len(stand.asked) == 1

    def test_what_a_source_says_was_tried_again_already(self) -> None:
        more = {"truto_is_remote_error": True, "raw_response": {"error": "down"}}
        with standing(refused(502, "It answered 500.", more)) as stand:
            with pytest.raises(RemoteError) as error:
                stand.client().proxy.list("contacts", ID)

            assert (error.value.raw_response, len(stand.asked)) == ({"error": "down"}, 1)

    def test_every_try_of_a_post_has_the_same_key_and_each_call_its_own(self) -> None:
        job = told(201, example("JobPayload"))
        with standing(refused(503), job, refused(409, "It runs.", Retry_After="1"), job) as stand:
            client = stand.client()
            client.jobs.create(label="a")
            client.jobs.create(label="a")

            keys = [request.headers["Idempotency-Key"] for request in stand.asked]
            assert keys[0] == keys[1] != keys[2] == keys[3]
            assert len({request.get_data() for request in stand.asked}) == 1

    def test_nobody_there_is_said_in_a_sentence(self) -> None:
        with standing(told(200)) as stand:
            pass
        with pytest.raises(NoAnswer) as error:
            stand.client(patience=Patience(tries=3)).ping()

        assert str(error.value).startswith(f"{stand.url.rstrip('/')} does not answer: ")
        assert len(stand.waits) == 2

    def test_what_an_earlier_try_has_removed_is_removed(self) -> None:
        with standing(refused(504), refused(404)) as stand:
            stand.client().jobs.remove(ID)
        with standing(refused(404)) as stand, pytest.raises(NotFound):
            stand.client().jobs.remove(ID)


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7.0), ("0", 0.0), ("soon", None), ("-1", None), ("", None), (None, None), ("٣", None)]
)
def test_retry_after_is_seconds(text: str | None, seconds: float | None) -> None:
    assert retry_after(text) == seconds


def test_retry_after_may_be_a_date() -> None:
    at = datetime.now(UTC) + timedelta(seconds=30)
    assert 28 <= (retry_after(at.strftime("%a, %d %b %Y %H:%M:%S GMT")) or 0) <= 30
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "kind"), [(401, Unauthorized), (403, Unauthorized), (404, NotFound), (409, Conflict), (418, Refused)]
    )
    def test_each_status_has_its_kind(self, status: int, kind: type[Refused]) -> None:
        with standing(refused(status, "The sentence.")) as stand, pytest.raises(Refused) as error:
            stand.client().jobs.get(ID)
        assert type(error.value) is kind
        assert (error.value.status, str(error.value)) == (status, "The sentence.")

    def test_every_fault_of_an_input_is_told(self) -> None:
        failures = [{"path": "label", "message": "is too long"}, {"path": "resources.0", "message": "has no method"}]
        more = {"details": {"failures": failures}}
        with standing(refused(400, "Two faults.", more)) as stand, pytest.raises(Refused) as error:
            stand.client().jobs.create(label="x")
        assert str(error.value) == "Two faults.\nlabel: is too long\nresources.0: has no method"
        assert [failure.path for failure in error.value.failures] == ["label", "resources.0"]

    def test_a_conflict_names_the_run_in_the_way(self) -> None:
        with standing(refused(409, "One lives.", {"details": {"live_run_id": ID}})) as stand:
            with pytest.raises(Conflict) as error:
                stand.client().runs.create(sync_job_id=ID, integrated_account_id=ID)
            assert str(error.value.live_run_id) == ID

    @pytest.mark.parametrize(
        "body", [b"", b"<html>Bad gateway</html>", b"[1]", b"\xff", b'{"details": 7}', b"[" * 9999]
    )
    def test_a_refusal_that_is_none_of_ours_is_one_all_the_same(self, body: bytes) -> None:
        with standing(Response(body, 403)) as stand, pytest.raises(Unauthorized, match=r"The answer was 403\."):
            stand.client().ping()

    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"[1]", b"{}", b'{"ping": 7}', b"\xff", b'{"ping": "\\ud800"}', b"[" * 9999]
    )
    def test_an_answer_that_is_none_of_ours_is_told_as_one(self, body: bytes) -> None:
        with standing(Response(body, 200)) as stand, pytest.raises(UnreadableAnswer, match="none of Syncdeck's"):
            stand.client().ping()

    def test_an_answer_that_says_less_than_it_announced_is_asked_again(self) -> None:
        waits: list[float] = []
        with cutting_off(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{") as url:
            with pytest.raises(NoAnswer):
                Syncdeck(url, TOKEN, patience=Patience(tries=2), pause=waits.append).ping()
            assert len(waits) == 1

    def test_what_a_newer_syncdeck_adds_is_left_out(self) -> None:
        newer = told(200, {**example("DaemonPayload"), "mood": "good"})
        with standing(newer) as stand:
            assert not hasattr(stand.client().daemons.get(ID), "mood")


class TestTheToken:
    def test_goes_to_the_given_address_alone(self) -> None:
        with standing(told(200, {"ping": "pong"})) as elsewhere:
            moved = Response("", 307, headers={"Location": f"{elsewhere.url}ping?token=7"})
            with standing(moved) as stand, pytest.raises(UnreadableAnswer) as error:
                stand.client().ping()
        assert elsewhere.asked == []
        assert f"({elsewhere.url}ping)" in str(error.value)
        assert stand.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"

    @pytest.mark.parametrize("answer", [refused(401), refused(400), Response("<", 200), Response("", 302)])
    def test_stands_in_no_error_and_no_repr(self, answer: Response) -> None:
        with standing(answer) as stand:
            client = stand.client()
            with pytest.raises(SyncdeckError) as error:
                client.runs.get(ID)
        shown = [repr(client), repr(client.runs), repr(vars(client)), repr(error.value), str(vars(error.value))]
        shown += traceback.format_exception(error.value)
        assert not [text for text in shown if TOKEN in text]

    def test_a_secret_that_is_told_once_stands_in_no_repr(self) -> None:
        with standing(told(201, example("WebhookWithSecret", secret="whsec_planted"))) as stand:
            made = stand.client().webhooks.create(target_url="https://example.com")
        assert made.secret == "whsec_planted"
        assert "planted" not in f"{made!r} {made} {[made]}"

    @pytest.mark.parametrize("token", ["", " ", "two words", "line\nX-Evil: 1", "ключ", "x" * 513])
    def test_that_is_none_is_refused_without_a_word_of_it(self, token: str) -> None:
        with pytest.raises(BadRequest) as error:
            Syncdeck("https://sync.example.com", token)
        assert not token.strip() or token.strip() not in str(error.value)

    @pytest.mark.parametrize(
        "address",
        [
            "",
            "sync.example.com",
            "ftp://a",
            "https://",
            "https://u:p4ss@a",
            "https://a/?x=1",
            "https://a:0",
            "https://[a",
        ],
    )
    def test_an_address_that_is_none_is_refused(self, address: str) -> None:
        with pytest.raises(BadRequest) as error:
            Syncdeck(address, TOKEN)
        assert "p4ss" not in str(error.value)


class TestWhatIsAsked:
    def test_an_address_with_a_path_keeps_it(self) -> None:
        with standing(told(200, {"ping": "pong"})) as stand:
            Syncdeck(f"{stand.url}sync/", TOKEN).ping()
            assert stand.asked[0].path == "/sync/ping"

    @pytest.mark.parametrize("id", ["../webhook", "a/b", "a?b=1", "a#b", "%2e%2e"])
    def test_an_id_leads_nowhere_else(self, id: str) -> None:
        with standing(refused(404)) as stand:
            with pytest.raises(NotFound):
                stand.client().jobs.get(id)
            assert stand.asked[0].path == f"/sync-job/{id}"

    @pytest.mark.parametrize("id", ["", ".", ".."])
    def test_an_id_that_is_none_is_not_asked_for(self, id: str) -> None:
        with pytest.raises(BadRequest):
            Syncdeck("https://sync.example.com", TOKEN).jobs.get(id)

    def test_filters_are_written_as_the_api_reads_them(self) -> None:
        page = told(200, {"result": [], "next_cursor": None, "limit": 1})
        with standing(page) as stand:
            filters: dict[str, Any] = {
                "status__in": ["failed", "stopped"],
                "sync_job__integration_name": "a,b",
                "created_at__gte": datetime(2026, 1, 2, tzinfo=UTC),
                "has_error": True,
                "attempt__ne": 1,
            }
            assert list(stand.client().runs.list(page_size=5000, **filters)) == []
            assert stand.asked[0].args.to_dict(flat=False) == {
                "limit": ["1000"],
                "order": ["desc"],
                "status": ["failed", "stopped"],
                "sync_job.integration_name": ["a,b"],
                "created_at[gte]": ["2026-01-02T00:00:00+00:00"],
                "has_error": ["true"],
                "attempt[ne]": ["1"],
            }

    @pytest.mark.parametrize(
        ("filters", "words"),
        [
            ({"stauts": "failed"}, "stauts is no filter of this list; its fields are attempt, "),
            ({"created_at__like": "x"}, "created_at__like is no filter"),
            ({"status__in": []}, "status__in has no value"),
            ({"status": None}, "status is a text"),
        ],
    )
    def test_a_filter_that_is_none_is_not_sent(self, filters: dict[str, Any], words: str) -> None:
        with pytest.raises(BadRequest, match=re.escape(words)):
            Syncdeck("https://sync.example.com", TOKEN).runs.list(**filters)

    def test_a_field_that_is_none_is_not_sent(self) -> None:
        with pytest.raises(TypeError, match="lable"):
            Syncdeck("https://sync.example.com", TOKEN).jobs.create(lable="x")  # type: ignore[call-arg]

    def test_a_list_is_read_as_it_is_gone_through(self) -> None:
        daemon = example("DaemonPayload")
        pages = [{"result": [daemon], "next_cursor": cursor, "limit": 1} for cursor in ("a b&", None)]
        with standing(*[told(200, page) for page in pages]) as stand:
            rows = iter(stand.client().daemons.list(page_size=1))
            next(rows)
            assert len(stand.asked) == 1
            assert len(list(rows)) == 1
            assert stand.asked[1].args["next_cursor"] == "a b&"


class TestWaiting:
    def test_for_a_run_is_over_when_it_has_ended(self) -> None:
        running, done = (told(200, example("RunWithJob", status=status)) for status in ("running", "completed"))
        with standing(running, running, done) as stand:
            assert stand.client().runs.wait(ID, every=3).status == "completed"
            assert stand.waits == [3, 3]

    def test_for_longer_than_was_said_is_an_error(self) -> None:
        with standing(told(200, example("RunWithJob", status="running"))) as stand, pytest.raises(WaitedTooLong):
            stand.client().runs.wait(ID, timeout=0)


def test_it_needs_nothing_of_the_rest_of_syncdeck() -> None:
    """Neither to be imported nor to ask: it works on a machine where there are no settings and no database."""
    looked = (
        "import sys, runs.client, runs.client.command; "
        "print(*sorted(name for name in sys.modules if name.partition('.')[0] in "
        "('django', 'celery', 'ninja', 'pydantic', 'structlog', 'psycopg', 'dashboard', 'runs')))"
    )
    found = subprocess.run([sys.executable, "-c", looked], capture_output=True, text=True, check=True).stdout.split()

    others = {name for name in found if name != "runs" and not name.startswith("runs.client")}
    assert others <= {"runs.version", "runs.words", "runs.terminal"}


def test_the_script_of_a_checkout_works_from_anywhere(tmp_path: Path) -> None:
    """With a space in the way."""
    project = tmp_path / "my project"
    bin = project / ".venv" / "bin"
    bin.mkdir(parents=True)
    (project / "runs").symlink_to(PROJECT / "runs")
    (bin / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (bin / "python").chmod(0o755)
    asked = ["make", "--dry-run", "--always-make", "setup"]
    recipe = subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert "install -m 755 runs/client/syncdeck.sh .venv/bin/syncdeck" in recipe
    shutil.copy(PROJECT / "runs/client/syncdeck.sh", bin / "syncdeck")
    (bin / "syncdeck").chmod(0o755)

    told = subprocess.run([bin / "syncdeck", "--version"], cwd="/", capture_output=True, text=True, check=True).stdout

    assert told == f"syncdeck {VERSION}\n"


def test_a_transport_of_ones_own_is_used() -> None:
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json={"ping": str(request.url)}))
    with Syncdeck("https://sync.example.com", TOKEN, transport=transport) as deck:
        deck.ping()
