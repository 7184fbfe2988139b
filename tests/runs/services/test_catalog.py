"""Integrations from the catalogue: loaded once, kept up to date, and never over what people have changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from runs.catalog import CatalogEntry, catalog
from runs.errors import InvalidInput
from runs.models import Environment, Integration, SyncJob, UnifiedMapping
from runs.services import (
    CatalogState,
    Outcome,
    catalog_entry,
    delete_integration,
    load_entry,
    save_integration,
    save_job,
    save_mapping,
    shelf,
)
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def hubspot() -> CatalogEntry:
    return catalog_entry("hubspot")


def outcomes(environment: Environment, entry: CatalogEntry, **over: Any) -> Counter[Outcome]:
    return Counter(part.outcome for part in load_entry(environment, entry, **over))


def state(environment: Environment, name: str = "hubspot") -> CatalogState:
    return next(line.state for line in shelf(environment) if line.entry.name == name)


def newer(entry: CatalogEntry) -> CatalogEntry:
    """The entry as a later version of Syncdeck might bring it."""
    mapping, *others = entry.mappings
    config = {**mapping["config"], "response_mapping": {"id": "response.id", "name": "response.properties.firstname"}}
    return replace(entry, config={**entry.config, "concurrency": 3}, mappings=({**mapping, "config": config}, *others))


@pytest.mark.parametrize("name", catalog())
def test_every_entry_loads_with_its_jobs_and_is_current_then(environment: Environment, name: str) -> None:
    entry = catalog_entry(name)
    parts = 1 + len(entry.mappings) + len(entry.jobs)
    assert outcomes(environment, entry, with_jobs=True) == {Outcome.CREATED: parts}
    assert state(environment, name) == CatalogState.CURRENT
    assert outcomes(environment, entry, with_jobs=True) == {Outcome.UNCHANGED: parts}


def test_without_being_asked_it_makes_no_jobs(environment: Environment, hubspot: CatalogEntry) -> None:
    load_entry(environment, hubspot)
    assert not SyncJob.objects.exists()


def test_a_second_load_writes_nothing(environment: Environment, hubspot: CatalogEntry) -> None:
    load_entry(environment, hubspot)
    before = list(Integration.objects.values()), list(UnifiedMapping.objects.order_by("id").values())
    load_entry(environment, hubspot)
    assert (list(Integration.objects.values()), list(UnifiedMapping.objects.order_by("id").values())) == before


def test_a_newer_entry_brings_what_nobody_has_changed_up_to_date(
    environment: Environment, hubspot: CatalogEntry
) -> None:
    load_entry(environment, hubspot)
    found = outcomes(environment, newer(hubspot))
    assert found == {Outcome.UPDATED: 2, Outcome.UNCHANGED: len(hubspot.mappings) - 1}
    assert Integration.objects.get().config["concurrency"] == 3
    assert state(environment) == CatalogState.OUTDATED  # the catalogue that is really there is the older one
    assert outcomes(environment, hubspot)[Outcome.UPDATED] == 2


class TestAnIntegrationThatWasChangedByHand:
    @pytest.fixture(autouse=True)
    def by_hand(self, environment: Environment, hubspot: CatalogEntry) -> None:
        load_entry(environment, hubspot)
        save_integration(environment, {"label": "Our HubSpot"}, Integration.objects.get())

    def test_is_kept_with_its_mappings(self, environment: Environment, hubspot: CatalogEntry) -> None:
        assert state(environment) == CatalogState.CHANGED
        assert outcomes(environment, newer(hubspot), with_jobs=True) == {Outcome.KEPT: 1}
        assert Integration.objects.get().label == "Our HubSpot"
        assert not SyncJob.objects.exists()

    def test_is_overwritten_by_force(self, environment: Environment, hubspot: CatalogEntry) -> None:
        load_entry(environment, hubspot, force=True)
        assert Integration.objects.get().label == "HubSpot"
        assert state(environment) == CatalogState.CURRENT

    def test_that_was_changed_back_is_as_if_nothing_had_been(self, environment: Environment) -> None:
        save_integration(environment, {"label": "HubSpot"}, Integration.objects.get())
        assert state(environment) == CatalogState.CURRENT


class TestAMappingThatWasChangedByHand:
    @pytest.fixture
    def mapping(self, environment: Environment, hubspot: CatalogEntry) -> UnifiedMapping:
        load_entry(environment, hubspot)
        return UnifiedMapping.objects.get(resource="contacts", method="list")

    def test_is_kept_and_the_others_are_loaded(
        self, environment: Environment, hubspot: CatalogEntry, mapping: UnifiedMapping
    ) -> None:
        own = {"resource": "contacts", "method": "list", "response_mapping": {"id": "response.id"}}
        save_mapping(environment, {"config": own}, mapping)
        UnifiedMapping.objects.filter(resource="deals").delete()
        assert state(environment) == CatalogState.CHANGED
        found = outcomes(environment, newer(hubspot))
        assert (found[Outcome.KEPT], found[Outcome.CREATED], found[Outcome.UPDATED]) == (1, 2, 1)
        mapping.refresh_from_db()
        assert mapping.config == own

    def test_keeps_its_override_whatever_is_loaded(
        self, environment: Environment, hubspot: CatalogEntry, mapping: UnifiedMapping
    ) -> None:
        override = {"response_mapping": {"plan": "response.properties.plan"}}
        save_mapping(environment, {"override": override}, mapping)
        assert state(environment) == CatalogState.CURRENT
        load_entry(environment, newer(hubspot), force=True)
        mapping.refresh_from_db()
        assert mapping.override == override
        assert mapping.config == newer(hubspot).mappings[0]["config"]


def test_an_integration_of_ones_own_with_the_same_name_is_kept(environment: Environment, hubspot: CatalogEntry) -> None:
    factories.integration(environment=environment, name="hubspot")
    assert outcomes(environment, hubspot) == {Outcome.KEPT: 1}
    assert state(environment) == CatalogState.CHANGED


def test_one_that_is_the_same_already_counts_as_loaded_from_then_on(
    environment: Environment, hubspot: CatalogEntry
) -> None:
    values = {"name": "hubspot", "label": "HubSpot", "category": "crm", "config": hubspot.config}
    save_integration(environment, values)
    assert outcomes(environment, hubspot)[Outcome.UNCHANGED] == 1
    assert outcomes(environment, newer(hubspot))[Outcome.UPDATED] == 2


def test_an_example_that_somebody_has_changed_is_kept(environment: Environment, hubspot: CatalogEntry) -> None:
    load_entry(environment, hubspot, with_jobs=True)
    job = SyncJob.objects.get(label="HubSpot, as it is")
    save_job(environment, {"resources": job.resources[:1]}, job)
    assert outcomes(environment, hubspot, with_jobs=True)[Outcome.KEPT] == 1
    job.refresh_from_db()
    assert len(job.resources) == 1
    assert outcomes(environment, hubspot, with_jobs=True, force=True)[Outcome.UPDATED] == 1


def test_after_its_deletion_an_integration_can_be_loaded_anew(environment: Environment, hubspot: CatalogEntry) -> None:
    load_entry(environment, hubspot)
    delete_integration(Integration.objects.get())
    assert state(environment) == CatalogState.ABSENT
    assert outcomes(environment, hubspot) == {Outcome.CREATED: 1 + len(hubspot.mappings)}


def test_environments_do_not_know_of_each_other(environment: Environment, hubspot: CatalogEntry) -> None:
    load_entry(environment, hubspot)
    assert state(factories.environment("Elsewhere")) == CatalogState.ABSENT


def test_an_entry_that_does_not_fit_together_leaves_nothing_behind(
    environment: Environment, hubspot: CatalogEntry
) -> None:
    wrong = ({**hubspot.mappings[0], "config": {"resource": "people", "response_mapping": "response"}},)
    with pytest.raises(InvalidInput, match="people"):
        load_entry(environment, replace(hubspot, mappings=wrong))
    assert not Integration.objects.exists()


def test_an_unknown_name_is_told_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="salesforce: is not in the catalogue, which has: circleci, github"):
        catalog_entry("salesforce")
