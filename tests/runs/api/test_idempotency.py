"""A POST with an `Idempotency-Key` is done once, and answered alike for a day."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from runs.models import ApiToken, Environment, KeyedRequest, RunStatus, SyncJobRun
from runs.services.idempotency import ABANDONED_AFTER, StillRunning, begin, forget_old, release, remember
from runs.services.idempotency import Answer as Kept
from runs.tasks import forget_old_keys
from tests import factories
from tests.runs.api.program import Program, failure_paths

pytestmark = pytest.mark.django_db

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


@pytest.fixture
def wish(db: None) -> dict[str, Any]:
    account = factories.account()
    job = factories.job(integration=account.integration)
    return {"sync_job_id": str(job.id), "integrated_account_id": str(account.id), "force": True}


def put_back(by: timedelta) -> None:
    """Everything that was asked under a key happened so much earlier."""
    KeyedRequest.objects.update(claimed_at=timezone.now() - by)


class TestTheSameRequest:
    def test_it_is_done_once_and_answered_byte_for_byte(self, program: Program, wish: dict[str, Any]) -> None:
        first = program.post("/sync-job-run", wish, headers=KEY)
        SyncJobRun.objects.update(status=RunStatus.RUNNING)
        again = program.post("/sync-job-run", wish, headers=KEY)

        assert (first.status_code, again.status_code) == (201, 201)
        assert again.content == first.content
        assert again["Content-Type"] == first["Content-Type"]
        assert (first.get("Idempotent-Replayed"), again["Idempotent-Replayed"]) == (None, "true")
        assert SyncJobRun.objects.count() == 1

    def test_without_a_key_or_with_another_it_is_done_again(self, program: Program, wish: dict[str, Any]) -> None:
        for headers in (KEY, {}, {}, {"Idempotency-Key": "another"}):
            assert program.post("/sync-job-run", wish, headers=headers).status_code == 201
        assert SyncJobRun.objects.count() == 4

    def test_a_post_without_a_body_has_keys_too(self, program: Program, run: SyncJobRun) -> None:
        SyncJobRun.objects.update(status=RunStatus.COMPLETED, finished_at=timezone.now())
        first, again = [program.post(f"/sync-job-run/{run.id}/rerun", headers=KEY) for _ in range(2)]
        assert first.status_code == 201
        assert again.content == first.content
        assert SyncJobRun.objects.count() == 2

    def test_after_a_day_the_key_is_new(self, program: Program, wish: dict[str, Any]) -> None:
        first = program.post("/sync-job-run", wish, headers=KEY)
        put_back(timedelta(hours=23, minutes=59))
        assert program.post("/sync-job-run", wish, headers=KEY).content == first.content
        put_back(timedelta(hours=24, minutes=1))
        assert program.post("/sync-job-run", {**wish, "version": 2}, headers=KEY).json()["version"] == 2
        assert SyncJobRun.objects.count() == 2

    def test_each_token_has_its_own_keys(self, program: Program, wish: dict[str, Any]) -> None:
        other = Program(factories.token())
        assert program.post("/sync-job-run", wish, headers=KEY).status_code == 201
        assert other.post("/sync-job-run", wish, headers=KEY).get("Idempotent-Replayed") is None
        assert SyncJobRun.objects.count() == 2

    def test_other_methods_have_no_use_for_a_key(self, program: Program, run: SyncJobRun) -> None:
        for method in ("GET", "PATCH", "DELETE"):
            assert program.ask(method, f"/sync-job-run/{run.id}", {}, headers=KEY).status_code == 200
        assert not KeyedRequest.objects.exists()


class TestAnotherRequest:
    def test_it_is_refused_under_a_key_that_is_taken(self, program: Program, wish: dict[str, Any]) -> None:
        program.post("/sync-job-run", wish, headers=KEY)
        for path, body in (
            ("/sync-job-run", {**wish, "version": 2}),
            ("/sync-job-run?x=1", wish),
            ("/sync-job", wish),
        ):
            assert failure_paths(program.post(path, body, headers=KEY)) == ["Idempotency-Key"]
        assert SyncJobRun.objects.count() == 1

    @pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "ключ".encode().decode("latin-1")])
    def test_a_key_that_is_none_is_refused(self, program: Program, wish: dict[str, Any], key: str) -> None:
        response = program.post("/sync-job-run", wish, headers={"Idempotency-Key": key})
        assert failure_paths(response) == ["Idempotency-Key"]
        assert not SyncJobRun.objects.exists()


class TestRefusals:
    def test_what_was_refused_may_be_corrected_under_its_key(self, program: Program, wish: dict[str, Any]) -> None:
        assert program.post("/sync-job-run", {**wish, "version": 7}, headers=KEY).status_code == 400
        assert not KeyedRequest.objects.exists()
        assert program.post("/sync-job-run", wish, headers=KEY).status_code == 201

    def test_a_conflict_is_looked_at_again(self, program: Program, wish: dict[str, Any]) -> None:
        plain = {**wish, "force": False}
        live = program.post("/sync-job-run", plain).json()
        assert program.post("/sync-job-run", plain, headers=KEY).status_code == 409
        program.post(f"/sync-job-run/{live['id']}/stop")
        assert program.post("/sync-job-run", plain, headers=KEY).status_code == 201

    def test_without_a_token_nothing_is_kept_and_nothing_told(self, program: Program, wish: dict[str, Any]) -> None:
        program.post("/sync-job-run", wish, headers=KEY)
        response = Program("sd_wrong").post("/sync-job-run", wish, headers=KEY)
        assert (response.status_code, "id" in response.json()) == (401, False)
        assert KeyedRequest.objects.count() == 1

    def test_a_body_over_the_limit_is_too_large(self, program: Program, settings: Any) -> None:
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
        response = program.post("/sync-job-run", {"args": {"text": "x" * 2000}}, headers=KEY)
        assert (response.status_code, response.json()["statusCode"]) == (413, 413)


class TestAttempts:
    """What two requests at the same time, or a crash, meet."""

    @pytest.fixture
    def token(self, program: Program) -> ApiToken:
        return ApiToken.objects.get()

    def test_while_the_first_runs_the_second_is_told_when_to_come_back(
        self, program: Program, token: ApiToken, wish: dict[str, Any]
    ) -> None:
        program.post("/sync-job-run", wish, headers=KEY)
        KeyedRequest.objects.update(answer=None)
        response = program.post("/sync-job-run", wish, headers=KEY)
        assert (response.status_code, response["Retry-After"]) == (409, "1")
        assert SyncJobRun.objects.count() == 1

    def test_one_that_died_is_overtaken_by_the_same_request_only(self, token: ApiToken) -> None:
        begin(token, "k", "request")
        put_back(ABANDONED_AFTER - timedelta(seconds=10))
        with pytest.raises(StillRunning):
            begin(token, "k", "request")
        put_back(ABANDONED_AFTER + timedelta(seconds=1))
        with pytest.raises(Exception, match="used for another request"):
            begin(token, "k", "other")
        second = begin(token, "k", "request")
        assert not isinstance(second, Kept)
        with pytest.raises(StillRunning):
            begin(token, "k", "request")

    def test_one_that_was_overtaken_changes_nothing_any_more(self, token: ApiToken) -> None:
        late = begin(token, "k", "request")
        put_back(ABANDONED_AFTER + timedelta(seconds=1))
        second = begin(token, "k", "request")
        assert not isinstance(late, Kept)
        assert not isinstance(second, Kept)
        release(late)
        remember(late, Kept(201, "late"))
        remember(second, Kept(201, "second"))
        assert begin(token, "k", "request") == Kept(201, "second")

    def test_an_answer_is_encrypted_at_rest(self, token: ApiToken) -> None:
        attempt = begin(token, "k", "request")
        assert not isinstance(attempt, Kept)
        remember(attempt, Kept(201, '{"secret": "c4nary"}'))
        with connection.cursor() as cursor:
            cursor.execute("SELECT answer FROM runs_keyedrequest")
            [[stored]] = cursor.fetchall()
        assert "c4nary" not in stored

    def test_what_is_older_than_a_day_is_removed(self, token: ApiToken) -> None:
        begin(token, "old", "request")
        put_back(timedelta(hours=25))
        begin(token, "new", "request")
        forget_old_keys()
        assert [row.key for row in KeyedRequest.objects.all()] == ["new"]
        assert forget_old() == 0


@pytest.mark.django_db(transaction=True)
def test_eight_requests_at_once_with_one_key_create_one_run(environment: Environment, wish: dict[str, Any]) -> None:
    token = factories.token(environment)
    together = threading.Barrier(8)

    def post(_: int) -> Any:
        try:
            together.wait()
            return Program(token).post("/sync-job-run", wish, headers=KEY)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(post, range(8)))

    done = {answer.content for answer in answers if answer.status_code == 201}
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert all(answer["Retry-After"] == "1" for answer in answers if answer.status_code == 409)
    assert len(done) == 1
    assert SyncJobRun.objects.count() == 1
    assert {Program(token).post("/sync-job-run", wish, headers=KEY).content for _ in range(8)} == done
