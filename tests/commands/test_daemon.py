"""`manage.py daemon`: the Celery worker that it becomes."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from runs.management.commands.daemon import worker_arguments


def test_it_serves_the_queue_of_each_group() -> None:
    arguments = worker_arguments(["default", "eu"], 3, "threads", "INFO")

    assert arguments[arguments.index("--queues") + 1] == "sync.default,sync.eu"
    assert arguments[arguments.index("--concurrency") + 1] == "3"


def test_two_daemons_of_a_group_on_one_host_have_different_names() -> None:
    names = {worker_arguments(["default"], 1, "threads", "INFO")[4] for _ in range(50)}

    assert len(names) == 50
    assert all(name.startswith("daemon-default-") and name.endswith("@%h") for name in names)


@pytest.mark.parametrize(
    "arguments", [["--group", ""], ["--group", "a,,b"], ["--concurrency", "0"], ["--pool", "gevent"]]
)
def test_what_makes_no_sense_is_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("daemon", *arguments)
