"""Naming a job and an account on the command line."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from runs.management.targets import find_account, find_job
from runs.models import IntegratedAccount, SyncJob
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

    with pytest.raises(CommandError, match=r"2 jobs are called Tickets") as told:
        find_job("Tickets")

    assert all(str(job.id) in str(told.value) for job in jobs)


def test_an_unknown_label_names_what_there_is() -> None:
    factories.job(label="Tickets")

    with pytest.raises(CommandError, match=r"There is no job Tockets\. There are:\n.*Tickets"):
        find_job("Tockets")


def test_without_any_job_it_says_so() -> None:
    with pytest.raises(CommandError, match="There is none yet"):
        find_job("Tickets")


class TestTwoEnvironments:
    @pytest.fixture
    def jobs(self) -> list[SyncJob]:
        """One of the same label in each of two; acme has an account in both, globex in the first alone."""
        made = []
        for name in ("Acme", "Beta"):
            integration = factories.integration(environment=factories.environment(name=name))
            factories.account(integration=integration, tenant_id="acme")
            made.append(factories.job(integration=integration, label="Tickets"))
        factories.account(integration=made[0].integration, tenant_id="globex")
        return made

    def test_the_job_is_the_one_that_the_account_can_run(self, jobs: list[SyncJob]) -> None:
        account = IntegratedAccount.objects.get(tenant_id="globex")

        assert find_job("Tickets", "globex") == find_job("Tickets", str(account.id)) == jobs[0]

    def test_where_it_can_run_both_the_refusal_tells_the_way_out(self, jobs: list[SyncJob]) -> None:
        for account in ("acme", "nobody"):
            with pytest.raises(CommandError, match=r"2 jobs .*; name one by its id, or add --environment:"):
                find_job("Tickets", account)
        with pytest.raises(CommandError, match=r"2 accounts are called acme; .* or add --environment:"):
            find_account("acme")

    def test_the_environment_decides(self, jobs: list[SyncJob]) -> None:
        assert find_job("Tickets", "acme", "Beta") == jobs[1]
        assert find_account("acme", environment="Beta").environment == jobs[1].environment

    def test_an_environment_that_is_not_there_is_refused_by_name(self, jobs: list[SyncJob]) -> None:
        for command in (["sync", "Tickets", "acme"], ["check_account", "acme"]):
            with pytest.raises(CommandError, match="--environment: there is no environment Gamma"):
                call_command(*command, "--environment", "Gamma")
