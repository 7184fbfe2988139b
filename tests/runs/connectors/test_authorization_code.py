"""The authorization code: where a person is sent to, whose answer is taken, and what is asked for with the code."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from runs.connectors import (
    ALL_PRIVATE_HOSTS,
    NO_PRIVATE_HOSTS,
    AddressRefused,
    AuthenticationFailed,
    Bounds,
    Challenge,
    Grant,
    OAuth2,
    RateLimited,
    RequestFailed,
    SpecError,
    Token,
    authorization_url,
    check_issuer,
    exchange_code,
    parse_integration,
)
from tests.authorization_server import CLIENT_ID, CLIENT_SECRET, SCOPE, Client, Provider, serving_provider

BACK = "http://127.0.0.1:8600/accounts/connected/"
BOUNDS = Bounds(tries=1, longest_wait=0, page_seconds=5, total_seconds=5)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving_provider(client=Client({BACK})) as provider:
        yield provider


def described(provider: Provider, **over: Any) -> OAuth2:
    authorization = parse_integration(provider.config(**over)).authorization
    assert isinstance(authorization, OAuth2)
    return authorization


def sent_to(authorization: OAuth2, challenge: Challenge, context: Any = None, private: Any = ALL_PRIVATE_HOSTS) -> str:
    return authorization_url(authorization, context or {}, challenge, private)


def consented(authorization: OAuth2, challenge: Challenge) -> str:
    """The code that comes back once a person has consented."""
    url = sent_to(authorization, challenge)
    answer = httpx2.post(url.partition("?")[0], data=dict(parse_qsl(urlsplit(url).query)) | {"answer": "allow"})
    [code] = parse_qs(urlsplit(answer.headers["Location"]).query)["code"]
    return code


def exchanged(authorization: OAuth2, code: str, challenge: Challenge, **over: Any) -> Token:
    grant = over.pop("grant", None) or authorization.filled({"context": {}})
    return exchange_code(grant, code, challenge, **{"private": ALL_PRIVATE_HOSTS, "bounds": BOUNDS, **over})


class TestTheWayThere:
    def test_has_all_that_the_provider_needs_and_not_the_verifier(self, provider: Provider) -> None:
        challenge = Challenge.drawn(BACK)
        url = sent_to(described(provider), challenge)
        digest = hashlib.sha256(challenge.verifier.encode()).digest()
        assert url.startswith(f"{provider.url}/authorize?")
        assert dict(parse_qsl(urlsplit(url).query, strict_parsing=True)) == {
            "access_type": "offline",
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": BACK,
            "scope": SCOPE,
            "state": challenge.state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        assert challenge.verifier not in url
        assert CLIENT_SECRET not in url

    def test_is_new_each_time(self) -> None:
        drawn = [Challenge.drawn(BACK) for _ in range(50)]
        assert len({one.state for one in drawn} | {one.verifier for one in drawn}) == 100
        assert all(re.fullmatch(r"[\w\-.~]{43,128}", one.verifier) for one in drawn)
        assert drawn[0].verifier not in repr(drawn[0])

    def test_keeps_the_query_of_the_config_and_fills_its_placeholders(self, provider: Provider) -> None:
        authorization = described(
            provider,
            authorize_url="https://{{context.shop}}.example.org/authorize?tenant=a%20b",
            authorize_query={"prompt": "consent", "shop": "{{context.shop}}", "uri": "x"},
        )
        url = sent_to(authorization, Challenge.drawn(BACK), {"shop": "acme"}, NO_PRIVATE_HOSTS)
        parts = urlsplit(url)
        assert (parts.scheme, parts.netloc, parts.path) == ("https", "acme.example.org", "/authorize")
        query = dict(parse_qsl(parts.query))
        assert [query[key] for key in ("tenant", "prompt", "shop", "uri")] == ["a b", "consent", "acme", "x"]

    def test_does_not_leave_the_host_for_what_an_account_holds(self, provider: Provider) -> None:
        authorization = described(provider, authorize_url="https://{{context.shop}}.example.org/authorize")
        with pytest.raises(AddressRefused):
            sent_to(authorization, Challenge.drawn(BACK), {"shop": "evil.example.net/?x="}, NO_PRIVATE_HOSTS)

    @pytest.mark.parametrize(
        "url", ["http://provider.example.org/a", "https://127.0.0.1/a", "https://localhost/a", "https://10.0.0.7/a"]
    )
    def test_leads_to_nothing_private(self, provider: Provider, url: str) -> None:
        with pytest.raises(AddressRefused):
            sent_to(described(provider, authorize_url=url), Challenge.drawn(BACK), private=NO_PRIVATE_HOSTS)

    def test_is_not_there_while_the_client_is_not_known(self, provider: Provider) -> None:
        authorization = described(provider, client_id="{{context.client_id}}")
        with pytest.raises(AuthenticationFailed, match=r"no value for \{\{context.client_id\}\}"):
            sent_to(authorization, Challenge.drawn(BACK))


@pytest.mark.parametrize(
    ("over", "path"),
    [
        ({"authorize_url": None}, "authorize_url"),
        ({"authorize_url": "ftp://provider.example.org"}, "authorize_url"),
        ({"authorize_url": "javascript:alert(1)"}, "authorize_url"),
        ({"authorize_url": "https://ada@provider.example.org/"}, "authorize_url"),
        ({"authorize_url": "https://provider.example.org/?state=mine"}, "authorize_url"),
        ({"authorize_query": {"code_challenge_method": "plain"}}, "authorize_query"),
        ({"authorize_query": {"redirect_uri": "https://evil.example.org"}}, "authorize_query"),
        ({"authorize_query": {"response_mode": "fragment"}}, "authorize_query"),
        ({"authorize_query": {"max_age": 5}}, "authorize_query"),
        ({"authorize_query": "prompt=consent"}, "authorize_query"),
        ({"authorize_query": {"x": "{{args.y}}"}}, "authorize_query.x"),
        ({"client_id": None}, "client_id"),
        ({"issuer": 7}, "issuer"),
    ],
)
def test_a_config_that_would_not_do_is_refused_at_its_path(provider: Provider, over: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_integration(provider.config(**over))
    assert [at for at, _ in caught.value.failures] == [f"authorization.config.{path}"]


class TestTheAnswersIssuer:
    @pytest.mark.parametrize(
        ("named", "issuer", "is_taken"),
        [
            (None, "", True),
            (None, "{url}", True),
            (None, "{url}/tenant", True),
            (None, "https://evil.example.org", False),
            (None, "no address", False),
            ("https://issuer.example.org", "https://issuer.example.org", True),
            ("https://issuer.example.org", "https://issuer.example.org/", False),
            ("https://issuer.example.org", "", False),
        ],
    )
    def test_is_the_one_that_was_asked(
        self, provider: Provider, named: str | None, issuer: str, is_taken: bool
    ) -> None:
        authorization = described(provider, issuer=named)

        def check() -> None:
            check_issuer(authorization, {}, issuer.format(url=provider.url))

        if is_taken:
            check()
        else:
            with pytest.raises(RequestFailed) as caught:
                check()
            assert caught.value.code == "wrong_issuer"


class TestTheExchange:
    def test_brings_a_token_with_all_that_renews_it(self, provider: Provider) -> None:
        authorization, challenge = described(provider), Challenge.drawn(BACK)
        token = exchanged(authorization, consented(authorization, challenge), challenge)
        [given] = provider.given
        assert (token.value, token.refresh_token) == (given.access_token, given.refresh_token)
        assert token.expires_at is not None
        assert token.basis == authorization.filled({"context": {}}).basis

    def test_of_a_public_client_goes_by_the_verifier_alone(self, provider: Provider) -> None:
        provider.client.secret = ""
        authorization, challenge = described(provider, client_secret=None), Challenge.drawn(BACK)
        assert exchanged(authorization, consented(authorization, challenge), challenge).refresh_token
        [form] = provider.token_requests
        assert (form["client_id"], "client_secret" in form) == (CLIENT_ID, False)

    @pytest.mark.parametrize("style", ["header", "body"])
    def test_shows_the_client_where_the_config_says(self, provider: Provider, style: str) -> None:
        authorization, challenge = described(provider, auth_style=style), Challenge.drawn(BACK)
        token = exchanged(authorization, consented(authorization, challenge), challenge)
        [form] = provider.token_requests
        assert (token.auth_style, "client_secret" in form) == (style, style == "body")

    @pytest.mark.parametrize("spoil", [{"verifier": "x" * 64}, {"redirect_uri": "http://127.0.0.1:8600/"}])
    def test_fails_for_another_way_than_that_of_the_code(self, provider: Provider, spoil: dict[str, str]) -> None:
        authorization, challenge = described(provider), Challenge.drawn(BACK)
        code = consented(authorization, challenge)
        with pytest.raises(AuthenticationFailed) as caught:
            exchanged(authorization, code, replace(challenge, **spoil))
        assert (caught.value.code, provider.given) == ("invalid_grant", [])

    def test_is_done_once(self, provider: Provider) -> None:
        authorization, challenge = described(provider), Challenge.drawn(BACK)
        code = consented(authorization, challenge)
        exchanged(authorization, code, challenge)
        with pytest.raises(AuthenticationFailed) as caught:
            exchanged(authorization, code, challenge)
        assert caught.value.code == "invalid_grant"

    def test_is_guarded_like_every_request(self, provider: Provider) -> None:
        with pytest.raises(AddressRefused):
            exchanged(described(provider), "c0de", Challenge.drawn(BACK), private=NO_PRIVATE_HOSTS)
        assert provider.token_requests == []

    def test_goes_by_https_alone(self, provider: Provider) -> None:
        authorization = described(provider, token_url="http://login.example.org/token")
        with pytest.raises(AddressRefused):
            exchanged(authorization, "c0de", Challenge.drawn(BACK), private=NO_PRIVATE_HOSTS)

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (Response(status=502), RequestFailed),
            (Response(status=429, headers={"Retry-After": "1"}), RateLimited),
            (Response('{"access_token": 7}', content_type="application/json"), RequestFailed),
            (Response(status=307, headers={"Location": "/elsewhere"}), RequestFailed),
        ],
    )
    def test_that_fails_is_not_tried_again(
        self, httpserver: HTTPServer, answer: Response, error: type[Exception]
    ) -> None:
        httpserver.expect_request("/token").respond_with_response(answer)
        grant = Grant("authorization_code", httpserver.url_for("/token"), CLIENT_ID, CLIENT_SECRET, "", "", None)
        patient = replace(BOUNDS, tries=4, backoff=0.0)
        with pytest.raises(error):
            exchange_code(grant, "c0de", Challenge.drawn(BACK), private=ALL_PRIVATE_HOSTS, bounds=patient)
        assert len(httpserver.log) == 1

    def test_that_is_refused_tells_no_secret(self, httpserver: HTTPServer) -> None:
        challenge = Challenge.drawn(BACK)
        said = f"{CLIENT_SECRET} and c0de-c0de and {challenge.verifier}"
        httpserver.expect_request("/token").respond_with_json({"error": "x", "error_description": said}, status=400)
        grant = Grant("authorization_code", httpserver.url_for("/token"), CLIENT_ID, CLIENT_SECRET, "", "", None)
        with pytest.raises(AuthenticationFailed) as caught:
            exchange_code(grant, "c0de-c0de", challenge, private=ALL_PRIVATE_HOSTS, bounds=BOUNDS)
        for text in (str(caught.value), caught.value.excerpt, repr(caught.value)):
            assert "*** and *** and ***" in text
            assert CLIENT_SECRET not in text


class TestWhatATokenHangsOn:
    @pytest.mark.parametrize(
        ("over", "holds"),
        [
            ({"client_secret": "another"}, True),
            ({"scope": "more"}, True),
            ({"auth_style": "body"}, True),
            ({"client_id": "another"}, False),
            ({"token_url": "https://elsewhere.example.org/token"}, False),
        ],
    )
    def test_is_the_client_and_who_gave_it(self, provider: Provider, over: dict[str, str], holds: bool) -> None:
        bases = [described(provider, **one).filled({"context": {}}).basis for one in ({}, over)]
        assert (bases[0] == bases[1]) == holds
