"""Which values of a definition are taken for secrets."""

from __future__ import annotations

from typing import Any

import pytest

from runs.definition_files.kinds import Kind
from runs.definition_files.secrets import is_secret

OF_METHOD = "config.resources.tokens.list"


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        (Kind.INTEGRATION, "config.authorization.config.token", "abc"),
        (Kind.INTEGRATION, "config.authorization.config.username", "an API key may be the user name"),
        (Kind.INTEGRATION, "config.authorization.config.header_value", "Token abc123"),
        (Kind.INTEGRATION, "config.authorization.config.token", "{{context.token?:a-default}}"),
        (Kind.INTEGRATION, "config.authorization.config.token", "abcdefghijkl{{context.token}}"),
        (Kind.INTEGRATION, "config.headers.X-Api-Key", "abc"),
        (Kind.INTEGRATION, "config.headers.X-Other", "Bearer abcdefgh"),
        (Kind.INTEGRATION, "config.base_url", "https://user:password@example.com"),
        (Kind.INTEGRATION, f"{OF_METHOD}.query.api_key", "abc"),
        (Kind.INTEGRATION, f"{OF_METHOD}.body.client.secret", "abc"),
        (Kind.MAPPING, "config.response_mapping.id", "'ghp_abcdefghijklmnopqrstuvwxyz'"),
        (Kind.JOB, "resources.0.query.token", "abc"),
        (Kind.JOB, "resources.0.recurse.config.query.token", "abc"),
        (Kind.JOB, "args_schema.api_key.default", "abc"),
        (Kind.WEBHOOK, "target_url", "https://example.com/?token=abc"),
        (Kind.SCHEDULE, "args.pin", 1234),
        (Kind.SCHEDULE, "webhook", "https://a:b@example.com/"),
    ],
)
def test_these_are(kind: Kind, path: str, value: Any) -> None:
    assert is_secret(kind, tuple(path.split(".")), value)


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        (Kind.INTEGRATION, "name", "token"),
        (Kind.INTEGRATION, "config.authorization.format", "bearer"),
        (Kind.INTEGRATION, "config.authorization.config.token", "{{context.token}}"),
        (Kind.INTEGRATION, "config.authorization.config.header_value", "Token token={{context.token}}"),
        (Kind.INTEGRATION, "config.authorization.config.token_url", "https://example.com/token"),
        (Kind.INTEGRATION, "config.authorization.config.authorize_url", "https://example.com/authorize"),
        (Kind.INTEGRATION, "config.authorization.config.authorize_query.access_type", "offline"),
        (Kind.INTEGRATION, "config.authorization.config.header_name", "X-Api-Key"),
        (Kind.INTEGRATION, "config.headers.Authorization", "Bearer {{context.token}}"),
        (Kind.INTEGRATION, "config.base_url", "https://{{context.subdomain}}.example.com"),
        (Kind.INTEGRATION, "config.pagination.config.cursor_key", "page[after]"),
        (Kind.INTEGRATION, f"{OF_METHOD}.path", "/tokens/{{id}}"),
        (Kind.INTEGRATION, f"{OF_METHOD}.query.order", "name"),
        (Kind.INTEGRATION, f"{OF_METHOD}.query.token", ""),
        (Kind.MAPPING, "config.response_mapping.token", "response.token"),
        (Kind.JOB, "label", "Bearer tokens"),
        (Kind.JOB, "resources.0.query.api_key", "{{args.api_key}}"),
        (Kind.JOB, "resources.0.config.expression", '{"token": response.next}'),
        (Kind.JOB, "args_schema.properties.api_key.type", "string"),
        (Kind.SCHEDULE, "args.token", True),
        (Kind.SCHEDULE, "cron_expression", "0 6 * * *"),
        (Kind.WEBHOOK, "target_url", "https://example.com/hook"),
    ],
)
def test_these_are_none(kind: Kind, path: str, value: Any) -> None:
    assert not is_secret(kind, tuple(path.split(".")), value)
