"""How a request shows who sends it. A new way is one class and its line in AUTHORIZATIONS."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from runs.connectors.credentials import credential
from runs.connectors.errors import AuthenticationFailed
from runs.connectors.faults import Section
from runs.connectors.header_names import REFUSED, may_be_set
from runs.connectors.oauth2 import OAuth2
from runs.connectors.placeholders import unresolved


class Authorization(Protocol):
    """The frozen description of one way. Its texts may hold placeholders."""

    @classmethod
    def parse(cls, config: Section) -> Self: ...

    def headers(self, roots: Mapping[str, Any]) -> dict[str, str]:
        """The headers of a request with these roots. Raises AuthenticationFailed where a credential is missing."""
        ...


@dataclass(frozen=True)
class Bearer:
    """`Authorization: Bearer <token>` (RFC 6750, section 2.1)."""

    token: str

    @classmethod
    def parse(cls, config: Section) -> Self:
        return cls(config.template("token", required=True))

    def headers(self, roots: Mapping[str, Any]) -> dict[str, str]:
        return {"Authorization": f"Bearer {credential(self.token, roots)}"}


@dataclass(frozen=True)
class Header:
    """A header of the source's own: `X-Api-Key: <value>`."""

    name: str
    value: str

    @classmethod
    def parse(cls, config: Section) -> Self:
        name = config.template("header_name", required=True)
        if name and not unresolved(name) and not may_be_set(name):
            config.fail("header_name", REFUSED)
        return cls(name, config.template("header_value", required=True))

    def headers(self, roots: Mapping[str, Any]) -> dict[str, str]:
        return {credential(self.name, roots): credential(self.value, roots)}


@dataclass(frozen=True)
class Basic:
    """User name and password (RFC 7617). The password may be left out, as where an API key is the user name."""

    username: str
    password: str

    @classmethod
    def parse(cls, config: Section) -> Self:
        return cls(config.template("username", required=True), config.template("password"))

    def headers(self, roots: Mapping[str, Any]) -> dict[str, str]:
        username = credential(self.username, roots)
        if ":" in username:
            raise AuthenticationFailed(
                "bad_credential", "A user name with a colon can't be sent (RFC 7617, section 2)."
            )
        pair = f"{username}:{credential(self.password, roots)}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


AUTHORIZATIONS: Mapping[str, type[Authorization]] = {
    "bearer": Bearer,
    "header": Header,
    "basic": Basic,
    "oauth2": OAuth2,
}


def parse_authorization(section: Section) -> Authorization | None:
    """The authorization that the section describes; None if it describes none. Faults are noted in the section."""
    if not section.values:
        return None
    name = section.choice("format", AUTHORIZATIONS)
    return AUTHORIZATIONS[name].parse(section.section("config")) if name else None
