"""Naming a job and an account on the command line."""

from __future__ import annotations

import pytest
from django.core.management.base import CommandError

from runs.management.targets import find_account, find_job
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_job_is_found_by_its_id_and_by_its_label() -> None:
    job = factories.job(label="Tickets")

    assert find_job(str(job.id)) == find_job("Tickets") == job


def test_an_account_is_found_by_its_id_and_by_its_tenant() -> None:
    account = factories.account(tenant_id="acme")
    job = factories.job(integration=account.integration)

    assert find_account(str(account.id), job) == find_account("acme", job) == account


def test_the_same_tenants_account_with_another_integration_is_not_meant() -> None:
    geo = factories.account(tenant_id="acme")
    factories.account(tenant_id="acme", integration=factories.integration(name="crm"))

    assert find_account("acme", factories.job(integration=geo.integration)) == geo


def test_an_ambiguous_label_names_the_candidates() -> None:
    jobs = [factories.job(integration=factories.integration(name=name), label="Tickets") for name in ("one", "two")]

    with pytest.raises(CommandError, match="2 jobs are called Tickets") as told:
        find_job("Tickets")

    assert all(str(job.id) in str(told.value) for job in jobs)


def test_an_unknown_label_names_what_there_is() -> None:
    factories.job(label="Tickets")

    with pytest.raises(CommandError, match=r"There is no job Tockets\. There are:\n.*Tickets"):
        find_job("Tockets")


def test_without_any_job_it_says_so() -> None:
    with pytest.raises(CommandError, match="There is none yet"):
        find_job("Tickets")
