"""`manage.py daemon`: the Celery worker that it becomes."""

from __future__ import annotations

from socket import gethostname

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from runs.management.commands.daemon import worker_options


def test_it_serves_the_queue_of_each_group() -> None:
    options = worker_options(["default", "eu"], 3, "threads", "INFO")

    assert (options["queues"], options["concurrency"]) == (["sync.default", "sync.eu"], 3)


def test_two_daemons_of_a_group_on_one_host_have_different_names() -> None:
    names = {worker_options(["default"], 1, "threads", "INFO")["hostname"] for _ in range(50)}

    assert len(names) == 50
    assert all(name.startswith("daemon-default-") and name.endswith(f"@{gethostname()}") for name in names)


@pytest.mark.parametrize(
    "arguments", [["--group", ""], ["--group", "a,,b"], ["--concurrency", "0"], ["--pool", "gevent"]]
)
def test_what_makes_no_sense_is_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("daemon", *arguments)
