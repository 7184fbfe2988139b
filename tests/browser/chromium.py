"""The system's Chromium: where it is, and how it is started without talking to anybody else."""

from __future__ import annotations

import os
import shutil

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--font-render-hinting=none",
]
MISSING = "Chromium is missing: set CHROMIUM to its path, or install Debian's chromium package"


def executable() -> str | None:
    """The path in CHROMIUM, else the chromium on the path; None if there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")
