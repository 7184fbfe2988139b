"""A canary in an account's credentials: whatever the source does with it, nobody but the source ever sees it again."""

from __future__ import annotations

import io
import json
import logging
import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urljoin

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.test import Client
from werkzeug import Request, Response

from runs.errors import RemoteError
from runs.models import (
    Delivery,
    ErrorGroup,
    ErrorHandling,
    RecordError,
    RunStatus,
    RunStep,
    SyncJobRun,
    User,
    Webhook,
)
from runs.services import note, note_cause, send_test
from tests import factories
from tests.dashboard.conftest import logged_in
from tests.processes import wait_until
from tests.receiver import Receiver, receiving
from tests.runs.api.program import Program
from tests.runs.engine.driving import executed
from tests.sources import Source, serving

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "c4nary/+kn0wn=&<9f3b7e21>"
PASSPHRASE = "0pen-sesame-7731"
BASIC = b64encode(f"ann@acme.example:{CANARY}".encode()).decode()
TRACES = (CANARY, quote(CANARY, safe=""), CANARY.replace("&", "&amp;").replace("<", "&lt;"), BASIC, PASSPHRASE)
# What every form of both holds: in base64 a middle looks one of three ways, by where it stands.
MIDDLES = [b64encode(bytes(place) + b"kn0wn").decode()[place + 1 :][:5] for place in range(3)]
INNERMOST = re.compile("|".join(["kn0wn", "sesame", *MIDDLES]))
LOGIN = {"format": "bearer", "config": {"token": "{{context.token}}"}}
LIST = {"method": "get", "response_path": "data", "record_id": "id"}
RESOURCES: dict[str, Any] = {
    "linked": {"list": {**LIST, "path": "/linked", "query": {"api_key": "{{context.token}}"},
                        "pagination": {"format": "cursor", "config": {"cursor_path": "next", "is_link": True}}}},
    "echoes": {"list": {**LIST, "path": "/echoes", "pagination": None}},
    "told": {"list": {**LIST, "path": "/told", "pagination": None, "error_expression": "response.error.message"}},
    "refused": {"list": {**LIST, "path": "/refused", "pagination": None}},
    "moved": {"list": {**LIST, "path": "/moved", "pagination": None}},
    "broken": {"list": {**LIST, "path": "/broken", "pagination": None}},
}  # fmt: skip


def echo(request: Request) -> Response | None:
    """Everything that came is told again: in bodies, headers, addresses and messages."""
    sent = {"header": request.headers["Authorization"], "url": request.url, "plain": CANARY}
    forms = {**sent, "quoted": quote(CANARY, safe=""), "basic": BASIC, "pass": PASSPHRASE}
    headers = {"X-Token": CANARY, "WWW-Authenticate": f'Bearer realm="{CANARY}"'}
    match request.path:
        case "/linked" if "page" in request.args:
            return Response(json.dumps(forms), 400, headers)
        case "/linked":
            link = f"{request.host_url}linked?page=2&api_key={quote(CANARY, safe='')}"
            return Response(json.dumps({"data": [{"id": 1}], "next": link}), mimetype="application/json")
        case "/echoes":
            return Response(f"<p>{forms}</p>" * 3, 400, headers)
        case "/told":
            long = "x" * 490  # so that the message is cut within the secret
            return Response(json.dumps({"error": {"message": f"{long} {CANARY}"}}), 403, mimetype="application/json")
        case "/refused":
            rows = [{"note": "y" * 285 + CANARY}, {"note": forms}, "text", {"id": {"odd": CANARY}}]
            return Response(json.dumps({"data": rows}), mimetype="application/json")
        case "/moved":
            return Response("", 302, {"Location": f"http://elsewhere.example/{quote(CANARY, safe='')}?token={CANARY}"})
        case _:
            return Response(b"\xff" + CANARY.encode(), 200, {"Content-Type": "application/json"})


