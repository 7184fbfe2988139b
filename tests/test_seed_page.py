"""The seed page, sentence by sentence: what each promises is tried on the API, the engine and a source on a socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from werkzeug import Request, Response

from runs.models import Environment, SyncJobRun
from tests import factories
from tests.processes import wait_until
from tests.receiver import receiving
from tests.runs.api.program import Program, failure_paths
from tests.seed_page import DAEMON, PAGE, ROWS, Row, Seed, row, tables
from tests.sources import Source, serving

pytestmark = pytest.mark.django_db(transaction=True)

CONTACTS = {"resource": "contacts", "method": "list", "persist": True}
DEALS = {"resource": "deals", "method": "list", "persist": True}
USER = {"resource": "users", "method": "get", "persist": True}
CRM_CONTACTS = {"resource": "crm/contacts", "method": "list"}
UNKNOWN = "1f276317-1c44-4ae8-b2e2-f7b8bc0f6aa5"

HEADINGS = ("Get Sync Job Run", "Endpoint", "GET /sync-job-run/{id}", "Path parameters", "Response Body")
EXAMPLES = (
    '{ "project_slug": "vcs_provider/org_name/repo_name" }',
    '{ "page": 1, "per_page": 100, "user_id": "{{args.user_id}}" }',
    '{ "{ args.user_ids }": null }',
    '{ "crm/contacts": { "list": { "fetched": 100, "persisted": 100 } }, "crm/deals": { "list": { "fetched": 100, '
    '"persisted": 0 }, "get": { "fetched": 100, "persisted": 100 } } }',
    '{ "type": "object", "properties": { "project_slug": { "type": "string", "description": "The project slug of the '
    'project on CircleCI. Its in the format vcs_provider/org_name/repo_name.", "required": true } } }',
    "1f276317-1c44-4ae8-b2e2-f7b8bc0f6aa5",
    "4a4de828-f4db-4c9e-adfd-434e0864c3c7",
    "94801e49-a652-42f9-af14-dd203d7897da",
    "05daecaf-4365-42e8-8370-8127de5dd717",
    "2021-08-10T10:00:00.000Z",
    "zendesk",
    "created running completed failed stopped running",
    "fail_fast ignore batch ignore",
    "crm/contacts",
    "default",
    "list",
    "1",
)


# The endpoint


@row("You can use this endpoint to get a sync job run by its ID.", "GET /sync-job-run/{id} answers the run")
@row("The ID of the sync job run.", "id is the run's UUID")
def _(seed: Seed) -> None:
    run = seed.start()
    found = seed.get(f"/sync-job-run/{run['id']}")
    assert found["id"] == run["id"] == str(UUID(run["id"]))


@row("The ID of the sync job run to get.", "an id of no run is a 404")
def _(seed: Seed) -> None:
    answer = seed.program.get(f"/sync-job-run/{UNKNOWN}")
    assert (answer.status_code, answer.json()["statusCode"]) == (404, 404)


# What was asked for


@row("The arguments passed to the sync job run.", "args are what the run was given")
def _(seed: Seed) -> None:
    args = {"project_slug": "vcs_provider/org_name/repo_name"}
    assert seed.get(f"/sync-job-run/{seed.start(args=args)['id']}")["args"] == args


@row("The resources to sync as part of the sync job.", "resources are the job's entries, and stay as they were")
def _(seed: Seed) -> None:
    job = seed.job(CONTACTS, {**DEALS, "depends_on": "contacts"})
    run = seed.start()
    assert run["resources"] == job["resources"] == run["sync_job"]["resources"]
    seed.program.patch(f"/sync-job/{job['id']}", {"resources": [CONTACTS]})
    assert seed.get(f"/sync-job-run/{run['id']}")["resources"] == job["resources"]


@row("The name of the resource to sync.", "the resource that is named is fetched, and no other")
@row("For Proxy API, it can just be resource_name .", "one segment names a resource of the integration")
def _(seed: Seed) -> None:
    seed.run(CONTACTS)
    assert seed.asked() == ["/contacts"]
    assert seed.stored("contacts") == tables()["contacts"]


@row("The method to call on the resource.", "list and get ask the source in their own ways; another is refused")
def _(seed: Seed) -> None:
    seed.run(CONTACTS, {**USER, "id": "u1"})
    assert seed.asked() == ["/contacts", "/users/u1"]
    answer = seed.program.post("/sync-job", {"integration_name": "zendesk", "resources": [{**CONTACTS, "method": "x"}]})
    [path] = failure_paths(answer)
    assert path.startswith("resources.0.")


@row("The ID of the resource to sync.", "id names the one record that is fetched")
@row("This is optional and can be used to sync a single resource.", "with an id one record is stored, without all")
def _(seed: Seed) -> None:
    seed.run({**USER, "id": "u2"}, CONTACTS)
    assert seed.stored("users") == [tables()["users"][1]]
    assert seed.stored("contacts") == tables()["contacts"]


@row("It also supports placeholders.", "an id is filled in from the arguments")
@row(
    "Static value like `4a4de828-f4db-4c9e-adfd-434e0864c3c7` or placeholder like `{{args.user_id}}`.",
    "an id is taken as it is, or from {{args.user_id}}",
)
def _(seed: Seed) -> None:
    static = {**USER, "name": "static", "id": "u1"}
    seed.run(static, {**USER, "id": "{{args.user_id}}"}, args={"user_id": "u3"})
    assert seed.asked() == ["/users/u1", "/users/u3"]


@row("The query parameters to pass to the resource method.", "the query reaches the source")
@row("It supports placeholders for values.", "values of a query are filled in from the arguments")
def _(seed: Seed) -> None:
    query = {"page": 1, "per_page": 100, "user_id": "{{args.user_id}}"}
    seed.run({**CONTACTS, "query": query}, args={"user_id": "u7"})
    assert seed.queries("/contacts", "user_id") == ["u7"]


@row(
    "When a particular placeholder argument is an array and you want to repeat the request for each element in that "
    "array, you can set this parameter.",
    "loop_on repeats the request per element, with the element in the placeholder",
)
@row(
    "For example, if you accept an argument called user_ids which is an array of strings, and you want to fetch each "
    "user's details, you can set this parameter to user_ids and the request will be repeated for each element in the "
    "user_ids array.",
    "loop_on user_ids, in every spelling, fetches each user",
)
def _(seed: Seed) -> None:
    spellings: list[Any] = ["user_ids", "args.user_ids", "{{args.user_ids}}", {"{ args.user_ids }": None}]
    for loop_on in spellings:
        seed.source.served.clear()
        seed.run({**USER, "id": "{{args.user_ids}}", "loop_on": loop_on}, args={"user_ids": ["u1", "u3"]})
        assert sorted(seed.asked()) == ["/users/u1", "/users/u3"]
    assert sorted(user["id"] for user in seed.stored("users")) == ["u1", "u3"]


@row("The resource that this resource depends on (parent resource).", "depends_on names the parent; none is refused")
def _(seed: Seed) -> None:
    body = {"integration_name": "zendesk", "resources": [{**DEALS, "depends_on": "contacts"}]}
    assert failure_paths(seed.program.post("/sync-job", body)) == ["resources.0.depends_on"]


@row(
    "This is optional and can be used to sync a resource only after another resource has been synced.",
    "the child comes after its parent, wherever it stands in the list",
)
def _(seed: Seed) -> None:
    seed.run({**DEALS, "depends_on": "contacts", "query": {"contact_id": "{{resources.contacts.id}}"}}, CONTACTS)
    assert seed.asked() == ["/contacts", "/deals"]


@row(
    "The Proxy API resources are by default NOT persisted and this parameter can be set to true to persist them.",
    "without persist nothing is stored, with it all is, and an unchanged record once",
)
def _(seed: Seed) -> None:
    plain = {"resource": "contacts", "method": "list"}
    for entry in (plain, {**plain, "persist": False}):
        assert seed.run(entry)["resource_stats"]["contacts"]["list"] == {"fetched": 3, "persisted": 0}
        assert seed.stored("contacts") == []
    for _ in range(2):
        assert seed.run(CONTACTS)["resource_stats"]["contacts"]["list"] == {"fetched": 3, "persisted": 3}
    assert seed.stored("contacts") == tables()["contacts"]


# Unified resources


@row(
    "For Unified APIs, it should be in the format unified_api_name/resource_name .",
    "two segments name a unified resource, which is mapped from one of the integration",
)
@row("Unified API resources are always persisted.", "a unified record is stored whatever persist says")
def _(seed: Seed) -> None:
    seed.unify("contacts")
    for entry in (CRM_CONTACTS, {**CRM_CONTACTS, "persist": False}):
        assert seed.run(entry)["resource_stats"] == {"crm/contacts": {"list": {"fetched": 3, "persisted": 3}}}
    assert [record["title"] for record in seed.stored("crm/contacts")] == [row["name"] for row in tables()["contacts"]]


@row(
    "For fetching Contacts from CRM Unified API, `crm/contacts`. For fetching Contacts from a Proxy API, `contacts`.",
    "crm/contacts is the unified contact, contacts the source's own",
)
def _(seed: Seed) -> None:
    seed.unify("contacts")
    seed.run(CRM_CONTACTS, CONTACTS)
    raw = tables()["contacts"]
    assert seed.stored("contacts") == raw
    unified = [{"id": row["id"], "title": row["name"], "remote_data": row} for row in raw]
    assert seed.stored("crm/contacts") == unified


@row(
    "Each object synced for the parent resource is available as the resources object in placeholders for the child "
    "resource, e.g. {{resources.crm.contacts.id}} if depends on is crm/contacts resource.",
    "the child asks once per unified contact, by {{resources.crm.contacts.id}}",
)
def _(seed: Seed) -> None:
    seed.unify("contacts")
    child = {**DEALS, "depends_on": "crm/contacts", "query": {"contact_id": "{{resources.crm.contacts.id}}"}}
    seed.run(CRM_CONTACTS, child)
    assert sorted(filter(None, seed.queries("/deals", "contact_id"))) == ["1", "2", "3"]
    assert len(seed.stored("deals")) == 6


# Whose, where, by whom


@row("The ID of the sync job that this sync job run belongs to.", "sync_job_id names the job")
@row("The sync job that this sync job run belongs to.", "sync_job is the job itself")
@row("The ID of the sync job.", "sync_job.id is the job's id")
@row("The name of the integration that this sync job interacts with.", "sync_job.integration_name is zendesk")
@row("The ID of the environment that this sync job belongs to.", "sync_job.environment_id is the token's")
@row("The date and time when the sync job was created.", "sync_job.created_at is a time")
def _(seed: Seed) -> None:
    job = seed.job()
    run = seed.get(f"/sync-job-run/{seed.start()['id']}")
    assert run["sync_job_id"] == run["sync_job"]["id"] == job["id"]
    assert run["sync_job"] == {name: job[name] for name in run["sync_job"]}
    assert run["sync_job"]["integration_name"] == "zendesk"
    assert run["sync_job"]["environment_id"] == str(Environment.objects.get().id)
    assert_time(run["sync_job"]["created_at"])


@row("The date and time when the sync job was last updated.", "sync_job.updated_at moves with a change of the job")
def _(seed: Seed) -> None:
    run = seed.start()
    seed.program.patch(f"/sync-job/{seed.job_id}", {"label": "Changed"})
    job = seed.get(f"/sync-job-run/{run['id']}")["sync_job"]
    assert job["label"] == "Changed"
    assert time_of(job["updated_at"]) > time_of(run["sync_job"]["updated_at"])


@row(
    "JSON schema defining the structure of the arguments that can be passed to the sync job.",
    "args_schema is checked when a run is created, also the seed's own required: true",
)
def _(seed: Seed) -> None:
    slug = {"type": "string", "description": "The project slug.", "required": True}
    schema = {"type": "object", "properties": {"project_slug": slug}}
    seed.job(args_schema=schema)
    for bad in ({}, {"project_slug": 7}):
        assert failure_paths(seed.program.post("/sync-job-run", seed.wish(args=bad))) == ["args.project_slug"]
    run = seed.start(args={"project_slug": "vcs_provider/org_name/repo_name"})
    assert run["sync_job"]["args_schema"] == schema


@row("The ID of the integrated account that this sync job run belongs to.", "integrated_account_id names the account")
def _(seed: Seed) -> None:
    assert seed.start()["integrated_account_id"] == seed.account_id


@row("The status of the sync job run.", "status is one of the five, from created to its end")
@row(
    "created - waiting to run, running - running, completed - completed successfully, failed - failed, stopped - "
    "stopped by the user.",
    "created waits, running runs, completed, failed and stopped are ends",
)
def _(seed: Seed) -> None:
    run, seen = seed.start(CONTACTS), []
    assert run["status"] == "created"
    seed.source.before = lambda request: seen.append(status_now(run["id"]))
    assert seed.executed(run["id"])["status"] == "completed"
    assert set(seen) == {"running"}

    stopped = seed.start()
    assert seed.program.delete(f"/sync-job-run/{stopped['id']}").json()["status"] == "stopped"
    assert seed.executed(stopped["id"])["status"] == "stopped"

    seed.source.before = refused
    assert seed.run(error_handling="fail_fast")["status"] == "failed"


@row("The daemon_id attribute of a daemon that is running this sync job.", "daemon_id is null, then the daemon's")
def _(seed: Seed) -> None:
    run = seed.start()
    assert run["daemon_id"] is None
    assert seed.executed(run["id"])["daemon_id"] == DAEMON


@row(
    "The name of the daemon group that this sync job run should be assigned to.",
    "daemon_group_key is what was asked for, else default",
)
@row("Used while creating a sync job run.", "daemon_group_key is a field of the POST")
@row(
    "Truto find a daemon in the group that is available to run the sync job.",
    "the run is put into its group's queue, which daemons of that group serve",
)
def _(seed: Seed) -> None:
    run, other = seed.start(), seed.start(args={"n": 1}, daemon_group_key="eu")
    assert (run["daemon_group_key"], other["daemon_group_key"]) == ("default", "eu")
    assert [SyncJobRun.objects.get(id=found["id"]).queue_group for found in (run, other)] == ["default", "eu"]


# How it goes


@row(
    "Specifies the error handling strategy used for the sync job run.", "error_handling is what was asked, else ignore"
)
@row(
    "fail_fast - stop the sync job run as soon as an error is encountered, ignore - continue running the sync job run "
    "even if an error is encountered.",
    "fail_fast ends at the first error, ignore goes on to the end",
)
def _(seed: Seed) -> None:
    seed.source.before = refused
    fast = seed.run(CONTACTS, {**USER, "id": "u1"}, error_handling="fail_fast")
    assert (fast["error_handling"], fast["status"], fast["error"]["status_code"]) == ("fail_fast", "failed", 404)
    assert seed.asked() == ["/contacts"]

    ignoring = seed.run()
    assert (ignoring["error_handling"], ignoring["status"], ignoring["error_count"]) == ("ignore", "completed", 1)
    assert seed.stored("users") == [tables()["users"][0]]


@row("Specifies if the sync job run was started ignoring the previous run date.", "with it the date is left out")
def _(seed: Seed) -> None:
    seed.run({**CONTACTS, "query": {"since": "{{previous_run_date}}"}})
    assert seed.run()["ignore_previous_run"] is False
    assert [bool(date) for date in seed.queries("/contacts", "since")] == [False, True]
    seed.source.served.clear()
    assert seed.run(ignore_previous_run=True)["ignore_previous_run"] is True
    assert seed.queries("/contacts", "since") == [None]


@row("The runtime version of the sync job run.", "version is 1 or 2, and nothing else")
def _(seed: Seed) -> None:
    assert seed.start(version=2)["version"] == 2
    assert failure_paths(seed.program.post("/sync-job-run", seed.wish(version=3))) == ["version"]


@row("The statistics of the resources synced in the sync job run.", "resource_stats counts each entry")
@row(
    "This will have information around how many records were fetched and persisted by the sync job run -- grouped by "
    "the resource and method.",
    "fetched and persisted stand by resource and method",
)
def _(seed: Seed) -> None:
    run = seed.run(CONTACTS, {**DEALS, "persist": False}, {**DEALS, "name": "one", "method": "get", "id": "4"})
    assert run["resource_stats"] == {
        "contacts": {"list": {"fetched": 3, "persisted": 3}},
        "deals": {"list": {"fetched": 6, "persisted": 0}, "get": {"fetched": 1, "persisted": 1}},
    }


@row(
    "The data is updated every 10 seconds while the sync job run is running.",
    "while the second page is fetched the first one is counted",
)
def _(seed: Seed) -> None:
    run = seed.start(CONTACTS)

    def second_page_waits(request: Request) -> None:
        if request.args["page"] == "2":
            wait_until(lambda: fetched_now(seed, run["id"]) == 2, 10, "a count of the first page's two contacts")

    seed.source.before = second_page_waits
    assert seed.executed(run["id"])["resource_stats"]["contacts"]["list"]["fetched"] == 3


@row("The date and time when the sync job run was created.", "created_at is there from the start")
@row("The date and time when the sync job run was last updated.", "updated_at moves on")
@row("The date and time when the sync job run was started.", "started_at is null until a daemon takes it")
@row("The date and time when the sync job run was finished.", "finished_at is null until the end")
def _(seed: Seed) -> None:
    before = seed.start()
    assert_time(before["created_at"])
    assert (before["started_at"], before["finished_at"]) == (None, None)
    after = seed.executed(before["id"])
    times = [after[f"{name}_at"] for name in ("created", "started", "finished", "updated")]
    assert times == sorted(times)
    for time in times:
        assert_time(time)


# RapidBridge


@row("The ID of the webhook where the sync job records need to be sent.", "webhook_id names where the records go")
@row(
    "Whether to persist the resource in the database or not in case of a Daemon sync job run or send as a payload in "
    "case of RapidBridge sync job run.",
    "persist stores in a daemon run, and sends in a RapidBridge run",
)
def _(seed: Seed) -> None:
    plain = {"resource": "deals", "method": "list"}
    with receiving() as receiver:
        run = seed.run(CONTACTS, plain, webhook_id=seed.webhook(receiver))
        assert (run["webhook_id"], run["daemon_group_key"], run["status"]) == (seed.webhook_id, None, "completed")
        assert receiver.records() == tables()["contacts"]
        assert {one.payload["resource"] for one in receiver.accepted("record")} == {"contacts"}
    assert seed.stored("contacts") == seed.stored("deals") == []
    assert seed.run()["resource_stats"]["contacts"]["list"]["persisted"] == 3
    assert seed.stored("contacts") == tables()["contacts"]


@row(
    "You can either specify daemon_group_key (Daemon) or webhook_id (RapidBridge), but NOT both while creating a Sync "
    "Job Run.",
    "both together are refused with 400, and there is no run",
)
def _(seed: Seed) -> None:
    seed.job()
    with receiving() as receiver:
        both = seed.wish(webhook_id=seed.webhook(receiver), daemon_group_key="default")
        assert failure_paths(seed.program.post("/sync-job-run", both)) == ["webhook_id"]
    assert seed.get("/sync-job-run")["result"] == []


@row(
    "In case of ignore , you'll receive sync_job_run:record_error events for each error encountered.",
    "ignore sends one record_error for each error",
)
def _(seed: Seed) -> None:
    seed.source.before = no_user
    users = [{**USER, "name": key, "id": key} for key in ("u1", "u2")]
    with receiving() as receiver:
        run = seed.run(*users, CONTACTS, webhook_id=seed.webhook(receiver))
        told = seed.delivered(receiver, "record_error", 2)
    assert (run["status"], run["error_count"]) == ("completed", 2)
    assert [(one["resource"], one["method"], one["sync_job_run_id"]) for one in told] == [
        ("users", "get", run["id"])
    ] * 2
    assert all(one["error"]["status_code"] == 404 and "errors" not in one for one in told)


@row(
    "In case of batch , you'll receive sync_job_run:record_error events with multiple errors batched into the errors "
    "array, this is only supported when the version used for Sync Job Run is 2.",
    "batch sends an entry's errors together, and needs version 2",
)
@row(
    "The version 1 is the default version and the version 2 is the new version which supports batch error handling and "
    "other enhancements.",
    "version is 1 unless asked for, and batch needs 2",
)
def _(seed: Seed) -> None:
    seed.source.before = no_user
    seed.job({**USER, "id": "{{args.user_ids}}", "loop_on": "user_ids"})
    args = {"user_ids": ["u1", "u2", "u3"]}
    with receiving() as receiver:
        batch = {"webhook_id": seed.webhook(receiver), "args": args, "error_handling": "batch"}
        refused = seed.program.post("/sync-job-run", seed.wish(**batch))
        assert failure_paths(refused) == ["error_handling"]
        run = seed.run(**batch, version=2)
        [told] = seed.delivered(receiver, "record_error", 1)
    assert (run["version"], run["error_count"], len(told["errors"])) == (2, 3, 3)
    assert seed.start(args={"user_ids": []})["version"] == 1


def refused(request: Request) -> Response | None:
    return Response("not here", 404) if request.path == "/contacts" else None


def no_user(request: Request) -> Response | None:
    return Response("no such user", 404) if request.path.startswith("/users/") else None


def status_now(run_id: str) -> str:
    """Read past the API in the source's thread, whose connection is then given back."""
    try:
        return SyncJobRun.objects.get(id=run_id).status
    finally:
        connections.close_all()


def fetched_now(seed: Seed, run_id: str) -> int:
    """What the API tells meanwhile."""
    try:
        count: int = seed.get(f"/sync-job-run/{run_id}")["resource_stats"]["contacts"]["list"]["fetched"]
        return count
    finally:
        connections.close_all()


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def assert_time(text: str) -> None:
    assert time_of(text).isoformat(timespec="milliseconds").replace("+00:00", "Z") == text


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    with serving(tables()) as found:
        yield found


@pytest.fixture
def seed(environment: Environment, source: Source) -> Seed:
    source.served.clear()
    source.before = None
    found = Seed(Program(factories.token(environment)), source)
    found.define()
    return found


@pytest.mark.parametrize("of", ROWS, ids=lambda of: of.proves)
def test_the_sentence_is_true(seed: Seed, of: Row) -> None:
    of.check(seed)


def test_every_sentence_of_the_page_has_a_row() -> None:
    rest = PAGE
    for text in sorted({of.sentence for of in ROWS} | set(HEADINGS), key=len, reverse=True):
        assert text in PAGE, f"This is not on the page: {text}"
        rest = rest.replace(text, " ")
    for example in EXAMPLES:
        rest = rest.replace(example, " ")
    assert rest.split() == []
