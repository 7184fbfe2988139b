"""The Python client and the command on top of it, against an installation at work."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from werkzeug import Response

from runs.client import Conflict, NotFound, Refused, RemoteError, Syncdeck, Unauthorized
from runs.client.objects import Event, RunWithJob
from tests.acceptance.deck import JOB, TENANT, Deck, Prepared, countries_then_cities, embedded
from tests.acceptance.gate import Gate
from tests.factories import COUNTRIES_AND_CITIES, integration_config
from tests.processes import PROJECT
from tests.receiver import receiving
from tests.sources import Source, countries_and_cities, serving
from tests.terminal import in_terminal

COMMAND = [sys.executable, "-m", "runs.client"]
LONG = "x" * 200
HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202ename\nline"


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    with serving(countries_and_cities(5, 3)) as found:
        yield found


@pytest.fixture(scope="module")
def deck(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory, source: Source) -> Iterator[Deck]:
    with embedded(prepared, tmp_path_factory.mktemp("client") / "data") as deck:
        deck.define(countries_then_cities(source.url), COUNTRIES_AND_CITIES)
        deck.daemon()
        yield deck


@pytest.fixture(autouse=True)
def sound(source: Source) -> Iterator[None]:
    yield
    source.before = None


@pytest.fixture
def client(deck: Deck) -> Iterator[Syncdeck]:
    with Syncdeck(address(deck), token(deck)) as found:
        yield found


@pytest.fixture
def target(deck: Deck) -> dict[str, Any]:
    """A job and an account, for a run that no other test has."""
    return {
        "sync_job_id": deck.job_id,
        "integrated_account_id": deck.account_id,
        "args": {"of": str(uuid.uuid4())},
    }


def address(deck: Deck) -> str:
    return str(deck.api.base_url).rstrip("/")


def token(deck: Deck) -> str:
    return str(deck.api.headers["Authorization"]).removeprefix("Bearer ")


def environment(deck: Deck) -> dict[str, str]:
    return {"SYNCDECK_URL": address(deck), "SYNCDECK_TOKEN": token(deck), "DJANGO_SETTINGS_MODULE": "no.such.settings"}


def typed(deck: Deck, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The command, as it ran: without settings of Django's and without a database."""
    known = {"PATH": "/usr/bin:/bin", **environment(deck), **more}
    return subprocess.run(
        [*COMMAND, *arguments], cwd=PROJECT, env=known, capture_output=True, text=True, timeout=60, check=False
    )