@pytest.fixture
def source() -> Iterator[Source]:
    with serving({}) as found:
        found.before = echo
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, as production writes it."""
    written = io.StringIO()
    configured = next(handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler)
    handler = logging.StreamHandler(written)
    handler.setFormatter(configured.formatter)
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def an_account(source: Source) -> Any:
    config = {**factories.integration_config(source.url), "authorization": LOGIN, "resources": RESOURCES}
    integration = factories.integration(config=config)
    context = {"token": CANARY, "passphrase": PASSPHRASE, "user": "ann@acme.example"}
    return factories.account(integration=integration, context=context)


def entries(*names: str) -> list[dict[str, Any]]:
    return [{"resource": name, "method": "list", "persist": True} for name in names or RESOURCES]


def dumped() -> dict[str, str]:
    """Every column of every table, as it lies in the database."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(model._meta.db_table)}")
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(columns, row, strict=True):
                    place = f"{model._meta.db_table}.{name}"
                    text = bytes(value).decode("utf-8", "replace") if isinstance(value, bytes | memoryview) else value
                    found[place] = f"{found.get(place, '')} {text}"
    return found


def with_canary(texts: dict[str, str]) -> dict[str, str]:
    """Where the canary is, and what stands around it."""
    return {
        place: text[max(0, hit.start() - 60) : hit.end() + 60]
        for place, text in texts.items()
        if (hit := INNERMOST.search(text))
    }


def crawled(client: Client, *starts: str) -> dict[str, str]:
    """Every page that links lead to, with its headers."""
    waiting, seen = list(starts), {}
    while waiting and len(seen) < 400:
        address = waiting.pop(0)
        if address in seen or "/static/" in address or "/logout" in address or "/jsi18n" in address:
            continue
        answer = client.get(address)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        seen[address] = f"{body.decode('utf-8', 'replace')} {dict(answer.headers)}"
        assert answer.status_code < 500, address
        links = [answer.headers.get("Location", address), *re.findall(r'href="([^"#]+)"', seen[address])]
        waiting += [urljoin(address, link.replace("&amp;", "&")) for link in links if not link.startswith("http")]
    return seen


def answered(program: Program, run: SyncJobRun) -> dict[str, str]:
    """What the API tells of everything."""
    lists = ("sync-job-run", "sync-job", "integration", "integrated-account", "webhook", "record", "daemon")
    within = [f"/sync-job-run/{run.pk}{part}" for part in ("", "/entry", "/event", "/error")]
    single = [f"/integrated-account/{run.integrated_account_id}", f"/sync-job/{run.sync_job_id}"]
    failing = sorted(
        RESOURCES.keys() - {"refused"}
    )  # whose records are the source's own, and are passed on as they are
    passed = [f"/proxy/{name}?integrated_account_id={run.integrated_account_id}" for name in failing]
    paths = [*[f"/{name}" for name in lists], *within, *single, *passed]
    return {path: program.get(path).content.decode() for path in paths}


def test_the_traces_are_found_by_what_they_all_hold() -> None:
    """Else the other tests would look for nothing."""
    for text in TRACES:
        assert INNERMOST.search(text), text


def test_a_source_that_tells_its_caller_everything_tells_nobody_else(
    source: Source, superuser: User, log: io.StringIO
) -> None:
    account = an_account(source)
    job = factories.job(integration=account.integration, resources=entries())
    while_it_runs: dict[str, str] = {}

    def reply(request: Request) -> Response | None:
        if request.path == "/linked" and "page" in request.args:
            wait_until(lambda: RunStep.objects.exclude(cursor=None).exists(), 15, "the cursor of this page")
            while_it_runs.update(dumped())
            connection.close()
        return echo(request)

    source.before = reply
    run = executed(factories.run(account=account, job=job, args={"password": "x", "since": "1"}))

    assert run.error_count >= len(RESOURCES) + 3
    assert RecordError.objects.filter(message__contains="***").exists()
    assert RecordError.objects.filter(excerpt__contains="***").exists()
    assert run.status == RunStatus.COMPLETED
    encrypted = {"runs_integratedaccount.context"}
    assert while_it_runs["runs_runstep.cursor"].count("sealed") == 1
    assert with_canary(while_it_runs) == {}
    assert with_canary(dumped()) == {}
    assert encrypted <= dumped().keys()
    pages = crawled(logged_in(superuser), "/", "/errors/?window=24h", f"/runs/{run.pk}/", "/admin/")
    assert {f"/errors/{group.pk}/" for group in ErrorGroup.objects.all()} <= pages.keys()
    assert any("/admin/runs/recorderror/" in address for address in pages)
    assert with_canary(pages) == {}
    assert with_canary(answered(Program(factories.token()), run)) == {}
    assert with_canary({"log": log.getvalue()}) == {}


