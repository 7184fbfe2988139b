"""No secret is committed. What only looks like one is named here, with its file."""

from __future__ import annotations

import base64
import random
import string
import subprocess
from functools import cache

import pytest

from tests.processes import PROJECT
from tests.secret_patterns import secrets_in

# Canaries and examples, by the beginning of each. A file that is not named here has none.
KNOWN = {
    "runs/api/examples.py": ["whsec_C2FVsBQIhrsc"],  # the API's documentation shows what one looks like
    "tests/faults/ledgers.py": ["canary-in-"],
    "tests/faults/test_outlets.py": ["gASVJAAAAAAAAACM"],  # a pickled object, which no daemon may open
    "tests/runs/connectors/sources.py": ["t0k3n-of-acme"],
    "tests/runs/connectors/test_redaction.py": ["AKIAIOSFODNN7", "s3cr3t-of-some-length"],
    # Encrypted with a key that is made of words (`release.py` beside it), and the hash of a word that is in there, too.
    "tests/upgrade/0.1.0/postgresql.sql": ["gAAAAAB", "7/I9Op3HqkthRR"],
    "tests/upgrade/0.1.0/sqlite.sql": ["gAAAAAB", "7/I9Op3HqkthRR"],
}
HASHES = (".lock",)  # made of nothing else


@cache
def found() -> dict[str, set[str]]:
    """By each committed file, what looks like a secret in it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    names = [name for name in listed.stdout.split("\0") if name and not name.endswith(HASHES)]
    looked = {name: set(secrets_in(_text(name))) for name in names if (PROJECT / name).is_file()}
    return {name: secrets for name, secrets in looked.items() if secrets}


def _text(name: str) -> str:
    content = (PROJECT / name).read_bytes()
    return "" if b"\0" in content[:8_000] else content.decode(errors="replace")  # pictures and fonts


def unknown_secrets() -> dict[str, list[str]]:
    """The beginning of each, by its file."""
    unknown = {
        name: [secret[:8] for secret in secrets if not secret.startswith(tuple(KNOWN.get(name, ())))]
        for name, secrets in found().items()
    }
    return {name: secrets for name, secrets in unknown.items() if secrets}


def test_nothing_that_is_committed_looks_like_a_secret() -> None:
    assert unknown_secrets() == {}


def test_whatever_is_let_through_is_still_there() -> None:
    stale = [
        (name, beginning)
        for name, known in KNOWN.items()
        for beginning in known
        if not any(secret.startswith(beginning) for secret in found().get(name, ()))
    ]

    assert stale == []


def drawn(characters: str, length: int) -> str:
    return "".join(random.Random(length).choices(characters, k=length))


WORD = string.ascii_letters + string.digits
BASE64 = base64.b64encode(random.Random(7).randbytes(32)).decode()
PLANTED = {
    "a private key": f"-----BEGIN RSA {'PRIVATE'} KEY-----\nMIIE",
    "a key of AWS": f"key = AKIA{drawn(string.ascii_uppercase + string.digits, 16)}",
    "a token of GitHub": f"curl -H 'Authorization: token ghp_{drawn(WORD, 36)}'",
    "a token of GitLab": f"GITLAB=glpat-{drawn(WORD, 20)}",
    "a token of Slack": f"xoxb-{drawn(string.digits, 12)}-{drawn(WORD, 24)}",
    "a hook of Slack": f"https://hooks.slack.com/services/T{drawn(string.digits, 8)}/B1/{drawn(WORD, 24)}",
    "a key of Stripe": f"sk_live_{drawn(WORD, 24)}",
    "a webhook's secret": f"whsec_{BASE64}",
    "a Fernet key": f"CREDENTIALS_KEYS={base64.urlsafe_b64encode(random.Random(8).randbytes(32)).decode()}",
    "a token of its own kind": f'TOKEN = "{drawn(WORD, 40)}"',
    "a JSON web token": f"eyJ{drawn(WORD, 20)}.eyJ{drawn(WORD, 30)}.{drawn(WORD, 20)}",
    "a password in Python": 'password: str = "' + "Tr0ub4dor-and-3" + '"',
    "a password in JSON": '{"db_password": "' + "kX9.vRt2.Lq7w" + '"}',
    "a password in YAML": "api_key: '" + "9f8e7d6c5b4a3210" + "'",
    "a password in an address": "postgres://app:" + "x7Kq2mWp9Zt4" + "@db.internal/app",
}


@pytest.mark.parametrize("text", PLANTED.values(), ids=PLANTED.keys())
def test_a_secret_that_is_planted_is_found(text: str) -> None:
    assert list(secrets_in(f"before\n{text}\nafter"))


@pytest.mark.parametrize(
    "text",
    [
        'password = get_password("account")',
        'token = "{{context.token}}"',
        "postgres://user:password@host:5432/name",
        'secret_path = "/settings/tokens/by-name"',
        "test_nothing_that_is_committed_looks_like_a_secret_at_all",
        "https://www.example.com/docs/current/runtime-config-client.html#guc-lock",
        "sha256:9362660c4a31150cf18e78cae2ce8aa1e929fc6c",
    ],
)
def test_what_is_none_is_left_alone(text: str) -> None:
    assert list(secrets_in(text)) == []
