"""Locks between the processes of one host, on files. The kernel lets go of them when their holder ends, however it
ends, so none is ever left over."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

LOOK = 0.05  # seconds
MOMENT = 1.0
LONGEST_NOTE = 200


class Held(Exception):
    """Another process holds the lock. The text is what that has noted about itself, and may be empty."""


@contextmanager
def locked_file(path: Path, note: str = "") -> Iterator[None]:
    """Hold the lock, with a note for whoever wants it meanwhile. Raises Held, and OSError where the file can't be made.

    The file stays: whoever removed it would let two hold locks of the same name.
    """
    with path.open("a+") as file:
        if not _is_ours(file):
            file.seek(0)
            raise Held(file.read(LONGEST_NOTE))
        file.truncate(0)
        file.write(note)
        file.flush()
        yield


@contextmanager
def awaited_file(path: Path, patience: float, tell: Callable[[], None]) -> Iterator[None]:
    """Hold the lock as soon as it is free; `tell` is called when that takes longer than a moment. Raises Held when it
    takes longer than `patience`, in seconds, and OSError."""
    with path.open("a") as file:
        began, told = time.monotonic(), False
        while not _is_ours(file):
            waited = time.monotonic() - began
            if waited > patience:
                raise Held
            if waited > MOMENT and not told:
                told = True
                tell()
            time.sleep(LOOK)
        yield


def _is_ours(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