@pytest.mark.parametrize("name", sorted(RESOURCES))
def test_a_run_that_such_an_answer_ends_does_not_tell_it(source: Source, name: str) -> None:
    account = an_account(source)
    job = factories.job(integration=account.integration, resources=entries(name))
    run = executed(factories.run(account=account, job=job, error_handling=ErrorHandling.FAIL_FAST))
    assert run.status == RunStatus.FAILED
    assert with_canary(dumped()) == {}


def test_a_receiver_that_echoes_is_masked_too(source: Source, receiver: Receiver) -> None:
    """It is sent the errors, without the canary, and answers with the secret that it was given."""
    account = an_account(source)
    job = factories.job(integration=account.integration, resources=entries("echoes"))
    hook = factories.webhook(target_url=receiver.url)
    secret = hook.secret
    inner = re.compile(re.escape(secret[10:30]))
    receiver.answer = lambda received: Response(f"you sent {secret} and {b64encode(secret.encode())!r}", 500)
    run = executed(factories.run(account=account, job=job, webhook_id=hook.pk))
    assert (run.status, run.error["code"]) == (RunStatus.FAILED, "webhook_failed")
    with pytest.raises(RemoteError) as refused:
        send_test(Webhook.objects.get())
    assert "***" in refused.value.raw_response
    assert not inner.search(refused.value.raw_response)
    assert "***" in Delivery.objects.exclude(last_error="").first().last_error
    assert [place for place, text in dumped().items() if inner.search(text)] == []
    assert [one for one in receiver.arrived if INNERMOST.search(one.body.decode())] == []


def test_a_fault_of_ours_logs_no_secret(source: Source, log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """The traceback of an error that quotes what it was given."""
    account = an_account(source)
    job = factories.job(integration=account.integration, resources=entries("echoes"))
    source.before = lambda request: Response("[" * 100_000 + CANARY, 200, {"Content-Type": "application/json"})
    monkeypatch.setattr("runs.engine.entry_work.Batch.of", _bursting)
    run = executed(factories.run(account=account, job=job))
    assert run.error["code"] == "internal_error"
    assert "ValueError: could not use ***" in log.getvalue()
    assert with_canary({"log": log.getvalue()}) == {}


def _bursting(*_: Any) -> None:
    raise ValueError(f"could not use {CANARY}")


def test_log_lines_are_masked_by_name_and_form(log: io.StringIO) -> None:
    import structlog

    logger = structlog.get_logger("tests")
    logger.warning("Sent Bearer abc.def.ghi to https://ann:pw@host/x?token=t1", api_key="t2", more={"password": "t3"})
    logging.getLogger("somebody.else").warning("said %s", '{"client_secret": "t4"}')
    written = log.getvalue()
    assert [secret for secret in ("abc.def", "ann:pw", "t1", "t2", "t3", "t4") if secret in written] == []
    assert written.count("***") >= 6


def test_notes_and_audit_lines_are_masked(run: SyncJobRun) -> None:
    entry = note("run.stop", run, reason="it sent token=abc123", new={"password": "hush", "label": "x"})
    assert (entry.reason, entry.details) == ("it sent token=***", {"new": {"password": "***", "label": "x"}})
    group = ErrorGroup.objects.create(environment=run.environment, fingerprint="a", code="c", title="t")
    assert note_cause(group, "the key was api_key=abc123", actor="olga").note == "the key was api_key=***"


def test_the_page_of_a_run_shows_its_arguments_without_what_is_named_like_a_secret(superuser: User) -> None:
    run = factories.run(args={"api_key": PASSPHRASE, "since": "2026", "nested": [{"password": PASSPHRASE}]})
    for address in (f"/runs/{run.pk}/", f"/admin/runs/syncjobrun/{run.pk}/change/"):
        page = logged_in(superuser).get(address).content.decode()
        assert "2026" in page
        assert PASSPHRASE not in page, address


def test_logging_is_configured_with_the_mask() -> None:
    assert settings.LOGGING["formatters"]["line"]["foreign_pre_chain"][-1].__name__ == "without_secrets"
