"""The scheduler where the lines of the log are for machines. Apart, since only the scheduler is to load it."""

from __future__ import annotations

from typing import Any

from celery.apps.beat import Beat


class WordlessBeat(Beat):
    """Prints no banner at its start; what it logs it logs."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "quiet": True})
