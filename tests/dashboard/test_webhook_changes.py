"""What operators do to webhooks on their pages: make, change, switch on and off, delete."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from runs.models import Delivery, DeliveryStatus, Environment, Webhook
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX, logged_in, member

URL = "https://hooks.example.org/in"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")


@pytest.fixture
def webhook(environment: Environment) -> Webhook:
    return factories.webhook(target_url=URL)


@pytest.fixture
def filled(environment: Environment) -> dict[str, Any]:
    return {"environment": str(environment.pk), "target_url": URL, "all_events": "on"}


def address(webhook: Webhook, action: str = "") -> str:
    return f"/webhooks/{webhook.pk}/" + (f"{action}/" if action else "")


class TestNew:
    def test_is_reached_from_the_list(self, operator: Client, viewer: Client) -> None:
        assert 'href="/webhooks/new/"' in operator.get("/webhooks/").content.decode()
        assert 'href="/webhooks/new/"' not in viewer.get("/webhooks/").content.decode()

    def test_shows_the_secret_once(self, operator: Client, filled: dict[str, Any]) -> None:
        answer = operator.post("/webhooks/new/", filled)
        made = Webhook.objects.get()
        assert (answer.status_code, made.target_url, made.event_types) == (201, URL, None)
        assert set(SECRET.findall(answer.content.decode())) == {made.secret}
        assert "no-store" in answer.headers["Cache-Control"]
        for path in ("/webhooks/", address(made), address(made, "edit")):
            assert not SECRET.search(operator.get(path).content.decode())

    def test_is_told_of_the_ticked_kinds_only(self, operator: Client, filled: dict[str, Any]) -> None:
        ticked = ["sync_job_run:completed", "sync_job_run:failed"]
        operator.post("/webhooks/new/", {**filled, "all_events": "", "event_types": ticked})
        assert Webhook.objects.get().event_types == ticked

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("target_url", "", "is required."),
            ("target_url", "https://127.0.0.1/hook", "127.0.0.1"),
            ("target_url", "ftp://hooks.example.org/", "http"),
            ("target_url", f"https://hooks.example.org/{'a' * 2000}", "at most 2000"),
            ("event_types", ["sync_job_run:invented"], "sync_job_run:invented"),
        ],
    )
    def test_shows_a_fault_beside_its_field(
        self, settings: Any, operator: Client, filled: dict[str, Any], field: str, value: Any, words: str
    ) -> None:
        settings.ALLOW_PRIVATE_NETWORKS = False
        answer = operator.post("/webhooks/new/", {**filled, field: value})
        assert answer.status_code == 400
        assert words in " ".join(answer.context["form"].errors[field])
        assert not Webhook.objects.exists()

    def test_of_another_environment_is_not_made(self, outsider: Client, filled: dict[str, Any]) -> None:
        assert outsider.post("/webhooks/new/", filled).status_code == 400
        assert not Webhook.objects.exists()

    def test_asks_for_the_environment_where_there_is_a_choice(self, environment: Environment) -> None:
        both = member("bea", environment, may_operate=True)
        assert '<select name="environment"' not in logged_in(both).get("/webhooks/new/").content.decode()
        both.environments.add(factories.environment("Another"))
        assert '<select name="environment"' in logged_in(both).get("/webhooks/new/").content.decode()

    def test_needs_an_environment(self, db: None) -> None:
        nobodys = logged_in(factories.user("nora", may_operate=True))
        assert "You are a member of none" in nobodys.get("/webhooks/new/").content.decode()


class TestEdit:
    def test_shows_and_changes_what_it_has(self, operator: Client, webhook: Webhook) -> None:
        Webhook.objects.update(event_types=["sync_job_run:failed"])
        page = operator.get(address(webhook, "edit")).content.decode()
        assert f'value="{URL}"' in page
        assert re.findall(r'value="([^"]+)"[^>]* checked', page) == ["sync_job_run:failed"]
        secret = webhook.secret
        answer = operator.post(address(webhook, "edit"), {"target_url": f"{URL}/2", "all_events": "on"})
        webhook.refresh_from_db()
        assert (answer.url, webhook.target_url, webhook.event_types) == (address(webhook), f"{URL}/2", None)
        assert webhook.secret == secret

    def test_leaves_the_switch_as_it_is(self, operator: Client, webhook: Webhook) -> None:
        Webhook.objects.update(is_active=False, disabled_reason="It fails.")
        operator.post(address(webhook, "edit"), {"target_url": f"{URL}/2", "all_events": "on"})
        webhook.refresh_from_db()
        assert (webhook.is_active, webhook.disabled_reason) == (False, "It fails.")

    def test_that_is_refused_changes_nothing(self, operator: Client, webhook: Webhook) -> None:
        answer = operator.post(address(webhook, "edit"), {"target_url": "nonsense", "all_events": "on"})
        webhook.refresh_from_db()
        assert (answer.status_code, webhook.target_url) == (400, URL)


class TestSwitch:
    def test_on_forgets_the_failures(self, operator: Client, webhook: Webhook) -> None:
        Webhook.objects.update(is_active=False, disabled_reason="It fails.", failure_count=40)
        page = operator.get(address(webhook)).content.decode()
        assert f'action="{address(webhook, "activate")}"' in page
        assert f'action="{address(webhook, "deactivate")}"' not in page
        told = operator.post(address(webhook, "activate"), follow=True).content.decode()
        webhook.refresh_from_db()
        assert (webhook.is_active, webhook.failure_count, webhook.disabled_reason) == (True, 0, "")
        assert "Switched on." in told

    def test_off_cancels_what_was_still_to_be_told(self, operator: Client, webhook: Webhook) -> None:
        factories.run()
        operator.post(address(webhook, "deactivate"))
        webhook.refresh_from_db()
        assert not webhook.is_active
        assert set(Delivery.objects.values_list("status", flat=True)) == {DeliveryStatus.CANCELLED}

    def test_on_checks_the_address_again(self, settings: Any, operator: Client, webhook: Webhook) -> None:
        Webhook.objects.update(is_active=False, target_url="http://127.0.0.1:9/hook")
        settings.ALLOW_PRIVATE_NETWORKS = False
        told = operator.post(address(webhook, "activate"), follow=True).content.decode()
        webhook.refresh_from_db()
        assert ("Nothing was changed." in told, webhook.is_active) == (True, False)


class TestDelete:
    def test_asks_first_and_tells_of_schedules(self, operator: Client, webhook: Webhook) -> None:
        trigger = factories.trigger(webhook_id=webhook.pk)
        question = operator.get(address(webhook, "delete"), headers=HTMX).content.decode()
        assert "1 schedule whose runs" in question
        assert "<html" not in question
        assert Webhook.objects.live().exists()
        assert operator.post(address(webhook, "delete")).url == "/webhooks/"
        trigger.refresh_from_db()
        assert (Webhook.objects.live().exists(), trigger.is_active) == (False, False)

    def test_is_refused_while_a_live_run_sends_to_it(self, operator: Client, webhook: Webhook) -> None:
        run = factories.run(webhook_id=webhook.pk)
        told = operator.post(address(webhook, "delete"), follow=True).content.decode()
        assert f"The webhook is in use by the live run {run.pk}." in told
        states.ended(run, "completed")
        assert operator.post(address(webhook, "delete")).url == "/webhooks/"
        page = operator.get(address(webhook)).content.decode()
        assert "Deleted" in page
        assert address(webhook, "edit") not in page


@pytest.mark.parametrize("action", ["edit", "activate", "deactivate", "delete"])
def test_others_may_only_look(viewer: Client, outsider: Client, webhook: Webhook, action: str) -> None:
    assert address(webhook, action) not in viewer.get(address(webhook)).content.decode()
    assert viewer.post(address(webhook, action)).status_code == 403
    assert outsider.post(address(webhook, action)).status_code == 404
    assert outsider.get(address(webhook, action)).status_code in (404, 405)
    webhook.refresh_from_db()
    assert (webhook.is_active, webhook.deleted_at) == (True, None)


def test_changes_need_the_token_against_forgery(operator: Client, webhook: Webhook) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies
    for action in ("edit", "activate", "deactivate", "delete"):
        assert strict.post(address(webhook, action)).status_code == 403
