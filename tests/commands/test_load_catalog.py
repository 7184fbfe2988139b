"""`manage.py load_catalog`."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from runs.catalog import catalog
from runs.models import Environment, Integration, SyncJob

pytestmark = pytest.mark.django_db


def load_catalog(*arguments: str) -> str:
    output = StringIO()
    call_command("load_catalog", *arguments, stdout=output, stderr=output)
    return output.getvalue()


def test_it_loads_all_and_tells_of_each_part() -> None:
    lines = load_catalog("--environment", "Acme").splitlines()
    assert "created    integration zendesk" in lines
    assert "created    mapping ticketing/tickets list" in lines
    environment = Environment.objects.get(name="Acme")
    assert {row.name for row in environment.integrations.all()} == catalog().keys()


def test_it_loads_those_named_with_their_jobs() -> None:
    load_catalog("circleci", "github", "--environment", "Acme", "--with-jobs")
    assert set(Integration.objects.values_list("name", flat=True)) == {"circleci", "github"}
    assert SyncJob.objects.filter(label="CircleCI pipelines of a project").exists()


def test_what_was_changed_by_hand_is_kept_with_an_exit_status_until_forced() -> None:
    load_catalog("circleci", "--environment", "Acme")
    Integration.objects.update(label="Ours")
    with pytest.raises(SystemExit) as ended:
        load_catalog("circleci", "--environment", "Acme")
    assert ended.value.code == 1
    assert "updated    integration circleci" in load_catalog("circleci", "--environment", "Acme", "--force")
    assert "unchanged  integration circleci" in load_catalog("circleci", "--environment", "Acme")


def test_the_list_tells_how_an_environment_stands_and_changes_nothing() -> None:
    assert "crm/contacts" in load_catalog("--list")
    load_catalog("circleci", "--environment", "Acme")
    lines = {line.split()[0]: line for line in load_catalog("--list", "--environment", "Acme").splitlines()}
    assert " loaded " in lines["circleci"]
    assert "not loaded" not in lines["circleci"]
    assert "not loaded" in lines["zendesk"]
    load_catalog("--list", "--environment", "Nobody's")
    assert Environment.objects.count() == 1


def test_a_file_of_ones_own_is_loaded_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    text = (Path(__file__).parents[2] / "runs/catalog/circleci.yaml").read_text()
    file.write_text(text.replace("name: circleci", "name: acme-ci"))
    assert "created    integration acme-ci" in load_catalog(str(file), "--environment", "Acme")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("zendesk",), "--environment"),
        (("salesforce", "--environment", "Acme"), "not in the catalogue"),
        (("../secrets", "--environment", "Acme"), "not in the catalogue"),
        (("nowhere/acme.yaml", "--environment", "Acme"), "can't be read"),
    ],
)
def test_what_can_not_be_loaded_is_one_sentence_and_makes_nothing(arguments: tuple[str, ...], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        load_catalog(*arguments)
    assert not Environment.objects.exists()


def test_each_fault_of_a_file_is_a_line(tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text("name: Acme!\nlabel: Acme\n")
    with pytest.raises(CommandError) as told:
        load_catalog(str(file), "--environment", "Acme")
    assert any(line.startswith("name: ") for line in str(told.value).splitlines())
    assert "'config' is a required property" in str(told.value)
