"""One row per account, resource and id; what is unchanged is not written."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.utils import timezone
from uuid_utils.compat import uuid7

from runs.connectors import Slices
from runs.engine.record_form import StorableRecord, prepared, prepared_slices
from runs.engine.sinks import RecordStore
from runs.models import IntegratedAccount, Record
from runs.models.base import first_uuid7
from tests import factories


@pytest.fixture
def account(db: None) -> IntegratedAccount:
    return factories.account()


def forms(*records: dict[str, Any]) -> list[StorableRecord]:
    found = [prepared(record, "id") for record in records]
    return [form for form in found if isinstance(form, StorableRecord)]


def store(sink: RecordStore, records: list[StorableRecord], resource: str = "things") -> None:
    """As a batch is written."""
    differing = sink.differing(resource, records)
    if differing:
        sink.write(resource, differing)


def piece(body: bytes, record_id: str = "1") -> StorableRecord:
    (found,) = prepared_slices(Slices([body], [record_id]), "id")
    assert isinstance(found, StorableRecord)
    return found


def rows() -> dict[str, Any]:
    return {record.record_id: record.data for record in Record.objects.all()}


def test_records_are_stored_as_they_came(account: IntegratedAccount) -> None:
    odd = {"id": "a'b\"c\\%s", "text": "ß 日本 🎉 \\u0041", "n": 1.5, "deep": [None, {"x": True}], "big": 2**70}
    store(RecordStore(account.id, uuid7()), forms(odd, {"id": 2}))
    assert rows() == {odd["id"]: odd, "2": {"id": 2}}


def test_an_unchanged_record_is_not_written_and_a_changed_one_is(account: IntegratedAccount) -> None:
    first, second = uuid7(), uuid7()
    store(RecordStore(account.id, first), forms({"id": 1, "v": "a"}, {"id": 2, "v": "a"}))
    before = {record.record_id: record for record in Record.objects.all()}
    store(RecordStore(account.id, second), forms({"v": "a", "id": 1}, {"id": 2, "v": "b"}))
    after = {record.record_id: record for record in Record.objects.all()}
    assert (after["1"].updated_at, after["1"].last_run_id) == (before["1"].updated_at, first)
    assert (after["2"].data["v"], after["2"].first_run_id, after["2"].last_run_id) == ("b", first, second)
    assert after["2"].updated_at > before["2"].updated_at
    assert after["2"].created_at == before["2"].created_at
    assert {record.id for record in after.values()} == {record.id for record in before.values()}


@pytest.mark.parametrize("other", [b'{"v": "\\u00e9", "id": 1}', b'{"id":1,"v":"x","v":"\xc3\xa9"}'])
def test_a_record_in_other_words_is_noted_and_not_changed(account: IntegratedAccount, other: bytes) -> None:
    """Kept as they came, records may come with their keys in another order: that is no change."""
    first = uuid7()
    store(RecordStore(account.id, first), [piece(b'{"id":1,"v":"\xc3\xa9"}')])
    before = Record.objects.get()
    store(RecordStore(account.id, uuid7()), [piece(other)])
    after = Record.objects.get()
    assert (after.updated_at, after.last_run_id, after.data) == (before.updated_at, first, {"id": 1, "v": "é"})
    assert bytes(after.content_hash) == piece(other).content_hash
    asked = RecordStore(account.id, uuid7())
    assert list(asked.differing("things", [piece(other)])) == []


def test_a_record_in_other_words_that_was_gone_is_back(account: IntegratedAccount) -> None:
    store(RecordStore(account.id, uuid7()), [piece(b'{"id":1,"v":2}')])
    Record.objects.update(deleted_at=timezone.now())
    run = uuid7()
    store(RecordStore(account.id, run), [piece(b'{"v":2,"id":1}')])
    after = Record.objects.get()
    assert (after.deleted_at, after.last_run_id) == (None, run)


def test_a_record_was_created_when_its_id_was_drawn(account: IntegratedAccount) -> None:
    store(RecordStore(account.id, uuid7()), forms({"id": 1}, {"id": 2}))
    store(RecordStore(account.id, uuid7()), forms({"id": 1, "v": 2}, {"id": 3}))
    for record in Record.objects.all():
        assert first_uuid7(record.created_at) <= record.id < first_uuid7(record.created_at + timedelta(milliseconds=1))


def test_of_two_records_with_one_id_the_last_wins(account: IntegratedAccount) -> None:
    store(RecordStore(account.id, uuid7()), forms({"id": 1, "v": "a"}, {"id": "1", "v": "b"}))
    assert rows() == {"1": {"id": "1", "v": "b"}}


def test_resources_and_accounts_do_not_meet(account: IntegratedAccount) -> None:
    other = factories.account(integration=account.integration)
    for sink in (RecordStore(account.id, uuid7()), RecordStore(other.id, uuid7())):
        store(sink, forms({"id": 1}))
        store(sink, forms({"id": 1}), "others")
    assert Record.objects.count() == 4


def test_what_is_stored_is_what_came_last_however_much_of_it_is_known(account: IntegratedAccount) -> None:
    """Batches of new, changed and unchanged records by turns, so that it asks beforehand at times, and at times not."""
    dice, model = Random(7), dict[str, Any]()
    for number in range(60):
        if number % 12 == 0:
            sink = RecordStore(account.id, uuid7())
        share = dice.choice([0.0, 0.1, 0.9])
        keys = dice.sample(range(60), 20)
        came = [{"id": f"r'{key}", "v": number if dice.random() < share else 0} for key in keys]
        store(sink, forms(*came))
        model |= {record["id"]: record for record in came}
    assert rows() == model


def test_what_another_run_stores_among_new_records_is_no_error(account: IntegratedAccount) -> None:
    """Records that follow new ones are written as new ones, unasked: until one is there already."""
    loading, other = RecordStore(account.id, uuid7()), RecordStore(account.id, uuid7())
    store(loading, forms({"id": 1}, {"id": 2}))
    store(other, forms({"id": 4, "v": "theirs"}, {"id": 6}))
    store(loading, forms({"id": 3}, {"id": 4, "v": "ours"}, {"id": 5}))
    store(loading, forms({"id": 6}, {"id": 7}))
    assert rows() == {str(number): {"id": number} for number in range(1, 8)} | {"4": {"id": 4, "v": "ours"}}


def test_a_record_that_another_run_stores_after_the_question_is_no_error(account: IntegratedAccount) -> None:
    asking, other = RecordStore(account.id, uuid7()), RecordStore(account.id, uuid7())
    differing = asking.differing("things", forms({"id": 1, "v": "ours"}, {"id": 2}))
    store(other, forms({"id": 1, "v": "theirs"}))
    asking.write("things", differing)
    assert rows() == {"1": {"id": 1, "v": "ours"}, "2": {"id": 2}}


def test_a_record_that_was_gone_and_comes_again_is_back(account: IntegratedAccount) -> None:
    store(RecordStore(account.id, uuid7()), forms({"id": 1}, {"id": 2}, {"id": 3}))
    Record.objects.filter(record_id="1").update(deleted_at=timezone.now())
    store(RecordStore(account.id, uuid7()), forms({"id": 1}, {"id": 2}, {"id": 3}))
    assert list(Record.objects.exclude(deleted_at=None)) == []


@pytest.mark.only_on("sqlite")  # PostgreSQL's statements pass Django's count by
def test_known_records_are_asked_for_and_not_sent(account: IntegratedAccount, django_assert_num_queries: Any) -> None:
    came = forms({"id": 1}, {"id": 2})
    store(RecordStore(account.id, uuid7()), came)
    again = RecordStore(account.id, uuid7())
    with django_assert_num_queries(2) as made:
        store(again, came)
        store(again, came)
    assert all(query["sql"].strip().startswith("SELECT") for query in made.captured_queries)


def test_nothing_to_store_is_no_statement(account: IntegratedAccount, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        store(RecordStore(account.id, uuid7()), [])
