"""The embedded broker's folders.

Its messages are files, which anybody who may write there could forge, so the folders are the owner's alone.
It serves one machine: the folders must not lie on a network file system.
"""

from __future__ import annotations

import tempfile
from typing import Any

from celery.signals import celeryd_init
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_FOLDERS = ("messages", "control", "tmp")


def prepare_embedded_broker() -> None:
    """Make the broker's folders where they are missing; with another broker there is nothing to do.

    Raises ImproperlyConfigured when the data directory can't be written.
    """
    if not settings.EMBEDDED_BROKER:
        return
    try:
        for name in _FOLDERS:
            folder = settings.BROKER_DIR / name
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The broker's folder {settings.BROKER_DIR} can't be written ({error.strerror}). "
            "Set DATA_DIR to a writable folder."
        ) from error


@celeryd_init.connect
def claim_on_one_disk(**_: Any) -> None:
    """Give a daemon a temporary folder beside the messages.

    A daemon claims a message by moving its file to the temporary folder, and only within one file system is that
    move a rename, which one daemon alone can win.
    """
    if settings.EMBEDDED_BROKER:
        tempfile.tempdir = str(settings.BROKER_DIR / "tmp")
