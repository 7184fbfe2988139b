"""The code of an earlier version, taken out of the repository's history where that is there."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from tests.processes import PROJECT


def lacks(commit: str) -> bool:
    """Whether this is no checkout with history enough: the commit is not in it."""
    return _git("cat-file", "-e", f"{commit}^{{commit}}").returncode != 0


def checked_out(commit: str, folder: Path) -> Path:
    """The folder, filled with what the commit holds."""
    archive = _git("archive", "--format=tar", commit)
    archive.check_returncode()
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, check=False)