class TestTheClient:
    def test_defines_runs_and_reads_what_came_of_it(self, client: Syncdeck, source: Source) -> None:
        name = f"geo-{uuid.uuid4().hex[:8]}"
        integration = client.integrations.create(name=name, config=integration_config(source.url))
        account = client.accounts.create(integration_name=name, tenant_id="globex", context={"token": "t"})
        job = client.jobs.create(integration_name=name, label=LONG, resources=COUNTRIES_AND_CITIES)

        run = client.runs.create(sync_job_id=job.id, integrated_account_id=account.id)
        ended = client.runs.wait(run.id, timeout=60)

        assert (ended.status, ended.fetched, ended.persisted) == ("completed", 20, 20)
        assert [(entry.name, entry.status) for entry in client.runs.entries(run.id)] == [
            ("countries", "completed"),
            ("cities", "completed"),
        ]
        stored = list(client.records.list(integrated_account_id=account.id, page_size=3))
        assert len({record.record_id for record in stored}) == 20
        assert client.accounts.test(account.id).works
        client.jobs.remove(job.id)
        client.accounts.remove(account.id)
        client.integrations.remove(integration.id)
        with pytest.raises(NotFound):
            client.jobs.get(job.id)

    def test_follows_a_run_event_by_event_to_its_end(self, client: Syncdeck, target: dict[str, Any]) -> None:
        run = client.runs.create(**target)

        items = list(client.runs.follow(run.id, every=0.1))

        events = [item for item in items if isinstance(item, Event)]
        assert [event.kind for event in events][:2] == ["created", "started"]
        assert events[-1].kind == "completed"
        assert len({event.id for event in events}) == len(events) == len(list(client.runs.events(run.id)))
        assert isinstance(items[-1], RunWithJob)
        assert items[-1].status == "completed"

    def test_stops_a_run_and_runs_it_again(self, client: Syncdeck, target: dict[str, Any], source: Source) -> None:
        gate = source.before = Gate(answered=1)
        run = client.runs.create(**target)
        gate.await_arrival()
        with pytest.raises(Conflict) as refusal:
            client.runs.create(**target)
        assert refusal.value.live_run_id == run.id
        with pytest.raises(Conflict):
            client.runs.rerun(run.id)
        client.runs.stop(run.id)
        gate.open()

        assert client.runs.wait(run.id, timeout=30).status == "stopped"
        again = client.runs.rerun(run.id, ignore_previous_run=True)
        assert (again.rerun_of_id, client.runs.wait(again.id, timeout=30).status) == (run.id, "completed")
        assert [found.id for found in client.runs.list(rerun_of_id=run.id, status__in=["completed", "failed"])] == [
            again.id
        ]

    def test_is_told_every_fault_and_what_a_source_has_said(
        self, client: Syncdeck, deck: Deck, target: dict[str, Any], source: Source
    ) -> None:
        with pytest.raises(Refused) as refusal:
            client.jobs.create(
                integration_name="geo", label="x", resources=[{"resource": "cities"}, {"method": "list"}]
            )
        assert {failure.path for failure in refusal.value.failures} >= {"resources.0.method", "resources.1.resource"}
        assert all(failure.message in str(refusal.value) for failure in refusal.value.failures)
        source.before = lambda request: Response('{"say": "no"}', 404, mimetype="application/json")
        with pytest.raises(RemoteError) as remote:
            client.proxy.get("countries", "C001", deck.account_id)
        assert (remote.value.status, remote.value.raw_response) == (404, {"say": "no"})

    def test_asks_a_source_for_a_page_and_a_record(self, client: Syncdeck, deck: Deck) -> None:
        page = client.proxy.list("cities", deck.account_id, params={"country": "C001"})
        assert len(page.result) == 3
        assert client.proxy.get("countries", "C001", deck.account_id)["iso"] == "C001"

    def test_sends_to_a_webhook_and_reads_what_was_sent(self, client: Syncdeck, target: dict[str, Any]) -> None:
        with receiving() as receiver:
            webhook = client.webhooks.create(target_url=receiver.url)
            assert webhook.secret.startswith("whsec_")
            client.webhooks.test(webhook.id)
            run = client.runs.create(**target, webhook_id=webhook.id)
            assert client.runs.wait(run.id, timeout=60).status == "completed"
            sent = [one for one in client.webhooks.deliveries(webhook.id) if one.event == "sync_job_run:record"]
            assert json.loads(client.webhooks.delivery(webhook.id, sent[0].id).body)["id"] == str(sent[0].id)
            client.webhooks.change(webhook.id, is_active=False)

    def test_looks_after_a_schedule(self, client: Syncdeck, target: dict[str, Any]) -> None:
        trigger = client.triggers.create(**target, cron_expression="30 6 * * 1-5", is_active=False)
        client.triggers.schedule(trigger.id)
        assert client.triggers.get(trigger.id).is_active
        client.triggers.remove(trigger.id)

    def test_does_a_post_once_though_its_answer_is_lost(self, deck: Deck, target: dict[str, Any]) -> None:
        """The first answer never arrives; the second try gets what the first one did."""
        with Syncdeck(address(deck), token(deck), transport=Forgetful(), pause=lambda seconds: None) as client:
            run = client.runs.create(**target)
        with Syncdeck(address(deck), token(deck)) as client:
            assert [found.id for found in client.runs.list() if found.args == target["args"]] == [run.id]

    def test_with_a_token_that_opens_nothing_is_told_so(self, deck: Deck) -> None:
        with Syncdeck(address(deck), "sd_nothing") as client, pytest.raises(Unauthorized) as refusal:
            next(iter(client.jobs.list()))
        assert "sd_nothing" not in str(refusal.value)


class Forgetful(httpx2.HTTPTransport):
    """Loses the first answer to a POST, after Syncdeck has given it."""

    has_lost = False

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        if request.method == "POST" and not self.has_lost:
            self.has_lost = True
            response.read()
            raise httpx2.ReadError("lost", request=request)
        return response


