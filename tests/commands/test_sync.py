"""`manage.py sync`: what it refuses before it starts. Its runs are in `tests/acceptance`."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from runs.models import SyncJobRun
from tests import factories

pytestmark = pytest.mark.django_db


def test_each_fault_of_the_args_is_a_line_and_there_is_no_run() -> None:
    account = factories.account()
    schema = {"type": "object", "properties": {"user": {"type": "integer", "required": True}}}
    job = factories.job(integration=account.integration, args_schema={**schema, "additionalProperties": False})

    with pytest.raises(CommandError) as told:
        call_command("sync", str(job.id), "acme", "--args", '{"usr": 7}')

    lines = str(told.value).splitlines()
    assert len(lines) == 2
    assert any(line.startswith("args.user: ") for line in lines)
    assert not SyncJobRun.objects.exists()


def test_a_second_live_run_is_refused_with_the_id_of_the_first() -> None:
    run = factories.run()

    with pytest.raises(CommandError, match=str(run.id)):
        call_command("sync", str(run.sync_job_id), str(run.integrated_account_id))


@pytest.mark.parametrize("text", ["{", "[1]", "7"])
def test_args_are_a_json_object(text: str) -> None:
    with pytest.raises(CommandError, match="JSON"):
        call_command("sync", "job", "account", "--args", text)
