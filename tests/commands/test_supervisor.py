"""The supervisor's children: kept running, given up on, ended."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runs.management.supervisor import Child, Lost, Service, end_all
from tests.processes import wait_until

ENDS = (sys.executable, "-c", "print('was here'); raise SystemExit(3)")
IGNORES_SIGTERM = (
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()",
)


def started_and_ended(child: Child, start: float, end: float | None = None) -> str:
    """Start it at that time, and return what is said of its end, which is noticed at once or at the time given."""
    assert child.look(start) is None
    assert child.process is not None
    child.process.wait(10)
    return child.look(start if end is None else end) or ""


def test_a_child_that_ends_is_started_again_later_each_time(tmp_path: Path) -> None:
    child = Child(Service("web", ENDS), tmp_path)

    said = [started_and_ended(child, now) for now in (0, 1, 3, 7)]

    assert said[0] == "The web ended with status 3; it is started again in 1 s."
    assert [text.rpartition(" in ")[2] for text in said] == ["1 s.", "2 s.", "4 s.", "8 s."]


def test_a_child_that_had_run_well_is_started_again_at_once(tmp_path: Path) -> None:
    child = Child(Service("web", ENDS), tmp_path)
    started_and_ended(child, 0)

    assert started_and_ended(child, 1, end=3600).endswith(" in 1 s.")


def test_it_is_not_started_before_its_time(tmp_path: Path) -> None:
    child = Child(Service("web", ENDS), tmp_path)
    started_and_ended(child, 0)

    child.look(0.5)

    assert child.process is None


def test_a_child_that_cannot_be_kept_alive_is_given_up(tmp_path: Path) -> None:
    child = Child(Service("web", ENDS), tmp_path)
    for now in (0, 1, 3, 7):
        started_and_ended(child, now)

    with pytest.raises(Lost, match="The web ended 5 times in a row, last with status 3"):
        started_and_ended(child, 15)


def test_its_output_goes_to_a_file_of_its_own(tmp_path: Path) -> None:
    started_and_ended(Child(Service("web", ENDS), tmp_path), 0)

    assert (tmp_path / "web.log").read_text() == "was here\n"


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    child = Child(Service("deaf", IGNORES_SIGTERM), tmp_path)
    child.look(0)
    wait_until(lambda: (tmp_path / "deaf.log").read_text(), 10, "the child's start")
    assert child.process is not None

    end_all([child.process], patience=0.1)

    assert child.process.returncode == -9
