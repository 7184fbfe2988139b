"""`manage.py create_token`."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from runs.models import ApiToken, Environment

pytestmark = pytest.mark.django_db


def create_token(*arguments: str) -> str:
    output = StringIO()
    call_command("create_token", *arguments, stdout=output)
    return output.getvalue()


def test_it_prints_the_token_alone_and_the_token_opens_the_environment() -> None:
    output = create_token("--environment", "Acme", "--name", "importer")

    token = ApiToken.objects.for_secret(output.removesuffix("\n"))
    assert token is not None
    assert (token.environment.name, token.name) == ("Acme", "importer")


def test_a_second_token_opens_the_same_environment() -> None:
    create_token("--environment", "Acme")
    create_token("--environment", "Acme")

    assert Environment.objects.get().tokens.count() == 2


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_a_name_that_no_environment_can_have_is_one_sentence(name: str) -> None:
    with pytest.raises(CommandError, match="--environment"):
        create_token("--environment", name)
    assert not Environment.objects.exists()


def test_a_token_may_be_one_that_reads_only() -> None:
    secret = create_token("--environment", "Acme", "--read-only").strip()

    token = ApiToken.objects.for_secret(secret)
    assert token is not None
    assert token.scopes == ["read"]
