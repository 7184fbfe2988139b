"""`make audit` tells three things apart: nothing known, something known, and nobody asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.audit import FINE, FOUND, NOT_ASKED, main

GOOD = {"name": "django", "version": "5.2.4", "vulns": []}
BAD = {"name": "django", "version": "5.2.4", "vulns": [{"id": "GHSA-x", "fix_versions": ["5.2.5"]}]}
OF_TESTS = {"name": "pytest", "version": "9.0.0", "vulns": [{"id": "PYSEC-y", "fix_versions": []}]}
UNASKED = {"name": "django", "skip_reason": "Dependency not found"}


def auditor(folder: Path, said: Any, status: int, error: str = "") -> tuple[str, ...]:
    """A program that says this, whatever it is asked."""
    text = said if isinstance(said, str) else json.dumps({"dependencies": said, "fixes": []})
    program = folder / "auditor.py"
    program.write_text(f"import sys\nprint({text!r})\nprint({error!r}, file=sys.stderr)\nsys.exit({status})\n")
    return (sys.executable, str(program))


@pytest.mark.parametrize(
    ("said", "status", "error", "result", "told"),
    [
        ([GOOD], 0, "", FINE, "1 locked packages, 0 advisories."),
        ([BAD], 1, "", FOUND, "django 5.2.4: GHSA-x, mended in 5.2.5"),
        ([GOOD, OF_TESTS], 1, "", FOUND, "pytest 9.0.0 (for the tests alone): PYSEC-y, mended in no version yet"),
        ([GOOD, UNASKED], 0, "", NOT_ASKED, "could not be asked, so nothing was audited"),
        ("", 1, "Traceback\nNameResolutionError: no such host", NOT_ASKED, "NameResolutionError: no such host"),
        ("Not JSON", 0, "", NOT_ASKED, "could not be asked"),
        ([], 0, "", NOT_ASKED, "could not be asked"),
    ],
)
def test_what_came_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], said: Any, status: int, error: str, result: int, told: str
) -> None:
    assert main(auditor(tmp_path, said, status, error)) == result
    assert told in capsys.readouterr().out


def test_an_auditor_that_is_not_there_is_nobody_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main((str(tmp_path / "missing"),)) == NOT_ASKED
    assert "could not be asked" in capsys.readouterr().out
