"""What requests show, and that nothing is sent without its credential."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from runs.connectors import AuthenticationFailed
from runs.connectors.auth import Authorization, Basic, Bearer, Header

ROOTS = {"context": {"token": "t", "user": "ann", "password": "pä:ss", "empty": "", "oauth": {"access_token": "deep"}}}


@pytest.mark.parametrize(
    ("authorization", "headers"),
    [
        (Bearer("{{context.token}}"), {"Authorization": "Bearer t"}),
        (Bearer("{{context.oauth.access_token}}"), {"Authorization": "Bearer deep"}),
        (Header("X-Api-Key", "Token {{context.token}}"), {"X-Api-Key": "Token t"}),
        (
            Basic("{{context.user}}/token", "{{context.password}}"),
            {"Authorization": "Basic " + base64.b64encode("ann/token:pä:ss".encode()).decode()},
        ),
        (Basic("{{context.token}}", ""), {"Authorization": "Basic " + base64.b64encode(b"t:").decode()}),
    ],
)
def test_the_headers(authorization: Authorization, headers: dict[str, str]) -> None:
    assert authorization.headers(ROOTS) == headers


@pytest.mark.parametrize(
    "authorization",
    [Bearer("{{context.gone}}"), Bearer("{{context.empty}}"), Header("X", "{{context.gone}}"), Basic("{{id}}", "x")],
)
def test_a_missing_credential_is_an_authentication_error(authorization: Authorization) -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        authorization.headers(ROOTS)

    assert caught.value.code == "missing_credential"


def test_a_user_name_with_a_colon_is_refused() -> None:
    roots: dict[str, Any] = {"context": {"user": "a:b"}}

    with pytest.raises(AuthenticationFailed, match="RFC 7617"):
        Basic("{{context.user}}", "x").headers(roots)
