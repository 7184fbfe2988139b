"""Keys that are made once and kept, for the installation that was given none."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """The secret in the file; made and written there first if it is not there yet, readable by the owner only.

    Safe when several processes start at once: exactly one creates the file, the others read it.
    Raises ImproperlyConfigured when the folder can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _publish(path, make())
        return path.read_text().strip()
    except OSError as error:
        raise _unwritable(path.parent, error) from error


def require_folder(folder: Path) -> None:
    """Make the folder if it is missing. Raises ImproperlyConfigured when nothing can be kept in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"The data directory {folder} can't be written ({error.strerror}). Set DATA_DIR to a writable folder."
    )


def kept_keys(path: Path, make: Callable[[], str]) -> list[str]:
    """The keys in the file, one a line; as `kept_secret` otherwise."""
    return kept_secret(path, make).split()


def put_in_front(path: Path, key: str) -> None:
    """Write the key into the file ahead of those that are there. Nobody reads a file that is half written.

    The draft's name is its lock: raises FileExistsError where somebody else is at it, or was cut short.
    """
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("".join(f"{line}\n" for line in [key, *path.read_text().split()]))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _publish(path: Path, secret: str) -> None:
    """Write beside, then link into place: nobody reads a half-written file, and the first one wins."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
