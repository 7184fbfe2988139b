"""A provider on a real socket: an authorization server of Authlib's, with a consent page and rotating refresh tokens,
and the API that its tokens open."""

from __future__ import annotations

import json
import secrets
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any

from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import (
    AuthorizationCodeMixin,
    AuthorizationServer,
    ClientMixin,
    OAuth2Payload,
    TokenMixin,
    grants,
)
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from werkzeug import Request, Response

from tests.http_server import PromptServer

CLIENT_ID, CLIENT_SECRET = "syncdeck-client", "canary-client-s3cr3t"
SCOPE = "things.read profile"
ROWS = [{"id": number, "name": f"thing {number}"} for number in range(1, 4)]
METHODS = ["none", "client_secret_basic", "client_secret_post"]


@dataclass
class Client(ClientMixin):
    """The one client that is registered; `secret` empty: a public one."""

    redirect_uris: set[str] = field(default_factory=set)
    secret: str = CLIENT_SECRET

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return next(iter(self.redirect_uris))

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(one for one in (scope or "").split() if one in SCOPE.split())

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(client_secret, self.secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method == "none") != bool(self.secret)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("authorization_code", "refresh_token")


@dataclass
class Code(AuthorizationCodeMixin):
    code: str
    redirect_uri: str
    scope: str
    code_challenge: str | None
    code_challenge_method: str | None

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


@dataclass
class Granted(TokenMixin):
    access_token: str
    refresh_token: str | None
    scope: str
    expires_in: int
    issued_at: float = field(default_factory=time.time)
    is_over: bool = False

    def check_client(self, client: Client) -> bool:
        return True

    def get_scope(self) -> str:
        return self.scope

    def get_expires_in(self) -> int:
        return self.expires_in

    def is_expired(self) -> bool:
        return self.issued_at + self.expires_in < time.time()

    def is_revoked(self) -> bool:
        return self.is_over


class _Payload(OAuth2Payload):
    def __init__(self, request: Request) -> None:
        self._values = request.values

    @property
    def data(self) -> Any:
        return self._values

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return defaultdict(list, {key: self._values.getlist(key) for key in self._values})


class _Asked(OAuth2Request):
    def __init__(self, request: Request) -> None:
        super().__init__(request.method, request.url, headers=request.headers)
        self._request, self.payload = request, _Payload(request)

    @property
    def args(self) -> Any:
        return self._request.args

    @property
    def form(self) -> Any:
        return self._request.form


