"""`manage.py export`, and that `manage.py apply` takes back what it writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import CommandError

from runs import plain_yaml
from runs.models import CronTrigger, Environment, Integration, SyncJob, Webhook
from tests import factories
from tests.commands import definitions
from tests.commands.definitions import SECRETS, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def full() -> Environment:
    return definitions.environment()


def exported(name: str = "Full", *more: str) -> str:
    return run("export", "--environment", name, *more)


def variables_of(text: str, full: Environment) -> dict[str, str]:
    """What the references of the file have to be set to, told from what is stored."""
    lines = re.findall(r"^#   (\w+): (.*)", text, re.MULTILINE)
    stored = {
        "GEO_AUTHORIZATION_CONFIG_TOKEN": SECRETS[0],
        "GEO_HEADERS_X_API_KEY": SECRETS[1],
        "GEO_RESOURCES_CITIES_LIST_QUERY_API_KEY": SECRETS[2],
        "GEO_LANDER_ALL_RESOURCES_0_QUERY_PASSWORD": SECRETS[4],
        "GEO_LANDER_ALL_ARGS_SCHEMA_PROPERTIES_API_KEY_DEFAULT": SECRETS[6],
        "GEO_LANDER_ALL_ACME_ARGS_SECRET": SECRETS[7],
        "WEBHOOK_93_184_216_34": f"https://93.184.216.34/hook?token={SECRETS[5]}",
        "GEO_GEO_PLACES_LIST_RESPONSE_MAPPING": full.mappings.get().config["response_mapping"],
    }
    assert {name for name, _ in lines} == stored.keys()
    return stored


def test_it_holds_no_secret_and_says_which_variables_stand_for_them(full: Environment) -> None:
    text = exported()
    assert not [secret for secret in SECRETS if secret in text]
    assert "whsec_" not in text
    assert "token: ${GEO_AUTHORIZATION_CONFIG_TOKEN}" in text
    assert "Authorization: Token {{context.other}}" in text  # a placeholder is none
    variables_of(text, full)


def test_it_is_the_same_text_whatever_database_it_comes_from(full: Environment) -> None:
    """PostgreSQL keeps the names of a JSON object in an order of its own."""
    assert exported() == (Path(__file__).parent / "exported.yaml").read_text()


def test_what_is_exported_changes_nothing_when_it_is_applied(full: Environment, tmp_path: Path) -> None:
    before = {model: list(model.objects.values()) for model in (Integration, SyncJob, Webhook, CronTrigger)}
    file = tmp_path / "all.yaml"
    file.write_text(exported())
    assert run("apply", str(file), "--environment", "Full") == "Nothing to change.\n"
    assert before == {model: list(model.objects.values()) for model in before}


def test_an_empty_environment_becomes_the_same_and_exports_the_same_bytes(
    full: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = exported()
    file, first = tmp_path / "all.yaml", tmp_path / "integrations.yaml"
    file.write_text(text)
    first.write_text(exported("Full", "--only", "integrations"))
    for name, value in variables_of(text, full).items():
        monkeypatch.setenv(name, value)
    run("apply", str(first), "--environment", "Copy", "--yes")
    definitions.connect(Environment.objects.get(name="Copy"))  # credentials are in no file, so accounts are not either
    told = run("apply", str(file), "--environment", "Copy", "--yes")
    assert "+ job Länder, all (geo)" in told
    assert not [secret for secret in SECRETS if secret in told]
    assert exported("Copy") == text
    copy = Environment.objects.get(name="Copy")
    assert copy.integrations.get().config == full.integrations.get().config
    assert copy.jobs.get().resources == full.jobs.get().resources
    assert copy.mappings.get().config == full.mappings.get().config
    assert run("apply", str(file), "--environment", "Copy") == "Nothing to change.\n"


def test_a_folder_gets_a_file_for_each_integration_and_one_for_the_webhooks(full: Environment, tmp_path: Path) -> None:
    folder = tmp_path / "definitions"
    factories.integration(environment=full, name="../../etc/Geo")
    told = exported("Full", "--output", str(folder))
    assert sorted(path.name for path in folder.iterdir()) == ["etcgeo.yaml", "geo.yaml", "webhooks.yaml"]
    assert told.splitlines() == [str(folder / name) for name in ("etcgeo.yaml", "geo.yaml", "webhooks.yaml")]
    assert plain_yaml.parse((folder / "webhooks.yaml").read_text()).keys() == {"syncdeck", "webhooks"}
    assert run("apply", str(folder), "--environment", "Full") == "Nothing to change.\n"


def test_only_some_kinds(full: Environment) -> None:
    assert plain_yaml.parse(exported("Full", "--only", "jobs,webhooks")).keys() == {"syncdeck", "sync_jobs", "webhooks"}
    with pytest.raises(CommandError, match="accounts is not known; there are: integrations"):
        exported("Full", "--only", "accounts")


def test_what_a_file_could_not_tell_apart_is_refused_by_name(full: Environment) -> None:
    factories.job(environment=full, integration=full.integrations.get(), label="Länder, all")
    with pytest.raises(CommandError, match=re.escape("job Länder, all (geo): Two jobs or more are the same")):
        exported()


def test_an_environment_that_is_not_there_is_told() -> None:
    with pytest.raises(CommandError, match="There is no environment Nowhere"):
        exported("Nowhere")
