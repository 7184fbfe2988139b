"""The collected static files: hashed names and compressed copies, made again when their sources have changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect_if_stale() -> None:
    """Collect the static files unless those collected last are of the same sources."""
    mark = Path(settings.STATIC_ROOT).with_suffix(".sources")
    current = _fingerprint()
    if mark.is_file() and mark.read_text() == current and (Path(settings.STATIC_ROOT) / "staticfiles.json").is_file():
        return
    call_command("collectstatic", verbosity=0, interactive=False, clear=True)
    mark.write_text(current)


def _fingerprint() -> str:
    """Names, sizes and times of all sources: any edit, addition or removal changes it."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in sorted(finder.list([]), key=lambda found: found[0]):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
