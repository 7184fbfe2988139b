"""Secrets that the admin shows once: of tokens, and of webhooks."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from runs.models import (
    ApiToken,
    Environment,
    Webhook,
)
from tests import factories
from tests.runs.admin.browsing import page, staff, told

pytestmark = pytest.mark.django_db


class TestTokens:
    def test_the_secret_is_shown_once_and_opens_the_api(self, office: Client, environment: Environment) -> None:
        form = {"environment": str(environment.pk), "name": "ci", "expires_at_0": "", "expires_at_1": ""}
        made = office.post(page("apitoken_add"), form, follow=True)
        token = ApiToken.objects.get()
        secret = re.findall(r"sd_[\w-]{43}", " ".join(told(made)))[0]
        assert (token.name, token.created_by, token.prefix) == ("ci", "admin", secret[:10])
        assert Client().get("/sync-job", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
        for path in (
            page("apitoken_changelist"),
            page("apitoken_change", token.pk),
            page("apitoken_history", token.pk),
        ):
            response = office.get(path)
            assert response.status_code == 200
            assert secret not in response.content.decode()

    def test_its_name_can_be_changed_and_nothing_else(self, office: Client, environment: Environment) -> None:
        factories.token(environment)
        before = ApiToken.objects.get()
        other = factories.environment("Elsewhere")
        form = {"name": "new", "environment": str(other.pk), "digest": "x", "expires_at_0": "", "expires_at_1": ""}
        office.post(page("apitoken_change", before.pk), form)
        after = ApiToken.objects.get()
        assert (after.name, after.environment, after.digest) == ("new", environment, before.digest)

    def test_a_revoked_token_opens_nothing(self, office: Client, environment: Environment) -> None:
        secret = factories.token(environment)
        data = {"action": "revoke", "_selected_action": [str(ApiToken.objects.get().pk)]}
        assert "revoked" in told(office.post(page("apitoken_changelist"), data, follow=True))[0]
        assert Client().get("/sync-job", headers={"Authorization": f"Bearer {secret}"}).status_code == 401

    def test_it_is_issued_for_visible_environments_only(self, environment: Environment) -> None:
        clerk = staff("add_apitoken", "view_apitoken", environments=(factories.environment("Elsewhere"),))
        assert environment.name not in clerk.get(page("apitoken_add")).content.decode()
        form = {"environment": str(environment.pk), "name": "x", "expires_at_0": "", "expires_at_1": ""}
        assert clerk.post(page("apitoken_add"), form).status_code == 200
        assert not ApiToken.objects.exists()


class TestWebhooks:
    def test_the_secret_is_shown_when_it_is_created_and_never_again(
        self, office: Client, environment: Environment
    ) -> None:
        form = {"environment": str(environment.pk), "target_url": "https://example.com/hook", "is_active": "on"}
        made = office.post(page("webhook_add"), {**form, "event_types": ""}, follow=True)
        webhook = Webhook.objects.get()
        assert webhook.secret in " ".join(told(made))
        assert webhook.secret not in office.get(page("webhook_change", webhook.pk)).content.decode()
        assert webhook.event_types is None
