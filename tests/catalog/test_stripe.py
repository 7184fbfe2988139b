"""Stripe, as the catalogue describes it, against Stripe, as its reference describes it."""

from __future__ import annotations

import pytest

from tests.catalog.conftest import Play
from tests.catalog.stage import account, assert_clean, by_id, loaded, stored, synced
from tests.catalog.stripe import Stripe, stripe_object

pytestmark = pytest.mark.django_db(transaction=True)
LABEL = "Stripe customers, subscriptions and invoices"


@pytest.fixture
def stripe(play: Play[Stripe]) -> Stripe:
    return play(Stripe)


def test_the_example_job_comes_whole_and_then_only_new_events(stripe: Stripe) -> None:
    integration = loaded(stripe)
    of_account = account(integration, stripe)
    run = synced(stripe, LABEL, integration=integration, account=of_account)
    assert_clean(run)
    for kind, objects in stripe.objects_of.items():
        assert stored(run, kind) == by_id(objects), kind
    assert {asked.headers["Stripe-Version"] for asked in stripe.asked} == {"2024-06-20"}

    late = int(run.started_at.timestamp()) - 200  # within the overlap, before which the next run does not look
    stripe.objects_of["events"][:0] = [stripe_object("evt_new", number, created=late) for number in range(120)]
    second = synced(stripe, LABEL, integration=integration, account=of_account)
    assert_clean(second)
    assert second.resource_stats()["events"]["list"] == {"fetched": 120, "persisted": 120}
