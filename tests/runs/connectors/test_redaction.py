"""What is masked, what stays readable, and that hostile text can't slow it down."""

from __future__ import annotations

import re
import time
from base64 import b64decode, b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.connectors import Redactor, is_secret_name, masked, masked_start, masked_value, masking, redact
from runs.connectors.redaction import secrets_in


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://a.example/x?api_key=abc&page=2", "https://a.example/x?api_key=***&page=2"),
        ("https://a.example/x?access_token=abc#f", "https://a.example/x?access_token=***"),
        ("https://a.example/x?X-Amz-Signature=abc&q=1", "https://a.example/x?X-Amz-Signature=***&q=1"),
        ("https://user:pa55@a.example/x", "https://***@a.example/x"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: ***"),
        ("authorization:Basic dXNlcjpwYXNz==", "authorization:***"),
        ("got Bearer abc.def-ghi, sorry", "got Bearer ***, sorry"),
        ("Cookie: sid=1; b=2", "Cookie: ***"),
        ('{"token": "abc", "id": 7}', '{"token": "***", "id": 7}'),
        ('{"client_secret":"a\\"b","x":"y"}', '{"client_secret":"***","x":"y"}'),
        ('{"password": 12345, "x": 1}', '{"password": "***", "x": 1}'),
        ('{"apiKey": "abc"}', '{"apiKey": "***"}'),
        ('{"token": "cut off', '{"token": "***"'),
        ("grant=x;password=abc", "grant=x;password=***"),
        ("{'token': 'abc', 'id': 7}", "{'token': '***', 'id': 7}"),
        ("X-Api-Key: abc", "X-Api-Key: ***"),
        ("api_key: abc, page: 2", "api_key: ***, page: 2"),
        ("sent eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0", "sent ***"),
        ("is ghp_" + "a1" * 18 + " yours?", "is *** yours?"),
        ("AKIAIOSFODNN7EXAMPLE was refused", "*** was refused"),
    ],
)
def test_what_looks_like_a_credential_is_masked(text: str, masked: str) -> None:
    assert redact(text).removesuffix("#f") == masked


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example/things?page=2&per_page=100&country=FR",
        '{"error": "not found", "id": 7, "key_count": 3, "monkey": "x", "author": "Ann"}',
        "The source answered 404 Not Found.",
        "mail ann@a.example",
        "Invalid token: expired",
        "at 12:00: no value",
    ],
)
def test_other_text_stays_readable(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("name", ["token", "accessToken", "api_key", "X-Api-Key", "password", "client_secret", "key"])
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["subdomain", "page", "author", "keyboard", "monkey", "id", "email"])
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


def test_known_secrets_are_masked_in_every_usual_form() -> None:
    secret = 'p&ä"ss/wörd'
    masked = Redactor([secret])

    for form in (secret, quote(secret, safe=""), 'p&ä\\"ss/wörd', 'p&\\u00e4\\"ss/w\\u00f6rd'):
        assert masked(f"echo <{form}>") == "echo <***>"


@pytest.mark.parametrize("around", [("", ""), ("user:", ""), ("u:", ":x"), ("us:", "!"), ("{'k': '", "'}")])
def test_known_secrets_are_masked_within_base64(around: tuple[str, str]) -> None:
    """Wherever the secret stands in what was encoded, nothing but its edges is left."""
    secret = "s3cr3t-of-some-length"
    whole = (around[0] + secret + around[1]).encode()
    for encoded in (b64encode(whole).decode(), urlsafe_b64encode(whole).decode().rstrip("=")):
        masked = Redactor([secret])(f"echo <{encoded}>")
        assert "***" in masked
        left = b64decode(masked.replace("***", "").strip("echo <>") + "===", validate=False)
        assert b"cr3t" not in left and b"some" not in left


@pytest.mark.parametrize("safe", ["", "/", "/&=", "/&=+<>", " "])
@pytest.mark.parametrize("lower", [False, True])
def test_known_secrets_are_masked_however_an_address_encodes_them(safe: str, lower: bool) -> None:
    secret = "a/b&c=d+e<f>g h"
    encoded = quote(secret, safe=safe)
    if lower:
        encoded = re.sub("%..", lambda found: found[0].lower(), encoded)
    assert Redactor([secret])(f"echo ({encoded})") == "echo (***)"


def test_secrets_are_learned_at_work_and_forgotten_after_it() -> None:
    with masking() as redactor:
        redactor.learn(["0ne-secret"])
        with masking():
            assert masked("0ne-secret") == "0ne-secret"
        redactor.learn(["an0ther-one"])
        assert masked("0ne-secret and an0ther-one") == "*** and ***"
    assert masked("0ne-secret") == "0ne-secret"


def test_the_beginning_of_a_text_ends_in_no_part_of_a_secret() -> None:
    with masking(Redactor(["0ne-long-secret"])):
        for length in range(5, 25):
            assert "0ne" not in masked_start(f"word 0ne-long-secret {'x' * 50}", length)
            assert len(masked_start("x" * 50, length)) == length


def test_json_is_masked_at_any_depth() -> None:
    deep: dict[str, object] = {"note": "token=abc"}
    for _ in range(80):
        deep = {"deep": [deep]}
    assert masked_value({"api_key": "abc", "empty_token": "", "list": [{"password": 5}, "token=abc", 7, None]}) == {
        "api_key": "***",
        "empty_token": "",
        "list": [{"password": "***"}, "token=***", 7, None],
    }
    assert "abc" not in str(masked_value(deep))


def test_a_secret_within_another_leaves_no_rest() -> None:
    assert Redactor(["abcd", "abcd-efgh"])("abcd-efgh") == "***"


def test_short_values_are_not_masked() -> None:
    assert Redactor(["abc", ""])("abc abcd") == "abc abcd"


@given(st.text(min_size=4, alphabet=st.characters(codec="utf-8")).filter(lambda text: "*" not in text))
def test_a_known_secret_never_survives(secret: str) -> None:
    assert secret not in Redactor([secret])(f"a{secret}b {secret}")


def test_the_secrets_of_a_context() -> None:
    context = {
        "domain": "acme",
        "login": "ann",
        "oauth": {"access_token": "deep", "scope": "read"},
        "keys": [{"secret": 12345}],
        "used": {"any": "thing"},
        "api_key": "k",
        "is_secret": True,
    }

    assert secrets_in(context, {"used"}) == {"deep", "12345", "thing", "k"}


@pytest.mark.parametrize(
    "text",
    [
        "a" * 65_536,
        "a-" * 30_000,
        "'a': '" * 10_000,
        "eyJ" * 20_000,
        "a_:" * 20_000,
        '"a' * 30_000,
        "a=" * 30_000,
        "Bearer " * 9_000,
        '"token": "\\' * 5_000,
    ],
)
def test_hostile_text_costs_no_time(text: str) -> None:
    mask = Redactor(["s3cr3t/of=some length", "another%one"])
    started = time.process_time()
    mask(text)

    assert time.process_time() - started < 1.0
