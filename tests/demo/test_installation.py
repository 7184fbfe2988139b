"""What `make demo` finds or makes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runs.addresses import any_free_port
from runs.demo.installation import find_or_make
from runs.models import AccountStatus, Environment, IntegratedAccount, Integration, SyncJob, SyncJobRun, User
from runs.services import save_job
from tests.processes import listening

pytestmark = pytest.mark.django_db

MODELS = (Environment, Integration, IntegratedAccount, SyncJob, SyncJobRun, User)


@pytest.fixture
def usual_port() -> int:
    """A port that no demo on this machine uses."""
    return any_free_port()


@pytest.fixture
def taken(usual_port: int) -> Iterator[int]:
    with listening(usual_port):
        yield usual_port


def test_the_first_start_makes_two_jobs_two_accounts_and_an_admin() -> None:
    demo = find_or_make()

    assert sorted(SyncJob.objects.values_list("label", flat=True)) == ["Countries and their cities", "Countries only"]
    assert sorted(account.tenant_id for account in demo.accounts) == ["acme", "globex"]
    admin = User.objects.get()
    assert admin.is_superuser
    assert demo.password is not None
    assert admin.check_password(demo.password)


def test_the_second_start_makes_nothing_and_tells_no_password() -> None:
    find_or_make().first_run()
    before = [model.objects.count() for model in MODELS]

    again = find_or_make()

    assert again.password is None
    assert again.first_run() is None
    assert [model.objects.count() for model in MODELS] == before


def test_what_people_changed_stays() -> None:
    job = find_or_make().job
    save_job(job.environment, {"resources": job.resources[:1]}, job)

    assert len(find_or_make().job.resources) == 1


def test_the_sample_api_moves_when_its_port_is_taken(taken: int) -> None:
    assert find_or_make(taken).sample_port != taken


def test_the_sample_api_leaves_the_web_process_its_port(usual_port: int) -> None:
    assert find_or_make(usual_port, web_port=usual_port).sample_port != usual_port


def test_accounts_that_lost_their_tokens_with_the_address_get_new_ones(usual_port: int) -> None:
    before = find_or_make(usual_port)
    with listening(usual_port):
        moved = find_or_make(usual_port)

    assert moved.sample_port != usual_port
    tokens = moved.sample_tokens().split(",")
    assert len(set(tokens)) == 2
    assert not set(tokens) & set(before.sample_tokens().split(","))
    assert {account.status for account in IntegratedAccount.objects.all()} == {AccountStatus.ACTIVE}


def test_the_sample_api_stays_where_it_was(usual_port: int) -> None:
    assert find_or_make(usual_port).sample_port == find_or_make().sample_port == usual_port
