"""Which requests an entry makes, as the source sees them: by id, looped, per parent, writing, and by other methods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug import Request, Response

from runs.engine.runner import execute_slice
from runs.models import Record, RunStatus, SyncJobRun
from tests import factories
from tests.runs.engine.driving import a_run, executed, let_wait_end, losing_daemons
from tests.sources import Source, countries_and_cities, json_response, serving

pytestmark = pytest.mark.django_db(transaction=True)

COUNTRIES: dict[str, Any] = {"resource": "countries", "method": "list"}
GET: dict[str, Any] = {"resource": "countries", "method": "get", "persist": True}
CREATE: dict[str, Any] = {
    "resource": "tasks",
    "method": "create",
    "persist": True,
    "depends_on": "countries",
    "body": {"title": "Visit {{resources.countries.name}}", "tags": "{{args.tags:any}}", "n": "{{args.n:int}}"},
}
METHODS: dict[str, dict[str, Any]] = {
    "tasks": {
        "create": {"path": "/tasks"},
        "update": {"path": "/tasks/{{id}}"},
        "delete": {"path": "/tasks/{{id}}"},
        "archive": {"method": "post", "path": "/tasks/{{id}}/archive"},
        "search": {"method": "post", "path": "/tasks/search", "response_path": "data", "pagination": None},
    }
}
DELETE: dict[str, Any] = {"resource": "tasks", "method": "delete", "id": "{{args.id}}"}
ARGS = {"tags": ["a", "b"], "n": "7"}


class Desk:
    """Takes what is written, and remembers it: (verb, path, body)."""

    def __init__(self, source: Source) -> None:
        self.taken: list[tuple[str, str, Any]] = []
        self.answer: Any = lambda number, body: json_response({"id": number, **body})
        source.before = self._reply

    def _reply(self, request: Request) -> Response | None:
        if not request.path.startswith("/tasks"):
            return None
        body = request.get_json() if request.data else {}
        self.taken.append((request.method, request.path, body))
        return self.answer(len(self.taken), body)


@pytest.fixture
def source() -> Iterator[Source]:
    with serving(countries_and_cities(6, 2)) as found:
        yield found


@pytest.fixture
def desk(source: Source) -> Desk:
    return Desk(source)


def ran(source: Source, *entries: dict[str, Any], **over: Any) -> SyncJobRun:
    run = executed(a_run(source, list(entries), METHODS, **over))
    assert run.status == RunStatus.COMPLETED
    return run


def paths(source: Source) -> list[str]:
    return [request.path for request in source.served]


class TestById:
    def test_one_that_stands_in_the_entry(self, source: Source) -> None:
        ran(source, {**GET, "id": "C001"})
        assert (paths(source), Record.objects.get().data["iso"]) == (["/countries/C001"], "C001")

    def test_each_of_a_list_in_the_arguments(self, source: Source) -> None:
        ran(source, {**GET, "id": "{{args.codes}}", "loop_on": "codes"}, args={"codes": ["C001", "C004"]})
        assert sorted(paths(source)) == ["/countries/C001", "/countries/C004"]

    def test_that_of_each_parent(self, source: Source) -> None:
        run = ran(source, COUNTRIES, {**GET, "id": "{{resources.countries.iso}}", "depends_on": "countries"})
        assert sorted(paths(source)[1:]) == [f"/countries/C{number:03}" for number in range(6)]
        assert run.resource_stats() == {
            "countries": {"list": {"fetched": 6, "persisted": 0}, "get": {"fetched": 6, "persisted": 6}}
        }

    def test_one_that_stays_open_is_an_error_of_that_request(self, source: Source) -> None:
        del source.tables["countries"][2]["iso"]
        run = ran(source, COUNTRIES, {**GET, "id": "{{resources.countries.iso}}", "depends_on": "countries"})
        assert (run.record_errors.get().code, Record.objects.count()) == ("unresolved_id", 5)

    def test_placeholders_see_the_run_and_the_account_but_no_credential(self, source: Source) -> None:
        query = {"run": "{{sync_job_run.id}}", "zone": "{{context.zone}}", "token": "{{context.token}}"}
        run = a_run(source, [{**COUNTRIES, "query": query}])
        run.integrated_account.context = {"token": "t0k3n", "zone": "eu"}
        run.integrated_account.save()
        executed(run)
        asked = source.served[0].query
        assert (asked["run"], asked["zone"], asked["token"]) == (str(run.id), "eu", "{{context.token}}")


class TestLoops:
    @pytest.mark.parametrize("spelling", ["f.codes", "args.f.codes", "{{ args.f.codes }}", {"{ args.f.codes }": None}])
    def test_all_spellings_reach_a_nested_list(self, source: Source, spelling: Any) -> None:
        entry = {"resource": "cities", "method": "list", "loop_on": spelling, "query": {"country": "{{args.f.codes}}"}}
        ran(source, entry, args={"f": {"codes": ["C001", "C004"]}})
        assert sorted(request.query["country"] for request in source.served) == ["C001", "C004"]

    def test_elements_may_be_objects(self, source: Source) -> None:
        users = [{"id": "C001", "size": 5}, {"id": "C002", "size": 1}]
        query = {"country": "{{args.users.id}}", "per_page": "{{args.users.size}}", "all": "{{args.all}}"}
        entry = {"resource": "cities", "method": "list", "loop_on": "users", "query": query}
        ran(source, entry, args={"users": users, "all": "x"})
        asked = {
            (request.query["country"], request.query["per_page"], request.query["all"]) for request in source.served
        }
        assert asked == {("C001", "5", "x"), ("C002", "1", "x")}

    def test_an_empty_list_makes_no_request_and_is_no_error(self, source: Source) -> None:
        run = ran(source, {**COUNTRIES, "loop_on": "codes"}, args={"codes": []})
        assert (source.served, run.error_count, run.steps.get().request_total) == ([], 0, 0)
        assert run.steps.get().watermark == run.started_at

    def test_with_a_parent_the_order_is_parents_first(self, source: Source) -> None:
        query = {"country": "{{resources.countries.iso}}", "name": "{{args.names}}"}
        child = {"resource": "cities", "method": "list", "depends_on": "countries", "loop_on": "names", "query": query}
        ran(source, COUNTRIES, child, args={"names": ["x", "y"]}, config={"concurrency": 1})
        asked = [(request.query["country"], request.query["name"]) for request in source.requests("/cities")]
        assert asked == [(f"C{number:03}", name) for number in range(6) for name in ("x", "y")]


class TestAliases:
    def test_one_resource_twice_is_told_apart_and_counted_together(self, source: Source) -> None:
        entries = [
            {**COUNTRIES, "name": "first", "query": {"iso": "C000"}},
            {**COUNTRIES, "name": "second", "query": {"iso": "C001"}},
            {
                "resource": "cities",
                "method": "list",
                "depends_on": "second",
                "query": {"country": "{{resources.second.iso}}", "also": "{{resources.countries.iso}}"},
            },
        ]
        run = ran(source, *entries)
        assert [request.query["country"] for request in source.requests("/cities")] == ["C001"]
        assert [request.query["also"] for request in source.requests("/cities")] == ["C001"]
        assert run.resource_stats()["countries"]["list"] == {"fetched": 2, "persisted": 0}


class TestWrites:
    def test_a_body_keeps_the_types_that_its_placeholders_ask_for(self, source: Source, desk: Desk) -> None:
        run = ran(source, COUNTRIES, CREATE, args=ARGS)
        assert [body for _, _, body in desk.taken] == [
            {"title": f"Visit Country C{number:03}", "tags": ["a", "b"], "n": 7} for number in range(6)
        ]
        assert {(verb, path) for verb, path, _ in desk.taken} == {("POST", "/tasks")}
        assert run.resource_stats()["tasks"]["create"] == {"fetched": 6, "persisted": 6}
        assert Record.objects.get(record_id="3").data["title"] == "Visit Country C002"

    def test_an_answer_without_an_id_or_without_anything_is_no_error(self, source: Source, desk: Desk) -> None:
        desk.answer = lambda number, body: json_response({"ok": True}) if number % 2 else Response("", 204)
        run = ran(source, COUNTRIES, CREATE, args=ARGS)
        assert (run.error_count, len(desk.taken)) == (0, 6)
        assert run.resource_stats()["tasks"]["create"] == {"fetched": 3, "persisted": 0}

    def test_updates_and_deletions_name_their_record(self, source: Source, desk: Desk) -> None:
        update = {"resource": "tasks", "method": "update", "id": "{{args.ids}}", "body": {"done": "{{args.done:any}}"}}
        ran(source, {**update, "loop_on": "ids"}, DELETE, args={"ids": ["a/b"], "done": True, "id": 7})
        assert desk.taken == [("PATCH", "/tasks/a/b", {"done": True}), ("DELETE", "/tasks/7", {})]

    def test_methods_of_the_integrations_own_write_too(self, source: Source, desk: Desk) -> None:
        archive = {"resource": "tasks", "method": "archive", "id": "{{resources.countries.iso}}", "persist": True}
        run = ran(source, {**COUNTRIES, "query": {"iso": "C003"}}, {**archive, "depends_on": "countries"})
        assert desk.taken == [("POST", "/tasks/C003/archive", {})]
        assert run.resource_stats()["tasks"]["archive"] == {"fetched": 1, "persisted": 1}

    def test_a_lost_answer_is_an_error_and_not_sent_again(self, source: Source, desk: Desk) -> None:
        desk.answer = lambda number, body: Response("oh", 502) if number == 3 else json_response({"id": number})
        run = ran(source, COUNTRIES, CREATE, args=ARGS)
        titles = [body["title"] for _, _, body in desk.taken]
        assert (len(titles), len(set(titles))) == (6, 6)
        assert (run.record_errors.get().status_code, run.persisted) == (502, 5)

    def test_a_read_by_post_is_sent_with_its_body(self, source: Source, desk: Desk) -> None:
        desk.answer = lambda number, body: json_response({"data": [{"id": 1}, {"id": 2}]})
        search = {"resource": "tasks", "method": "search", "body": {"q": "{{args.n}}"}, "persist": True}
        run = ran(source, search, args=ARGS)
        assert (desk.taken, run.persisted) == ([("POST", "/tasks/search", {"q": "7"})], 2)

    def test_they_are_sent_one_after_another(self, source: Source, desk: Desk) -> None:
        ran(
            source,
            {**COUNTRIES, "query": {"iso": "C000"}},
            {**CREATE, "loop_on": "tags"},
            args={**ARGS, "tags": [1] * 9},
        )
        assert (len(desk.taken), source.most_in_flight) == (9, 1)

    def test_the_end_of_a_slice_sends_nothing_twice(self, source: Source, desk: Desk, settings: Any) -> None:
        settings.SLICE_SECONDS = 0
        run = ran(source, COUNTRIES, CREATE, args=ARGS)
        assert (len(desk.taken), run.persisted, run.attempt) == (6, 6, 1)

    def test_a_lost_daemon_loses_none_and_repeats_at_most_the_one_it_had_not_noted(
        self, source: Source, desk: Desk
    ) -> None:
        run = a_run(source, [COUNTRIES, CREATE], METHODS, args=ARGS)
        lose, reply = losing_daemons(run, every=4), source.before
        assert reply is not None
        source.before = lambda request: lose(request) or reply(request)
        run = executed(run)
        titles = [body["title"] for _, _, body in desk.taken]
        assert run.attempt > 1
        assert (run.status, run.fetched, len(set(titles))) == (RunStatus.COMPLETED, 12, 6)
        assert len(titles) <= 6 + (run.attempt - 1)

    def test_a_long_wait_sends_nothing_twice(self, source: Source, desk: Desk) -> None:
        def answer(number: int, body: Any) -> Response:
            if number == 3:
                return Response("", 429, {"Retry-After": "600"})
            return json_response({"id": number})

        desk.answer = answer
        run = a_run(source, [COUNTRIES, CREATE], METHODS, args=ARGS)
        run = parked(run)
        assert len(desk.taken) == 3
        let_wait_end(run)
        executed(run)
        titles = [body["title"] for number, (_, _, body) in enumerate(desk.taken, start=1) if number != 3]
        assert (len(titles), len(set(titles))) == (6, 6)


def parked(run: SyncJobRun) -> SyncJobRun:
    """The run after a slice that ends with a wait for the source."""
    execute_slice(run.id, "d1")
    run.refresh_from_db()
    assert (run.status, run.lease_token) == (RunStatus.RUNNING, None)
    return run


def test_the_same_job_may_be_described_by_the_seed_page(source: Source) -> None:
    """The seed page's own example, with placeholders and `loop_on` as it prints them."""
    entry = {
        "resource": "cities",
        "method": "list",
        "query": {"page": 1, "per_page": 100, "country": "{{args.user_ids}}"},
        "loop_on": {"{ args.user_ids }": None},
    }
    account = factories.account(integration=factories.integration(config=factories.integration_config(source.url)))
    job = factories.job(integration=account.integration, resources=[entry])
    run = executed(factories.run(job=job, account=account, args={"user_ids": ["C000", "C005"]}))
    assert (run.status, run.fetched) == (RunStatus.COMPLETED, 4)
