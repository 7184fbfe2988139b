"""What programs really send, beside what they should."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from django.utils import timezone

from runs.models import RunStatus, SyncJobRun
from tests import factories
from tests.runs.api.program import Program, failure_paths

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/sync-job-run", "/sync-job", "/ping", "/openapi.json", "/docs"])
def test_head_is_answered_as_get_without_the_body(program: Program, path: str) -> None:
    got, head = program.get(path), program.ask("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head["Content-Type"] == got["Content-Type"]
    assert int(head["Content-Length"]) > 0


def test_head_of_what_is_not_there_is_a_404(program: Program) -> None:
    assert program.ask("HEAD", "/sync-job-run/01900000-0000-7000-8000-000000000000").status_code == 404


def test_a_path_may_end_with_a_slash(program: Program, run: SyncJobRun) -> None:
    assert program.get("/sync-job-run/").json() == program.get("/sync-job-run").json()
    assert program.get(f"/sync-job-run/{run.id}/").json()["id"] == str(run.id)
    assert program.post(f"/sync-job-run/{run.id}/stop/").json()["status"] == "stopped"
    assert program.post("/sync-job-run/", {}).status_code == 400
    assert program.ask("PUT", "/sync-job-run/").status_code == 405
    assert program.get("/no-such-path/").status_code == 404


@pytest.mark.parametrize("action", ["stop", "rerun"])
@pytest.mark.parametrize(
    "content_type", ["", "application/json", "application/json; charset=UTF-8", "application/x-www-form-urlencoded"]
)
def test_a_post_may_have_no_body(program: Program, run: SyncJobRun, action: str, content_type: str) -> None:
    SyncJobRun.objects.update(status=RunStatus.COMPLETED, finished_at=timezone.now())
    response = program.post(f"/sync-job-run/{run.id}/{action}", data="", content_type=content_type)
    assert response.status_code in (200, 201)


def test_a_compressed_body_is_an_unsupported_one(program: Program) -> None:
    packed = gzip.compress(json.dumps({"name": "geo"}).encode())
    response = program.post(
        "/integration", data=packed, content_type="application/json", headers={"Content-Encoding": "gzip"}
    )
    assert response.status_code == 415
    assert "gzip" in response.json()["message"]


def test_a_body_may_begin_with_a_byte_order_mark(program: Program) -> None:
    body = json.dumps({"name": "geo", "config": factories.integration_config()})
    response = program.post("/integration", data=b"\xef\xbb\xbf" + body.encode(), content_type="application/json")
    assert response.status_code == 201


@pytest.mark.parametrize("query", ["?", "?next_cursor=", "?next_cursor=&limit=&order=", "?&&"])
def test_an_empty_parameter_is_none(program: Program, run: SyncJobRun, query: str) -> None:
    assert [row["id"] for row in program.get(f"/sync-job-run{query}").json()["result"]] == [str(run.id)]


@pytest.mark.parametrize(
    "query",
    [
        "status[]=created&status[]=running",
        "status[0]=created&status[1]=running",
        "status%5B0%5D=created&status%5B1%5D=running",
        "status[in][]=created&status[in][]=running",
        "status[in]=created,running",
        "created_at[gt]=2024-01-01T00:00:00",
        "created_at[gt]=2024-01-01",
        "created_at%5Bgt%5D=2024-01-01T00%3A00%3A00",
        "is_sandbox=false",
    ],
)
def test_queries_as_the_sdks_write_them_find_the_run(program: Program, run: SyncJobRun, query: str) -> None:
    assert [row["id"] for row in program.get(f"/sync-job-run?{query}").json()["result"]] == [str(run.id)]


class TestFieldsThatAreNotForThem:
    """Read-only and unknown fields of a body are ignored: a client may send back what it was given."""

    @pytest.mark.parametrize(
        ("path", "of"),
        [
            ("/integration", lambda run: run.sync_job.integration_id),
            ("/integrated-account", lambda run: run.integrated_account_id),
            ("/sync-job", lambda run: run.sync_job_id),
        ],
    )
    def test_a_patch_with_the_whole_object_changes_what_may_change(
        self, program: Program, run: SyncJobRun, path: str, of: Any
    ) -> None:
        address = f"{path}/{of(run)}"
        whole = program.get(address).json()
        odd = {"id": str(run.id), "environment_id": str(run.id), "created_at": "2001-01-01", "surprise": {"a": 1}}
        changed = program.patch(address, {**whole, **odd, "updated_at": None})
        assert changed.status_code == 200, changed.content
        assert {**changed.json(), "updated_at": ""} == {**whole, "updated_at": ""}

    def test_a_post_with_a_whole_object_makes_another(self, program: Program, run: SyncJobRun) -> None:
        job = program.get(f"/sync-job/{run.sync_job_id}").json()
        made = program.post("/sync-job", {**job, "label": "A copy"})
        assert made.status_code == 201, made.content
        assert made.json()["id"] != job["id"]
        assert made.json()["resources"] == job["resources"]

    def test_a_patch_of_a_run_takes_the_fields_that_daemons_of_others_report(
        self, program: Program, run: SyncJobRun
    ) -> None:
        told = {"started_at": "2021-08-10T10:00:00.000Z", "finished_at": "2021-08-10T10:00:00.000Z", "x": 1}
        assert program.patch(f"/sync-job-run/{run.id}", told).json()["started_at"] is None
        assert failure_paths(program.patch(f"/sync-job-run/{run.id}", {**told, "status": "completed"})) == ["status"]
