"""`/webhook`: made, changed, tested, removed; and what was sent to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from runs.models import Delivery, DeliveryStatus, Webhook
from runs.services import request_stop
from tests import factories
from tests.receiver import Receiver, receiving, verify
from tests.runs.api.program import Program, failure_paths

pytestmark = pytest.mark.django_db

HOOK = "https://example.com/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def made(program: Program) -> dict[str, Any]:
    body: dict[str, Any] = program.post("/webhook", {"target_url": HOOK}).json()
    return body


class TestDefinition:
    def test_its_secret_is_told_once(self, program: Program, made: dict[str, Any]) -> None:
        assert made["secret"].startswith("whsec_")
        got = program.get(f"/webhook/{made['id']}").json()
        assert got == {key: value for key, value in made.items() if key != "secret"}
        assert made["secret"] not in program.get("/webhook").content.decode()

    def test_it_starts_active_and_subscribes_to_everything(self, made: dict[str, Any]) -> None:
        assert (made["is_active"], made["event_types"], made["disabled_reason"]) == (True, None, None)

    def test_its_subscriptions_can_be_changed_and_taken_back(self, program: Program, made: dict[str, Any]) -> None:
        path = f"/webhook/{made['id']}"
        few = ["sync_job_run:completed", "test"]
        assert program.patch(path, {"event_types": few}).json()["event_types"] == few
        assert program.patch(path, {"is_active": False}).json()["event_types"] == few
        assert program.patch(path, {"event_types": None}).json()["event_types"] is None

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({}, "target_url"),
            ({"target_url": ""}, "target_url"),
            ({"target_url": "ftp://example.com"}, "target_url"),
            ({"target_url": "https://user:pw@example.com"}, "target_url"),
            ({"target_url": "https://"}, "target_url"),
            ({"target_url": "https://example.com/" + "x" * 2000}, "target_url"),
            ({"target_url": 7}, "target_url"),
            ({"target_url": HOOK, "event_types": ["sync_job_run:exploded"]}, "event_types.0"),
            ({"target_url": HOOK, "event_types": "all"}, "event_types"),
            ({"target_url": HOOK, "is_active": "perhaps"}, "is_active"),
        ],
    )
    def test_what_can_not_be_is_refused_at_its_path(self, program: Program, body: dict[str, Any], path: str) -> None:
        assert failure_paths(program.post("/webhook", body)) == [path]
        assert not Webhook.objects.exists()

    @pytest.mark.parametrize(
        "address",
        [
            *("http://example.com/", "https://127.0.0.1/", "https://2130706433/", "https://[::1]/"),
            *("https://localhost/", "https://169.254.169.254/", "https://10.1.2.3/", "https://[::ffff:10.0.0.1]/"),
            "https://example.com:8443/",
        ],
    )
    def test_private_addresses_are_refused_unless_allowed(self, program: Program, settings: Any, address: str) -> None:
        settings.ALLOW_PRIVATE_NETWORKS = False
        assert failure_paths(program.post("/webhook", {"target_url": address})) == ["target_url"]
        settings.ALLOW_PRIVATE_NETWORKS = True
        assert program.post("/webhook", {"target_url": address}).status_code == 201

    def test_the_list_can_be_narrowed_to_the_active_ones(self, program: Program, made: dict[str, Any]) -> None:
        program.patch(f"/webhook/{made['id']}", {"is_active": False})
        assert program.get("/webhook?is_active=true").json()["result"] == []
        assert [row["id"] for row in program.get("/webhook?is_active=false").json()["result"]] == [made["id"]]


class TestRemoval:
    def test_a_removed_one_is_gone_and_its_runs_stay(self, program: Program, made: dict[str, Any]) -> None:
        run = factories.run(webhook_id=Webhook.objects.get().id)
        refused = program.delete(f"/webhook/{made['id']}")
        assert (refused.status_code, str(run.id) in refused.json()["message"]) == (400, True)
        request_stop(run)
        assert program.delete(f"/webhook/{made['id']}").json() == {"id": made["id"]}
        assert program.get(f"/webhook/{made['id']}").status_code == 404
        assert program.get(f"/sync-job-run/{run.id}").json()["webhook_id"] == made["id"]


class TestRuns:
    @pytest.fixture
    def wish(self) -> dict[str, Any]:
        account = factories.account()
        job = factories.job(integration=account.integration)
        return {"sync_job_id": str(job.id), "integrated_account_id": str(account.id)}

    def test_can_go_to_a_webhook(self, program: Program, wish: dict[str, Any], made: dict[str, Any]) -> None:
        run = program.post("/sync-job-run", {**wish, "webhook_id": made["id"]}).json()
        assert (run["webhook_id"], run["daemon_group_key"]) == (made["id"], None)

    def test_can_not_go_to_one_that_is_off(self, program: Program, wish: dict[str, Any], made: dict[str, Any]) -> None:
        program.patch(f"/webhook/{made['id']}", {"is_active": False})
        assert failure_paths(program.post("/sync-job-run", {**wish, "webhook_id": made["id"]})) == ["webhook_id"]

    def test_batch_belongs_to_version_2(self, program: Program, wish: dict[str, Any]) -> None:
        batch = {**wish, "error_handling": "batch"}
        assert failure_paths(program.post("/sync-job-run", batch)) == ["error_handling"]
        assert program.post("/sync-job-run", {**batch, "version": 2}).status_code == 201


class TestTesting:
    def test_sends_the_event_at_once(self, program: Program, receiver: Receiver) -> None:
        made = program.post("/webhook", {"target_url": receiver.url}).json()
        answer = program.post("/webhook/test", {"id": made["id"]})
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        (received,) = receiver.arrived
        assert (received.event, received.payload) == ("test", {"foo": "bar"})
        verify(received, made["secret"])

    def test_tells_what_the_receiver_said_in_a_single_attempt(self, program: Program, receiver: Receiver) -> None:
        receiver.answer = lambda received: 418
        made = program.post("/webhook", {"target_url": receiver.url}).json()
        answer = program.post("/webhook/test", {"id": made["id"]})
        assert (answer.status_code, len(receiver.arrived)) == (400, 1)
        assert (answer.json()["truto_is_remote_error"], "418" in answer.json()["message"]) == (True, True)
        assert Delivery.objects.get().status == DeliveryStatus.FAILED

    def test_tells_that_nobody_answers(self, program: Program, receiver: Receiver) -> None:
        made = program.post("/webhook", {"target_url": receiver.url}).json()
        receiver.stop()
        answer = program.post("/webhook/test", {"id": made["id"]})
        assert (answer.status_code, "truto_is_remote_error" in answer.json()) == (400, False)

    def test_needs_a_webhook_of_the_environment(self, program: Program, stranger: Program, receiver: Receiver) -> None:
        made = program.post("/webhook", {"target_url": receiver.url}).json()
        assert stranger.post("/webhook/test", {"id": made["id"]}).status_code == 404
        assert failure_paths(program.post("/webhook/test", {})) == ["id"]
        assert receiver.arrived == []


class TestDeliveries:
    @pytest.fixture
    def path(self, made: dict[str, Any]) -> str:
        run = factories.run()
        request_stop(run)
        return f"/webhook/{made['id']}/delivery"

    def test_are_listed_by_run_event_and_status(self, program: Program, path: str) -> None:
        rows = program.get(path).json()["result"]
        assert [row["event"].split(":")[1] for row in rows] == ["stopped", "updated", "created"]
        run_id = rows[0]["sync_job_run_id"]
        assert len(program.get(f"{path}?sync_job_run_id={run_id}&status=pending").json()["result"]) == 3
        assert len(program.get(f"{path}?event=sync_job_run:created").json()["result"]) == 1
        assert failure_paths(program.get(f"{path}?status=lost")) == ["status"]

    def test_show_the_body_that_is_sent(self, program: Program, path: str) -> None:
        row = program.get(path).json()["result"][0]
        one = program.get(f"{path}/{row['id']}").json()
        assert one["body"] == bytes(Delivery.objects.get(id=row["id"]).body).decode()
        assert f'"id":"{row["id"]}"' in one["body"]

    def test_are_sent_again_once_they_are_settled(self, program: Program, path: str) -> None:
        row = program.get(path).json()["result"][0]
        assert program.post(f"{path}/{row['id']}/resend").status_code == 409
        Delivery.objects.filter(id=row["id"]).update(status=DeliveryStatus.FAILED, attempts=4, next_attempt_at=None)
        again = program.post(f"{path}/{row['id']}/resend").json()
        assert (again["status"], again["attempts"], again["id"]) == ("pending", 0, row["id"])

    def test_are_not_sent_again_to_a_webhook_that_is_off(self, program: Program, path: str) -> None:
        row = program.get(path).json()["result"][0]
        Delivery.objects.update(status=DeliveryStatus.FAILED)
        Webhook.objects.update(is_active=False)
        assert program.post(f"{path}/{row['id']}/resend").status_code == 409
