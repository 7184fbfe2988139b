"""The garbage collector's and the threads' pace, asked in a process of its own: they hold for all of it."""

from __future__ import annotations

import subprocess
import sys

from tests.processes import PROJECT

ASKED = (
    "import gc, sys; print(gc.get_freeze_count() > 10_000, gc.get_threshold()[0] > 10_000,"
    " sys.getswitchinterval() < 0.001)"
)


def told(call: str) -> list[str]:
    code = f"import runs.interpreter as it; import django.db.models; it.{call}(); {ASKED}"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.split()


def test_a_web_process_keeps_what_is_loaded_and_the_rest_as_it_is() -> None:
    assert told("keep_what_is_loaded") == ["True", "False", "False"]


def test_a_process_that_executes_runs_looks_for_cycles_seldom() -> None:
    assert told("expect_many_records") == ["True", "True", "True"]
