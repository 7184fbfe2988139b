"""How a request shows who sends it. A new way is one class and its line in AUTHORIZATIONS."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from runs.connectors.errors import AuthenticationFailed, MissingValue
from runs.connectors.faults import Section
from runs.connectors.placeholders import filled

COMING = ("oauth2",)


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
        return {"Authorization": f"Bearer {_filled(self.token, roots)}"}


@dataclass(frozen=True)
class Header:
    """A header of the source's own: `X-Api-Key: <value>`."""

    name: str
    value: str

    @classmethod
    def parse(cls, config: Section) -> Self:
        return cls(config.template("header_name", required=True), config.template("header_value", required=True))

    def headers(self, roots: Mapping[str, Any]) -> dict[str, str]:
        return {_filled(self.name, roots): _filled(self.value, roots)}


@dataclass(frozen=True)
class Basic:
    """User name and password (RFC 7617). The password may be left out, as where an API key is the user name."""

    username: str
    password: str

    @classmethod
    def parse(cls, config: Section) -> Self:
        return cls(config.template("username", required=True), config.template("password"))

    def headers(self, roots: Mapping[str, Any]) -> dict[str, str]:
        username = _filled(self.username, roots)
        if ":" in username:
            raise AuthenticationFailed(
                "bad_credential", "A user name with a colon can't be sent (RFC 7617, section 2)."
            )
        pair = f"{username}:{_filled(self.password, roots)}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


AUTHORIZATIONS: Mapping[str, type[Authorization]] = {"bearer": Bearer, "header": Header, "basic": Basic}


def parse_authorization(section: Section) -> Authorization | None:
    """The authorization that the section describes; None if it describes none. Faults are noted in the section."""
    if not section.values:
        return None
    name = section.choice("format", AUTHORIZATIONS, COMING)
    return AUTHORIZATIONS[name].parse(section.section("config")) if name else None


def _filled(text: str, roots: Mapping[str, Any]) -> str:
    try:
        return filled(text, roots)
    except MissingValue as missing:
        message = f"The account has no value for {missing.placeholder}, which its authorization needs."
        raise AuthenticationFailed("missing_credential", message) from missing
