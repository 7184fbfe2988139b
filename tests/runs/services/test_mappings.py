"""Unified mappings and overrides are checked before they are stored."""

from __future__ import annotations

from typing import Any

import pytest

from runs.engine.description import described
from runs.errors import InvalidInput
from runs.models import UnifiedMapping
from runs.services import delete_mapping, save_account, save_job, save_mapping
from tests import factories

pytestmark = pytest.mark.django_db

CONFIG = {"resource": "countries", "response_mapping": "{'id': response.iso}"}
NAMES = {"model": "geo", "resource": "places", "method": "list"}


def paths(save: Any, *args: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        save(*args)
    return sorted(failure.path for failure in caught.value.failures)


def test_a_sound_one_is_stored() -> None:
    integration = factories.integration()
    saved = save_mapping(integration.environment, {**NAMES, "integration": integration, "config": CONFIG})
    assert (str(saved), saved.config, saved.override) == ("geo/places list", CONFIG, {})


def test_every_fault_of_its_form_is_told_at_its_path() -> None:
    values = {"model": "a/b", "resource": "", "method": "x" * 51, "config": [], "override": {"a": "\0"}}
    found = paths(save_mapping, factories.environment(), values)
    assert found == ["config", "integration", "method", "model", "override.a", "resource"]


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"resource": "countries"}, "config.response_mapping"),
        ({**CONFIG, "response_mapping": "{'id': "}, "config.response_mapping"),
        ({**CONFIG, "response_mapping": "x" * 60_000}, "config.response_mapping"),
        ({**CONFIG, "query_mapping": {"a": "("}}, "config.query_mapping.a"),
        ({**CONFIG, "resource": "planets"}, "config.resource"),
        ({**CONFIG, "method": "search"}, "config.resource"),
    ],
)
def test_what_could_not_run_is_refused(config: dict[str, Any], path: str) -> None:
    integration = factories.integration()
    assert paths(save_mapping, integration.environment, {**NAMES, "integration": integration, "config": config}) == [
        path
    ]
    assert not UnifiedMapping.objects.exists()


def test_what_is_checked_is_the_override_laid_over_the_config() -> None:
    integration = factories.integration()
    values = {**NAMES, "integration": integration}
    saved = save_mapping(integration.environment, {**values, "config": {}, "override": CONFIG})
    assert paths(save_mapping, saved.environment, {"override": {}}, saved) == ["config.response_mapping"]
    broken = {"override": {**CONFIG, "response_mapping": "("}}
    assert paths(save_mapping, saved.environment, broken, saved) == ["config.response_mapping"]


def test_a_reload_of_the_config_keeps_the_override() -> None:
    saved = factories.mapping(override={"response_mapping": "{'id': 1}"})
    save_mapping(saved.environment, {"config": {**CONFIG, "method": "list"}}, saved)
    saved.refresh_from_db()
    assert saved.override == {"response_mapping": "{'id': 1}"}


def test_a_method_of_a_resource_is_mapped_once_per_integration() -> None:
    saved = factories.mapping()
    values = {**NAMES, "integration": saved.integration, "config": CONFIG}
    assert paths(save_mapping, saved.environment, values) == ["resource"]


def test_a_removed_one_is_not_saved_again() -> None:
    saved = factories.mapping()
    delete_mapping(saved)
    assert paths(save_mapping, saved.environment, {"config": CONFIG}, saved) == ["id"]


@pytest.mark.parametrize(
    ("override", "path"),
    [
        ({"geo": []}, "unified_model_override"),
        ({"geo": {"places": {"list": "x"}}}, "unified_model_override"),
        (
            {"geo": {"places": {"list": {"response_mapping": "("}}}},
            "unified_model_override.geo.places.list.response_mapping",
        ),
        ({"geo": {"places": {"list": {"resource": "seas"}}}}, "unified_model_override.geo.places.list.resource"),
        (
            {"geo": {"rivers": {"list": {"response_mapping": "{}", "resource": "seas"}}}},
            "unified_model_override.geo.rivers.list.resource",
        ),
        (
            {"geo": {"rivers": {"list": {"response_mapping": "("}}}},
            "unified_model_override.geo.rivers.list.response_mapping",
        ),
    ],
)
def test_an_accounts_override_is_checked_at_its_path(override: dict[str, Any], path: str) -> None:
    account = factories.account(integration=factories.mapping().integration)
    assert paths(save_account, account.environment, {"unified_model_override": override}, account) == [path]


def test_an_accounts_override_may_come_before_the_mapping_that_it_overrides() -> None:
    account = factories.account()
    override = {"geo": {"places": {"list": {"query_mapping": "{'since': query.since}"}}}}
    assert save_account(account.environment, {"unified_model_override": override}, account)
    assert factories.mapping(integration=account.integration)
    method = described(account.integration, account).method("geo/places", "list")
    assert method.mapping is not None
    assert method.mapping.query({"since": "2026"}, {}) == {"since": "2026"}


def test_an_accounts_override_that_fits_is_stored() -> None:
    account = factories.account(integration=factories.mapping().integration)
    override = {"geo": {"places": {"list": {"response_mapping": "{'id': response.iso}"}}}}
    assert save_account(account.environment, {"unified_model_override": override}, account)


def test_a_job_may_name_a_method_that_only_an_account_has() -> None:
    integration = factories.integration()
    values = {"integration": integration, "label": "x", "resources": [{"resource": "geo/places", "method": "list"}]}
    assert paths(save_job, integration.environment, values) == ["resources.0.resource"]
    factories.account(integration=integration, unified_model_override={"geo": {"places": {"list": CONFIG}}})
    assert save_job(integration.environment, values)