class TestTheCommand:
    def test_starts_a_run_and_follows_it_line_by_line(self, deck: Deck) -> None:
        done = typed(deck, "run", JOB, TENANT, "--args", f'{{"of": "{uuid.uuid4()}"}}', "--tail")

        assert (done.returncode, done.stderr) == (0, "")
        page, *lines, last = done.stdout.splitlines()
        run_id = page.rstrip("/").rpartition("/")[2]
        assert page == f"{address(deck)}/runs/{run_id}/"
        assert lines[0].split()[2] == "created"
        assert last.startswith("completed: 20 fetched, 20 persisted, 0 errors in ")

    def test_a_run_that_fails_exits_1_and_one_that_was_stopped_3(
        self, deck: Deck, client: Syncdeck, target: dict[str, Any], source: Source
    ) -> None:
        source.before = lambda request: Response("who are you?", 401)
        run = client.runs.create(**target, error_handling="fail_fast")
        failed = typed(deck, "tail", str(run.id))
        client.accounts.change(deck.account_id, status="active")
        assert (failed.returncode, failed.stdout.splitlines()[-1][:7]) == (1, "failed:")
        gate = source.before = Gate(answered=0)
        again = client.runs.rerun(run.id)
        gate.await_arrival()
        told = typed(deck, "stop", str(again.id), str(run.id))
        gate.open()
        assert told.stdout.splitlines() == [
            f"{again.id}: stop asked for; it ends at its next page, request or wait",
            f"{run.id}: had already ended (failed); nothing was changed",
        ]
        assert typed(deck, "tail", str(again.id)).returncode == 3

    def test_of_a_run_that_went_on_it_tells_the_first_error(
        self, deck: Deck, client: Syncdeck, target: dict[str, Any], source: Source
    ) -> None:
        source.before = lambda request: Response("no", 404)
        run = client.runs.create(**target)
        done = typed(deck, "tail", str(run.id))
        *_, end, why = done.stdout.splitlines()
        assert done.returncode == 0
        assert end.startswith("completed: 0 fetched, 0 persisted, 1 error in ")
        assert why.startswith("First error: countries: ")
        assert why.removeprefix("First error: ")[:40] in " ".join(typed(deck, "show", str(run.id)).stdout.split())

    def test_as_json_it_tells_the_apis_own_objects(self, deck: Deck, client: Syncdeck, target: dict[str, Any]) -> None:
        run_id = str(client.runs.create(**target).id)
        client.runs.wait(run_id, timeout=60)

        listed = json.loads(typed(deck, "list", f"id={run_id}", "--json").stdout)
        assert listed["result"] == deck.get(f"/sync-job-run?id={run_id}")["result"]
        shown = json.loads(typed(deck, "show", run_id[:23], "--json").stdout)
        assert shown.pop("events") == deck.get(f"/sync-job-run/{run_id}/event?limit=10")["result"][::-1]
        assert shown.pop("entries") == deck.get(f"/sync-job-run/{run_id}/entry?order=asc")["result"]
        assert shown == deck.run(run_id)
        lines = typed(deck, "tail", run_id, "--json").stdout.splitlines()
        assert [json.loads(line) for line in lines] == deck.get(f"/sync-job-run/{run_id}/event?order=asc")["result"]
        records = typed(deck, "records", "resource=cities", "--all", "--json").stdout.splitlines()
        assert [json.loads(line) for line in records] == deck.get("/record?resource=cities&limit=1000")["result"]
        for noun, path in (("jobs", "sync-job"), ("accounts", "integrated-account")):
            assert json.loads(typed(deck, noun, "--json").stdout)["result"] == deck.get(f"/{path}")["result"]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["list", "stauts=failed"], "stauts=failed is no filter"),
            (["list", "page_size=7"], "page_size=7 is no filter"),
            (["list", "status=odd"], "status: must be one of"),
            (["list", "created_at[like]=x"], "there is no operator like"),
            (["list", "--cursor", "odd"], "next_cursor"),
            (["show", "0192f0c1-2b3c-7d4e-8f50-112233445566"], "There is no run 0192f0c1"),
            (["show", "odd"], "odd is no id of a run"),
            (["tail", "019"], "019 is no id of a run"),
            (["run", JOB, "nobody"], "There is no account nobody. There are:"),
            (["run", "nothing", TENANT], "There is no job nothing. There are:"),
            (["run", JOB, TENANT, "--args", "[1]"], "no object"),
            (["nonsense"], "invalid choice"),
        ],
    )
    def test_refuses_in_a_sentence_with_status_2(self, deck: Deck, arguments: list[str], words: str) -> None:
        done = typed(deck, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr
        assert "Traceback" not in done.stderr

    def test_without_a_token_or_an_answer_it_says_so(self, deck: Deck, tmp_path: Any) -> None:
        assert "There is no token: set SYNCDECK_TOKEN" in typed(deck, "jobs", SYNCDECK_TOKEN="").stderr
        lost = typed(deck, "--token-file", str(tmp_path / "none"), "jobs")
        assert (lost.returncode, "can't be read: No such file" in lost.stderr) == (2, True)
        wrong = typed(deck, "jobs", SYNCDECK_TOKEN="sd_wrong")
        assert (wrong.returncode, "sd_wrong" in wrong.stderr) == (2, False)
        assert "begins with https://" in typed(deck, "jobs", SYNCDECK_URL="nowhere").stderr

    def test_takes_the_token_from_a_file(self, deck: Deck, tmp_path: Any) -> None:
        file = tmp_path / "token"
        file.write_text(f"{token(deck)}\n")
        done = typed(deck, "--token-file", str(file), "jobs", SYNCDECK_TOKEN="")
        assert (done.returncode, JOB in done.stdout) == (0, True)

    def test_a_reader_that_leaves_ends_it_without_a_word(self, deck: Deck) -> None:
        piped = f"{sys.executable} -m runs.client records --all --json | head -n 1"
        done = subprocess.run(
            ["/bin/sh", "-c", piped],
            cwd=PROJECT,
            env={"PATH": "/usr/bin:/bin", **environment(deck)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert (len(done.stdout.splitlines()), done.stderr) == (1, "")


class TestOnATerminal:
    @pytest.mark.parametrize("columns", [60, 120])
    def test_a_table_lives_until_the_run_has_ended(
        self, deck: Deck, client: Syncdeck, target: dict[str, Any], source: Source, columns: int
    ) -> None:
        gate = source.before = Gate(answered=1)
        run = client.runs.create(**target)
        gate.await_arrival()
        with in_terminal([*COMMAND, "tail", str(run.id)], environment(deck), columns=columns) as terminal:
            terminal.shows(r"cities +running")
            gate.open()
            assert terminal.wait() == 0
        text = terminal.text()
        assert re.search(r"cities +completed", text)
        assert text.splitlines()[-1].startswith("completed: 20 fetched")
        assert ("requests" in text) == (columns == 120)
        assert terminal.widest() <= columns

    def test_ctrl_c_ends_the_looking_on_and_not_the_run(
        self, deck: Deck, client: Syncdeck, target: dict[str, Any], source: Source
    ) -> None:
        gate = source.before = Gate(answered=1)
        run = client.runs.create(**target)
        gate.await_arrival()
        with in_terminal([*COMMAND, "tail", str(run.id)], environment(deck)) as terminal:
            terminal.shows("running")
            terminal.interrupt()
            assert terminal.wait() == 130
        assert f"The run goes on; `syncdeck stop {run.id}` stops it." in terminal.text()
        assert "Traceback" not in terminal.text()
        assert "\x1b[?25h" in terminal.raw()  # the cursor is back
        gate.open()
        assert client.runs.wait(run.id, timeout=30).status == "completed"

    def test_long_and_hostile_names_break_no_table(
        self, deck: Deck, client: Syncdeck, source: Source, target: dict[str, Any]
    ) -> None:
        hostile = client.accounts.create(
            integration_name="geo", tenant_id=f"{HOSTILE}{LONG[:150]}", context={"token": "t"}
        )
        job = client.jobs.create(
            integration_name="geo",
            label=f"{HOSTILE}[red]{LONG[:150]}",
            resources=[{**COUNTRIES_AND_CITIES[0], "name": LONG}],
        )
        source.before = lambda request: Response("\x1b[31mno\u202e", 404)
        run = client.runs.create(sync_job_id=job.id, integrated_account_id=hostile.id, error_handling="fail_fast")
        commands = (["list"], ["jobs"], ["accounts"], ["tail", str(run.id)], ["show", str(run.id)])
        for command in commands:
            with in_terminal([*COMMAND, *command], environment(deck), columns=60) as terminal:
                assert terminal.wait() in (0, 1)
            assert "\x1b]0;" not in terminal.raw()
            assert "\x1b[2J" not in terminal.raw()
            assert "\u202e" not in terminal.raw()
            assert "Traceback" not in terminal.raw()
            if command[0] in ("list", "jobs", "accounts"):
                assert terminal.widest() <= 60
        client.accounts.remove(hostile.id)
        client.jobs.remove(job.id)
