"""A run tried out against a source on a real socket: the first page of each entry, and nothing stored."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.utils import timezone
from werkzeug import Response

from runs.engine.runner import execute_slice
from runs.errors import InvalidInput
from runs.models import AuditEntry, IntegratedAccount, RunStep
from runs.services import DryEntry, DryOutcome, DryRun, RunRequest, dry_run
from tests import factories
from tests.runs.api.program import Program
from tests.sources import Source, countries_and_cities, serving

pytestmark = pytest.mark.django_db

COUNTRIES, CITIES = factories.COUNTRIES_AND_CITIES


@pytest.fixture
def source() -> Iterator[Source]:
    with serving(countries_and_cities(3, 120)) as found:
        yield found


@pytest.fixture
def account(source: Source) -> IntegratedAccount:
    config = factories.integration_config(source.url)
    config["resources"]["cities"] |= {
        "create": {"path": "/cities", "query": {"api_key": "{{context.token}}"}},
        "purge": {"method": "post", "path": "/purge"},
    }
    return factories.account(integration=factories.integration(config=config))


def tried(account: IntegratedAccount, *resources: dict[str, Any], **wishes: Any) -> DryRun:
    job = factories.job(
        integration=account.integration, resources=list(resources), args_schema=wishes.pop("schema", {})
    )
    return dry_run(RunRequest(job, account, **wishes))


def only(found: DryRun) -> DryEntry:
    (entry,) = found.entries
    return entry


def told(found: DryRun) -> list[tuple[str, DryOutcome, int]]:
    return [(entry.entry.name, entry.outcome, entry.fetched) for entry in found.entries]


def test_the_first_page_of_each_entry_in_the_order_of_the_plan(account: IntegratedAccount, source: Source) -> None:
    found = tried(account, CITIES, COUNTRIES)
    assert told(found) == [("countries", DryOutcome.FETCHED, 3), ("cities", DryOutcome.FETCHED, 100)]
    countries, cities = found.entries
    assert [request.path for request in source.served] == ["/countries", "/cities"]
    assert source.served[1].query["country"] == "C000"  # the first record of the parent's first page
    assert (countries.requests, cities.requests) == (1, None)
    assert (countries.has_more, cities.has_more) == (False, True)
    assert cities.request is not None
    assert cities.request.url == f"{source.url}/cities?country=C000&page=1&per_page=100"
    assert cities.samples[0].record == {"id": 0, "geonameid": 0, "country": "C000", "name": "City 0"}
    assert len(cities.samples) == 3


def test_nothing_is_stored_but_a_line_in_the_audit_list(account: IntegratedAccount, source: Source) -> None:
    job = factories.job(integration=account.integration)
    models = [model for model in apps.get_app_config("runs").get_models() if model is not AuditEntry]
    before = {model: list(model._default_manager.order_by("pk").values()) for model in models}
    dry_run(RunRequest(job, account))
    source.before = lambda request: Response("", 401)
    dry_run(RunRequest(job, account))
    assert {model: list(model._default_manager.order_by("pk").values()) for model in models} == before
    lines = AuditEntry.objects.filter(action="job.dry_run").order_by("created_at", "id")
    assert [line.details["entries"] for line in lines] == [{"fetched": 2}, {"failed": 1, "skipped": 1}]


@pytest.mark.parametrize("method", ["create", "purge"])
def test_what_changes_the_source_is_shown_and_never_sent(
    account: IntegratedAccount, source: Source, method: str
) -> None:
    body = {"name": "Atlantis", "password": "hunter22", "of": "{{resources.countries.iso}}"}
    found = tried(account, COUNTRIES, {"resource": "cities", "method": method, "depends_on": "countries", "body": body})
    written = found.entries[1]
    assert written.outcome is DryOutcome.NOT_SENT
    assert [request.path for request in source.served] == ["/countries"]
    assert written.request is not None
    assert written.request.verb == "POST"
    assert written.request.body == {"name": "Atlantis", "password": "***", "of": "C000"}
    assert "t0k3n" not in repr(found)
    assert f"{source.url}/{'cities?api_key=***' if method == 'create' else 'purge'}" == written.request.url


def test_a_loop_is_tried_with_its_first_element(account: IntegratedAccount, source: Source) -> None:
    entry = {"resource": "countries", "method": "get", "id": "{{args.codes}}", "loop_on": "codes", "persist": True}
    found = tried(account, entry, args={"codes": ["C001", "C002"]})
    assert (only(found).requests, only(found).fetched) == (2, 1)
    assert [request.path for request in source.served] == ["/countries/C001"]
    empty = only(tried(account, entry, args={"codes": []}))
    assert (empty.outcome, empty.why) == (DryOutcome.SKIPPED, "It loops on args.codes, which is empty.")


def test_transforms_and_spools_work_on_the_first_page(account: IntegratedAccount, source: Source) -> None:
    found = tried(
        account,
        {**COUNTRIES, "name": "lands"},
        {**CITIES, "depends_on": "lands", "query": {"country": "{{resources.lands.iso}}"}},
        {"type": "spool", "name": "all", "depends_on": "cities"},
        {
            "type": "transform",
            "name": "pairs",
            "depends_on": "all",
            "persist": True,
            "config": {"expression": "response.{'id': geonameid, 'of': $$.resources.lands.iso}"},
        },
        {
            "resource": "countries",
            "method": "get",
            "name": "back",
            "id": "{{resources.pairs.of}}",
            "depends_on": "pairs",
        },
        {"type": "transform", "name": "broken", "depends_on": "cities", "config": {"expression": "$error('no')"}},
    )
    by_name = {entry.entry.name: entry for entry in found.entries}
    assert (by_name["all"].outcome, by_name["all"].fetched) == (DryOutcome.DERIVED, 100)
    assert by_name["pairs"].samples[0].record == {"id": 0, "of": "C000"}
    assert (by_name["back"].outcome, by_name["back"].fetched) == (DryOutcome.FETCHED, 1)
    assert (by_name["broken"].outcome, by_name["broken"].error and by_name["broken"].error.code) == (
        DryOutcome.FAILED,
        "transform_failed",
    )


def test_an_error_of_one_entry_is_told_and_the_others_go_on(account: IntegratedAccount, source: Source) -> None:
    source.before = lambda request: Response("no", 500) if request.path == "/countries" else None
    found = tried(account, COUNTRIES, CITIES, {**CITIES, "name": "every city", "depends_on": None, "query": {}})
    countries, cities, every = found.entries
    assert not found.is_well
    assert (countries.outcome, countries.error and countries.error.status_code) == (DryOutcome.FAILED, 500)
    assert countries.request is not None
    assert (cities.outcome, cities.why) == (
        DryOutcome.SKIPPED,
        "It needs a record of countries, which has brought none.",
    )
    assert every.outcome is DryOutcome.FETCHED


def test_refused_credentials_end_it_and_the_account_stays(account: IntegratedAccount, source: Source) -> None:
    source.before = lambda request: Response("", 401)
    found = tried(account, COUNTRIES, {**COUNTRIES, "name": "again"})
    assert [entry.outcome for entry in found.entries] == [DryOutcome.FAILED, DryOutcome.SKIPPED]
    assert len(source.served) == 1
    account.refresh_from_db()
    assert account.status == "active"


def test_a_limit_of_the_rate_is_told_and_not_waited_for(account: IntegratedAccount, source: Source) -> None:
    source.before = lambda request: Response("", 429, headers={"Retry-After": "30"})
    found = tried(account, COUNTRIES, {**COUNTRIES, "name": "again"})
    assert [entry.outcome for entry in found.entries] == [DryOutcome.FAILED, DryOutcome.SKIPPED]
    assert found.milliseconds < 5_000
    account.rate_limited_until = timezone.now() + timedelta(hours=1)
    source.served.clear()
    found = tried(account, COUNTRIES)
    assert (only(found).outcome, source.served) == (DryOutcome.SKIPPED, [])
    assert "limits the rate" in only(found).why


def test_a_source_that_does_not_answer_costs_no_more_than_the_time_there_is(
    account: IntegratedAccount, source: Source
) -> None:
    over = threading.Event()
    source.before = lambda request: Response("", 503) if over.wait(30) else None
    job = factories.job(
        integration=account.integration, resources=[{**COUNTRIES, "name": name} for name in ("one", "two", "three")]
    )
    try:
        found = dry_run(RunRequest(job, account), seconds=1.0)
    finally:
        over.set()
    assert found.milliseconds < 6_000
    assert [entry.outcome for entry in found.entries] == [DryOutcome.FAILED, DryOutcome.SKIPPED, DryOutcome.SKIPPED]
    assert found.entries[2].why == "The time of the dry run is over."


def test_records_that_would_be_kept_aside_are_told(account: IntegratedAccount, source: Source) -> None:
    rows = [{"name": "no id"}, "no object", {"iso": "C9"}]
    source.before = lambda request: Response(json.dumps({"data": rows}), mimetype="application/json")
    entry = only(tried(account, COUNTRIES))
    assert (entry.fetched, entry.refused_count) == (3, 2)
    assert [record.code for record in entry.refused] == ["no_id", "not_an_object"]


def test_records_that_a_mapping_fails_on_are_told(account: IntegratedAccount) -> None:
    expression = "iso = 'C001' ? $error('not this one') : {'id': response.iso}".replace("iso =", "response.iso =")
    factories.mapping(integration=account.integration, config={"resource": "countries", "response_mapping": expression})
    entry = only(tried(account, {"resource": "geo/places", "method": "list"}))
    assert (entry.fetched, entry.refused_count, entry.refused[0].code) == (3, 1, "mapping_failed")
    assert entry.samples[0].record["id"] == "C000"


def test_placeholders_that_have_no_value_are_told(account: IntegratedAccount, source: Source) -> None:
    source.tables["countries"][0]["name"] = "{{context.tenant}}"
    query = {"of": "{{resources.countries.name}}", "at": "{{args.at}}", "since": "{{previous_run_date}}"}
    found = tried(account, COUNTRIES, {**CITIES, "query": query})
    assert found.entries[1].unfilled == ("{{args.at}}",)


def test_samples_are_small_and_hold_no_credentials(account: IntegratedAccount, source: Source) -> None:
    row = {"iso": "C0", "echo": "t0k3n", "password": "theirs", "long": "x" * 9_000}
    source.before = lambda request: Response(json.dumps({"data": [row] * 50}), mimetype="application/json")
    entry = only(tried(account, COUNTRIES))
    assert [(sample.record, len(sample.excerpt)) for sample in entry.samples] == [(None, 1_000)] * 3
    assert "t0k3n" not in repr(entry)
    assert "theirs" not in repr(entry)


def test_the_date_of_each_entry_is_the_one_that_a_run_would_use(account: IntegratedAccount, source: Source) -> None:
    news = {**COUNTRIES, "query": {"since": "{{previous_run_date}}"}}
    job = factories.job(integration=account.integration, resources=[news])
    assert only(dry_run(RunRequest(job, account))).since is None
    execute_slice(factories.run(account=account, job=job).id, "a daemon")
    RunStep.objects.update(watermark=datetime(2026, 1, 1, 12, tzinfo=UTC))
    source.served.clear()
    entry = only(dry_run(RunRequest(job, account)))
    assert entry.since == datetime(2026, 1, 1, 11, 55, tzinfo=UTC)
    assert source.served[0].query["since"] == "2026-01-01T11:55:00.000Z"
    assert only(dry_run(RunRequest(job, account, ignore_previous_run=True))).since is None
    assert "since" not in source.served[1].query


def test_what_a_run_would_be_refused_for_is_refused(account: IntegratedAccount, source: Source) -> None:
    with pytest.raises(InvalidInput) as refused:
        tried(account, COUNTRIES, schema={"size": {"type": "integer", "required": True}}, args={"size": "large"})
    assert [failure.path for failure in refused.value.failures] == ["args.size"]
    assert source.served == []


class TestCommand:
    """`manage.py sync JOB ACCOUNT --dry-run`."""

    def said(self, *arguments: str) -> tuple[str, Any]:
        output = StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("sync", "Countries and cities", "acme", "--dry-run", *arguments, stdout=output)
        return output.getvalue(), ended.value.code

    def test_it_tells_the_plan_and_exits_by_what_came_of_it(self, account: IntegratedAccount, source: Source) -> None:
        factories.job(integration=account.integration)
        text, code = self.said()
        assert code == 0
        assert "2. cities answers, for a record of countries" in text
        assert f"GET {source.url}/cities?country=C000&page=1&per_page=100" in text
        assert "100 records on its first page, and there are more; stored" in text
        assert text.splitlines()[-1] == "Of 2 entries: 2 answers. Nothing was stored."
        source.before = lambda request: Response("\x1b[2J", 500)
        text, code = self.said("--ignore-previous-run")
        assert code == 1
        assert "1. countries fails" in text
        assert "\x1b" not in text

    def test_bad_arguments_are_refused(self, account: IntegratedAccount) -> None:
        factories.job(integration=account.integration, args_schema={"size": {"type": "integer"}})
        with pytest.raises(CommandError, match=r"args\.size"):
            call_command("sync", "Countries and cities", "acme", "--dry-run", "--args", '{"size": "x"}')


class TestApi:
    """`POST /sync-job/{id}/dry-run`."""

    def test_it_answers_what_was_found(self, account: IntegratedAccount, source: Source) -> None:
        job = factories.job(integration=account.integration)
        program = Program(factories.token(account.environment))
        answer = program.post(f"/sync-job/{job.id}/dry-run", {"integrated_account_id": str(account.id)})
        assert answer.status_code == 200
        body = answer.json()
        assert (body["works"], body["usual_fetched"]) == (True, None)
        countries = body["entries"][0]
        assert countries["request"]["url"].startswith(f"{source.url}/countries")
        assert (countries["outcome"], countries["fetched"], countries["kind"]) == ("fetched", 3, "proxy")
        assert countries["samples"][0]["record"]["iso"] == "C000"

    def test_other_entries_can_be_tried(self, account: IntegratedAccount, source: Source) -> None:
        job = factories.job(integration=account.integration)
        asked = {"integrated_account_id": str(account.id), "resources": [COUNTRIES]}
        answer = Program(factories.token(account.environment)).post(f"/sync-job/{job.id}/dry-run", asked)
        assert [entry["name"] for entry in answer.json()["entries"]] == ["countries"]
        asked["resources"] = [{"resource": "nowhere", "method": "list"}]
        answer = Program(factories.token(account.environment)).post(f"/sync-job/{job.id}/dry-run", asked)
        assert answer.status_code == 400
        assert answer.json()["details"]["failures"][0]["path"] == "resources.0.resource"

    def test_an_account_of_another_environment_is_unknown(self, account: IntegratedAccount) -> None:
        other = factories.environment("Other")
        foreign = factories.account(integration=factories.integration(environment=other))
        job = factories.job(integration=account.integration)
        asked = {"integrated_account_id": str(foreign.id)}
        answer = Program(factories.token(account.environment)).post(f"/sync-job/{job.id}/dry-run", asked)
        assert answer.status_code == 400
        assert Program(factories.token(other)).post(f"/sync-job/{job.id}/dry-run", asked).status_code == 404
