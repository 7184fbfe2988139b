"""The system's Chromium: where it is, and how it is started without talking to anybody else.

The headless shell is the same engine without the windows around it, which are half of what a test costs.
"""

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
MISSING = "Chromium is missing: set CHROMIUM to its path, or install Debian's package chromium-headless-shell"


def executable() -> str | None:
    """The path in CHROMIUM, else of the headless shell or the whole chromium; None if there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