class _CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def save_authorization_code(self, code: str, request: Any) -> None:
        asked = request.payload.data
        self.server.provider.codes[code] = Code(
            code,
            request.payload.redirect_uri,
            request.scope,
            asked.get("code_challenge"),
            asked.get("code_challenge_method"),
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return self.server.provider.codes.get(code)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        del self.server.provider.codes[authorization_code.code]

    def authenticate_user(self, authorization_code: Code) -> str:
        return "ada"


class _RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Granted | None:
        given = self.server.provider.given
        return next((one for one in given if one.refresh_token == refresh_token and not one.is_over), None)

    def authenticate_user(self, refresh_token: Granted) -> str:
        return "ada"

    def revoke_old_credential(self, refresh_token: Granted) -> None:
        refresh_token.is_over = True


class _Server(AuthorizationServer):
    def __init__(self, provider: Provider) -> None:
        super().__init__(scopes_supported=SCOPE.split())
        self.provider = provider
        bearer = BearerTokenGenerator(
            lambda **_: f"canary-access-{secrets.token_hex(8)}",
            lambda **_: f"canary-refresh-{secrets.token_hex(8)}",
            lambda client, grant_type: provider.expires_in,
        )
        self.register_token_generator("default", bearer)
        self.register_grant(_CodeGrant, [CodeChallenge(required=True)])
        self.register_grant(_RefreshGrant)
        self.register_extension(_issuer_of(provider))

    def query_client(self, client_id: str) -> Client | None:
        return self.provider.client if client_id == CLIENT_ID else None

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        refresh_token = token.get("refresh_token") if self.provider.gives_refresh_tokens else token.pop("refresh_token")
        kept = refresh_token if self.provider.gives_refresh_tokens else None
        self.provider.given.append(Granted(token["access_token"], kept, token.get("scope", ""), token["expires_in"]))

    def create_oauth2_request(self, request: Any) -> OAuth2Request:
        return request if isinstance(request, OAuth2Request) else _Asked(request)

    def handle_response(self, status: int, body: Any, headers: Any) -> Response:
        return Response(json.dumps(body) if isinstance(body, dict) else body, status, list(headers))

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


def _issuer_of(provider: Provider) -> Any:
    class OurIssuer(IssuerParameter):
        def __init__(self, server: Any) -> None:
            self(server)

        def get_issuer(self) -> str | None:
            return provider.issuer

    return OurIssuer


@dataclass
class Provider:
    """`/authorize` shows a consent page, `/token` gives tokens, `/things` takes those that are not worn out or revoked.

    `asked` are the queries of `/authorize`, `referers` where browsers said that they came from, `token_requests` the
    forms of `/token`. `refuses`: an error, with its description, that `/authorize` answers with in place of its page.
    `ways_back` are the addresses that people were sent back to; where the provider `holds_back`, they were not.
    """

    url: str
    client: Client = field(default_factory=Client)
    expires_in: int = 3600
    gives_refresh_tokens: bool = True
    issuer: str | None = None
    refuses: tuple[str, str] | None = None
    holds_back: bool = False
    ways_back: list[str] = field(default_factory=list)
    codes: dict[str, Code] = field(default_factory=dict)
    given: list[Granted] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    token_requests: list[dict[str, str]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    referers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = _Server(self)

    @property
    def secrets(self) -> set[str]:
        """All that must be seen nowhere."""
        tokens = {token for one in self.given for token in (one.access_token, one.refresh_token) if token}
        verifiers = {form["code_verifier"] for form in self.token_requests if "code_verifier" in form}
        codes = {form["code"] for form in self.token_requests if "code" in form}
        return {CLIENT_SECRET, *tokens, *verifiers, *codes}

    def end_access(self) -> None:
        """The access tokens are taken no more; they can be renewed."""
        for one in self.given:
            one.expires_in = -1

    def revoke(self) -> None:
        """Nothing that was given is taken any more."""
        for one in self.given:
            one.is_over = True

    def answer(self, request: Request) -> Response:
        match request.path:
            case "/authorize":
                return self._authorize(request)
            case "/token":
                self.token_requests.append(request.form.to_dict())
                return self._server.create_token_response(request)
            case "/things":
                return self._things(request)
        return Response("not found", 404)

    def _authorize(self, request: Request) -> Response:
        if request.method == "GET":
            self.asked.append(request.args.to_dict())
            self.referers.append(request.headers.get("Referer", ""))
        try:
            grant = self._server.get_consent_grant(request, end_user="ada")
        except OAuth2Error as error:
            return self._server.handle_error_response(request, error)
        if self.refuses:
            grant.validate_authorization_request = self._refused  # type: ignore[method-assign]
        elif request.method == "GET":
            return Response(_consent_page(grant.request.payload.data), mimetype="text/html")
        allowed = "ada" if request.form.get("answer") == "allow" else None
        answer = self._server.create_authorization_response(request=grant.request, grant_user=allowed, grant=grant)
        self.ways_back.append(answer.headers["Location"])
        return Response("<!doctype html><h1>Held back</h1>", mimetype="text/html") if self.holds_back else answer

    def _refused(self) -> str:
        [uri] = self.client.redirect_uris
        code, description = self.refuses or ("", "")
        raise OAuth2Error(error=code, description=description, redirect_uri=uri)

    def _things(self, request: Request) -> Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.shown.append(token)
        known = next((one for one in self.given if one.access_token == token), None)
        if known is None or known.is_expired() or known.is_revoked():
            return Response('{"error": "invalid_token"}', 401, mimetype="application/json")
        return Response(json.dumps({"data": ROWS}), mimetype="application/json")

    def config(self, **over: Any) -> dict[str, Any]:
        """The description of this API, whose accounts are connected in a browser."""
        authorization = {
            "grant": "authorization_code",
            "authorize_url": f"{self.url}/authorize",
            "authorize_query": {"access_type": "offline"},
            "token_url": f"{self.url}/token",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "scope": SCOPE,
            **over,
        }
        return {
            "base_url": self.url,
            "authorization": {"format": "oauth2", "config": authorization},
            "resources": {"things": {"list": {"path": "/things", "response_path": "data"}}},
        }


def _consent_page(asked: Any) -> str:
    fields = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in asked.items())
    buttons = "".join(f'<button name="answer" value="{v}">{v.capitalize()}</button>' for v in ("allow", "deny"))
    asks = f"Syncdeck asks for {escape(asked.get('scope', 'nothing'))}"
    form = f'<form method="post" action="/authorize">{fields}{buttons}</form>'
    return f"<!doctype html><title>Consent</title><h1>{asks}</h1>{form}"


@contextmanager
def serving_provider(**over: Any) -> Iterator[Provider]:
    with PromptServer(threaded=True) as server:
        provider = Provider(server.url_for("").rstrip("/"), **over)
        for path in ("/authorize", "/token", "/things"):
            server.expect_request(path).respond_with_handler(provider.answer)
        yield provider
